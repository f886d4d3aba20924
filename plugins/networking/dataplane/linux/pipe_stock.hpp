// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace k2s::dataplane {

/// Both ends of a pipe for splice(2).
class Pipe {
  public:
    Pipe() = default;
    Pipe(int read_end, int write_end) noexcept : read_end_(read_end), write_end_(write_end) {}
    Pipe(Pipe &&other) noexcept
        : read_end_(std::exchange(other.read_end_, -1)),
          write_end_(std::exchange(other.write_end_, -1)) {}
    Pipe &operator=(Pipe &&other) noexcept {
        std::swap(read_end_, other.read_end_);
        std::swap(write_end_, other.write_end_);
        return *this;
    }
    ~Pipe();

    bool open() const noexcept { return read_end_ >= 0; }
    int read_end() const noexcept { return read_end_; }
    int write_end() const noexcept { return write_end_; }

  private:
    int read_end_ = -1;
    int write_end_ = -1;
};

/// Empty pipes, kept for the next flow of an event loop; belongs to the loop's thread.
class PipeStock {
  public:
    static constexpr size_t k_pipe_bytes = 512 * 1024;
    static constexpr size_t k_kept = 32;

    /// An open pipe, or one that is not when descriptors are used up. From the first pipe on the
    /// calling thread has SIGPIPE blocked: unlike send, splice to a peer that is gone raises it.
    Pipe take() noexcept;
    /// `pipe` must be empty.
    void give_back(Pipe pipe);

  private:
    std::vector<Pipe> kept_;
    bool quiet_ = false; ///< SIGPIPE is blocked
};

} // namespace k2s::dataplane
