// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include "process/command.hpp"
#include "process/windows/handle.hpp"

/// One-way pipes whose near side is overlapped, so that one thread can serve several of them and a
/// deadline at the same time (anonymous pipes cannot do that).
namespace k2s::core::process {

struct PipePair {
    Handle near_side; // ours: overlapped, not inheritable
    Handle far_side;  // the child's: ordinary, inheritable
};

enum class Direction { FromChild, ToChild };
Result<PipePair> make_pipe(Direction direction);

/// What a child writes. The object must not move while a read is pending.
class Reader {
  public:
    Reader(Handle from, const Output &output);
    Reader(const Reader &) = delete;
    Reader &operator=(const Reader &) = delete;
    ~Reader();

    void begin();
    /// Takes the finished piece and begins the next; false: the child has to be ended.
    bool finish();
    [[nodiscard]] bool open() const { return from_.valid(); }
    [[nodiscard]] HANDLE event() const { return event_.get(); }
    [[nodiscard]] bool truncated() const { return meter_.truncated(); }

  private:
    Handle from_;
    Handle event_;
    Meter meter_;
    OVERLAPPED overlapped_{};
    std::array<char, 65536> buffer_;
};

/// What a child reads: all of `text`, then end of file. The same rule about moving.
class Writer {
  public:
    Writer(Handle to, std::string_view text);
    Writer(const Writer &) = delete;
    Writer &operator=(const Writer &) = delete;
    ~Writer();

    void begin();
    void finish();
    [[nodiscard]] bool open() const { return to_.valid(); }
    [[nodiscard]] HANDLE event() const { return event_.get(); }

  private:
    Handle to_;
    Handle event_;
    std::string_view rest_;
    OVERLAPPED overlapped_{};
};

} // namespace k2s::core::process
