// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

namespace k2s::core::trust {

namespace fs = boost::filesystem;

constexpr std::size_t k_records_file_max = 1024 * 1024;

/// Its text; empty when there is none, or it is too large, no regular file, or writable by others.
std::string read_records_file(const fs::path &file);

constexpr std::chrono::milliseconds k_records_lock_patience{10'000};

/// Holds `<file>.lock`, so that two processes do not lose each other's change. The system lets go
/// of it when this process dies. K2S_E_BUSY when another one keeps it for longer than `patience`.
class RecordsLock {
  public:
    static Result<RecordsLock> take(const fs::path &file,
                                    std::chrono::milliseconds patience = k_records_lock_patience);
    RecordsLock(RecordsLock &&other) noexcept;
    RecordsLock &operator=(RecordsLock &&) = delete;
    ~RecordsLock();

  private:
#ifdef _WIN32
    using Native = void *;
#else
    using Native = int;
#endif
    explicit RecordsLock(Native native) : native_(native) {}
    Native native_;
};

/// Between two looks at a lock that another process holds.
constexpr std::chrono::milliseconds k_lock_pause{10};

std::unexpected<Error> lock_busy(const fs::path &file);

/// Readers see the old text or the new one, never half of it, also after a power failure.
Result<void> replace_records_file(const fs::path &file, const std::string &text);

} // namespace k2s::core::trust
