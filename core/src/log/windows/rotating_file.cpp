// SPDX-License-Identifier: MIT
#include "log/rotating_file.hpp"

#include <windows.h>

#include "log/system.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto k_after_timeout = std::chrono::seconds(10);
constexpr auto k_after_failed_rotation = std::chrono::seconds(1);
constexpr uint32_t k_surplus = 100; // older parts that a lowered `keep` left behind
// Locks are mandatory here, and the lock file's first bytes hold a counter that the holder reads.
constexpr DWORD k_lock_offset_high = 0x40000000;

std::unexpected<Error> cannot(const char *what, const fs::path &path, DWORD error) {
    return fail(error == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_IO, "cannot {} {}: {}",
                what, path_text(path), windows_error(error));
}

OVERLAPPED at(uint64_t offset) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32U);
    return place;
}

} // namespace

struct RotatingFile::State {
    Options options;
    fs::path path;
    fs::path lock_path;
    HANDLE file = INVALID_HANDLE_VALUE;
    HANDLE lock_file = INVALID_HANDLE_VALUE;
    uint64_t generation = 0; ///< of the file that `file` is
    Clock::time_point quiet_until{};
    Clock::time_point next_rotation{};

    explicit State(Options given)
        : options(std::move(given)), path(long_path(options.path)),
          lock_path(path.native() + L".lock") {}
    ~State() {
        close(file);
        close(lock_file);
    }

    static void close(HANDLE &handle) {
        if (handle != INVALID_HANDLE_VALUE) {
            ::CloseHandle(handle);
            handle = INVALID_HANDLE_VALUE;
        }
    }

