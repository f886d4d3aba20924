// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// A log file that many processes append to at the same time: `name`, and its older parts `name.1`
/// (youngest) to `name.<keep>`.
///
/// Each record is written whole under an exclusive advisory lock on `name.lock`. Under that lock
/// the writer also learns whether another process has rotated the file meanwhile, opens the new one
/// then, and rotates when the record would pass `max_bytes`. So no record is torn, none goes to a
/// file that was already dropped, and a record that does not fit on the disk is taken back
/// completely. The lock dies with its process. A holder that is merely stopped costs others at most
/// `lock_timeout`; their records are counted as dropped instead of waiting for ever.
///
/// Not thread-safe: the logger serialises.
class RotatingFile {
  public:
    struct Options {
        fs::path path;
        uint64_t max_bytes = 500000;
        uint32_t keep = 5; ///< older parts
        std::chrono::milliseconds lock_timeout{2000};
    };

    explicit RotatingFile(Options options);
    RotatingFile(const RotatingFile &) = delete;
    RotatingFile &operator=(const RotatingFile &) = delete;
    ~RotatingFile();

    /// Appends one complete record (its newline included).
    Result<void> write(std::string_view record);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace k2s::core