    // Sharing deletion lets another process rename the file while we have it open.
    HANDLE create(const fs::path &name) {
        return ::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE,
                             FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                             OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT,
                             nullptr);
    }

    Result<HANDLE> open(const fs::path &name) {
        HANDLE handle = create(name);
        if (handle == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_PATH_NOT_FOUND) {
            if (auto made = make_private_folder(options.path.parent_path()); !made) {
                return pass(made);
            }
            handle = create(name);
        }
        const DWORD error = ::GetLastError();
        const DWORD kind = handle == INVALID_HANDLE_VALUE ? ::GetFileAttributesW(name.c_str()) : 0;
        const bool folder =
            kind != INVALID_FILE_ATTRIBUTES && (kind & FILE_ATTRIBUTE_DIRECTORY) != 0;
        if (handle == INVALID_HANDLE_VALUE && !folder) {
            return cannot("open", name, error);
        }
        if (folder || ::GetFileType(handle) != FILE_TYPE_DISK) {
            close(handle);
            return fail(K2S_E_IO, "cannot log to {}: it is not a regular file; remove it",
                        path_text(name));
        }
        return handle;
    }

    Result<void> lock() {
        const auto deadline = Clock::now() + options.lock_timeout;
        for (int attempt = 0;; ++attempt) {
            if (lock_file == INVALID_HANDLE_VALUE) {
                auto opened = open(lock_path);
                if (!opened) {
                    return pass(opened);
                }
                lock_file = *opened;
            }
            OVERLAPPED place = at(static_cast<uint64_t>(k_lock_offset_high) << 32U);
            if (::LockFileEx(lock_file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1,
                             0, &place) != 0) {
                if (standard_info(lock_file).DeletePending == FALSE) {
                    return {};
                }
                close(lock_file); // removed by somebody: others lock a new one
            } else if (const DWORD error = ::GetLastError();
                       error != ERROR_LOCK_VIOLATION && error != ERROR_IO_PENDING) {
                return cannot("lock", lock_path, error);
            }
            if (Clock::now() > deadline) {
                quiet_until = Clock::now() + k_after_timeout;
                return fail(K2S_E_TIMEOUT, "cannot lock {}: another process has held it for {} ms",
                            path_text(lock_path), options.lock_timeout.count());
            }
            ::Sleep(attempt < 8 ? 0 : 1);
        }
    }

    void unlock() {
        OVERLAPPED place = at(static_cast<uint64_t>(k_lock_offset_high) << 32U);
        ::UnlockFileEx(lock_file, 0, 1, 0, &place);
    }

    static FILE_STANDARD_INFO standard_info(HANDLE handle) {
        FILE_STANDARD_INFO info{};
        if (::GetFileInformationByHandleEx(handle, FileStandardInfo, &info, sizeof info) == 0) {
            info.DeletePending = TRUE;
        }
        return info;
    }

    // The lock file counts rotations, so that a writer learns of one without opening the log anew.
    uint64_t read_generation() {
        uint64_t value = 0;
        OVERLAPPED start = at(0);
        DWORD got = 0;
        if (::ReadFile(lock_file, &value, sizeof value, &got, &start) == 0 || got != sizeof value) {
            return 0;
        }
        return value;
    }

    void write_generation(uint64_t value) {
        OVERLAPPED start = at(0);
        DWORD written = 0;
        ::WriteFile(lock_file, &value, sizeof value, &written, &start);
    }

    Result<void> reopen(uint64_t current) {
        close(file);
        auto opened = open(path);
        if (!opened) {
            return pass(opened);
        }
        file = *opened;
        generation = current;
        // A process that was killed in the middle of a record leaves no newline at the end.
        const auto size = static_cast<uint64_t>(standard_info(file).EndOfFile.QuadPart);
        char last = '\n';
        DWORD count = 0;
        if (size > 0) {
            OVERLAPPED place = at(size - 1);
            ::ReadFile(file, &last, 1, &count, &place);
        }
        if (last != '\n') {
            OVERLAPPED end = at(size);
            ::WriteFile(file, "\n", 1, &count, &end);
        }
        return {};
    }

    fs::path part(uint32_t number) const {
        return fs::path(path.native() + L'.' + std::to_wstring(number));
    }

    // A file that some process still has open keeps its name after DeleteFile until the last handle
    // is closed; under another name it is not in the way.
    bool remove(const fs::path &name) {
        const fs::path grave(path.native() + L".old-" + to_wide(random_hex(8)));
        if (::MoveFileExW(name.c_str(), grave.c_str(), 0) == 0) {
            return ::GetLastError() == ERROR_FILE_NOT_FOUND;
        }
        ::DeleteFileW(grave.c_str());
        return true;
    }

    Result<void> rotate(uint64_t current) {
        // First of all: a crash further down must not leave others with the old file.
        write_generation(current + 1);
        bool moved = true;
        if (options.keep == 0) {
            moved = remove(path);
        } else {
            moved = remove(part(options.keep));
            for (uint32_t number = options.keep; moved && number > 1; --number) {
                moved = ::MoveFileExW(part(number - 1).c_str(), part(number).c_str(), 0) != 0 ||
                        ::GetLastError() == ERROR_FILE_NOT_FOUND;
            }
            moved = moved && ::MoveFileExW(path.c_str(), part(1).c_str(), 0) != 0;
        }
        if (!moved) { // a viewer has it open: a longer file is better than a lost line
            next_rotation = Clock::now() + k_after_failed_rotation;
        }
        for (uint32_t number = options.keep + 1; moved && number <= options.keep + k_surplus;
             ++number) {
            if (::GetFileAttributesW(part(number).c_str()) == INVALID_FILE_ATTRIBUTES ||
                !remove(part(number))) {
                break;
            }
        }
        return reopen(current + 1);
    }

    Result<void> append(std::string_view record, uint64_t size) {
        OVERLAPPED end = at(size);
        DWORD written = 0;
        if (::WriteFile(file, record.data(), static_cast<DWORD>(record.size()), &written, &end) !=
                0 &&
            written == record.size()) {
            return {};
        }
        const DWORD error = written == 0 ? ::GetLastError() : ERROR_DISK_FULL;
        FILE_END_OF_FILE_INFO back{};
        back.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
        if (::SetFileInformationByHandle(file, FileEndOfFileInfo, &back, sizeof back) == 0) {
            close(file); // reopening repairs the line end
        }
        return cannot("write", path, error);
    }

    Result<void> write_locked(std::string_view record) {
        const uint64_t current = read_generation();
        if (file == INVALID_HANDLE_VALUE || generation != current ||
            standard_info(file).DeletePending != FALSE ||
            ::GetFileAttributesW(path.c_str()) == INVALID_FILE_ATTRIBUTES) {
            if (auto done = reopen(current); !done) {
                return done;
            }
        }
        auto size = static_cast<uint64_t>(standard_info(file).EndOfFile.QuadPart);
        if (size > 0 && size + record.size() > options.max_bytes && Clock::now() >= next_rotation) {
            if (auto done = rotate(current); !done) {
                return done;
            }
            size = static_cast<uint64_t>(standard_info(file).EndOfFile.QuadPart);
        }
        return append(record, size);
    }
};

RotatingFile::RotatingFile(Options options) : state_(std::make_unique<State>(std::move(options))) {}

RotatingFile::~RotatingFile() = default;

Result<void> RotatingFile::write(std::string_view record) {
    if (Clock::now() < state_->quiet_until) {
        return fail(K2S_E_TIMEOUT, "{} is held by another process", path_text(state_->lock_path));
    }
    if (auto locked = state_->lock(); !locked) {
        return locked;
    }
    auto result = state_->write_locked(record);
    state_->unlock();
    return result;
}

} // namespace k2s::core
