// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <k2s/sdk/error.hpp>
#include <k2s/sdk/windows_path.hpp>
#include <k2s/sdk/windows_replace.hpp>

#if !defined(_WIN32)
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace k2s {

/// Replaces a file in one step: the bytes go to a new file in the same directory, and `commit()`
/// flushes them to the disk and renames that file over the target. Until then – and after any
/// failure, or when the object dies first – the old target is untouched and no partial file stays.
/// A process that is killed leaves nothing either, but on file systems without files that have no
/// name, where its `.k2s-<random>.tmp` stays in the directory.
///
/// Paths are UTF-8; on Windows they may be longer than MAX_PATH. A target that is a symbolic link
/// is itself replaced, not what it points to. A target that is or points to a directory or a device
/// is refused.
/// C++17, no dependency. Not thread-safe: one object belongs to one thread.
class AtomicFile {
  public:
    AtomicFile() = default;
    AtomicFile(const AtomicFile &) = delete;
    AtomicFile &operator=(const AtomicFile &) = delete;
    ~AtomicFile() { discard(); }

    /// Starts a replacement of `path`. On POSIX the new file gets `mode` less the umask; but when
    /// it replaces a regular file, it keeps that file's permissions. On Windows it inherits the
    /// directory's access list and `mode` is not used.
    bool open(std::string_view path, unsigned mode = 0644);

    /// Appends all of it, or fails.
    bool write(const void *data, std::size_t size);

    /// Flush, fsync, rename, fsync of the directory. After it the object can be opened again.
    bool commit();

    /// Drops what was written. Never fails; does nothing when no replacement is under way.
    void discard() noexcept;

    /// Why the last call returned false.
    const Error &error() const noexcept { return error_; }

  private:
    static constexpr int k_name_attempts = 100;

    bool fail(std::string what);
    static std::string temporary_name(std::uint64_t salt);
#if defined(_WIN32)
    bool goes_when_closed(bool goes) noexcept;
#else
    template <class Make> bool make_name(Make make);
    bool name_it();
    std::string descriptor_path() const { return "/proc/self/fd/" + std::to_string(file_); }
#endif

    std::string path_;
    Error error_;
#if defined(_WIN32)
    std::wstring target_;
    std::wstring temporary_;
    HANDLE file_ = INVALID_HANDLE_VALUE;
#else
    std::string target_;
    std::string temporary_;
    int directory_ = -1;
    int file_ = -1;
#endif
};

/// A name that another process is not likely to take at the same time; the exclusive creation of
/// the file is what makes it safe, not the name.
inline std::string AtomicFile::temporary_name(std::uint64_t salt) {
    static const char digits[] = "0123456789abcdef";
    std::uint64_t x = salt + 0x9e3779b97f4a7c15ULL; // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    x ^= x >> 31;
    std::string name = ".k2s-";
    for (int shift = 60; shift >= 0; shift -= 4) {
        name += digits[(x >> shift) & 15];
    }
    return name + ".tmp";
}

#if defined(_WIN32)

inline bool AtomicFile::fail(std::string what) {
    const DWORD code = GetLastError();
    const bool denied = code == ERROR_ACCESS_DENIED || code == ERROR_SHARING_VIOLATION;
    const bool missing = code == ERROR_PATH_NOT_FOUND || code == ERROR_FILE_NOT_FOUND;
    error_.code = denied ? K2S_E_PERMISSION : missing ? K2S_E_NOT_FOUND : K2S_E_IO;
    error_.message = std::move(what) + " '" + path_ + "': Windows error " + std::to_string(code);
    if (code == ERROR_SHARING_VIOLATION) {
        error_.message += " (another program has it open; close it and try again)";
    }
    discard();
    return false;
}

/// False where the file system has no such thing.
inline bool AtomicFile::goes_when_closed(bool goes) noexcept {
    FILE_DISPOSITION_INFO info{};
    info.DeleteFile = goes ? TRUE : FALSE;
    return SetFileInformationByHandle(file_, FileDispositionInfo, &info, sizeof info) != 0;
}

inline bool AtomicFile::open(std::string_view path, unsigned /*mode*/) {
    discard();
    path_ = path;
    target_ = detail::system_path(path);
    const std::size_t slash = target_.rfind(L'\\');
    if (slash == std::wstring::npos || slash + 1 == target_.size()) {
        error_ = {K2S_E_USAGE, "'" + path_ + "' does not name a file"};
        return false;
    }
    const DWORD attributes = GetFileAttributesW(target_.c_str());
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        error_ = {K2S_E_USAGE, "'" + path_ + "' is a directory; name a file in it"};
        return false;
    }
    LARGE_INTEGER now{};
    QueryPerformanceCounter(&now);
    for (int attempt = 0; attempt < k_name_attempts; ++attempt) {
        const auto salt = static_cast<std::uint64_t>(now.QuadPart) * 977 + GetCurrentProcessId() +
                          (static_cast<std::uint64_t>(attempt) << 48);
        temporary_ = target_.substr(0, slash + 1) + detail::widen(temporary_name(salt));
        file_ = CreateFileW(temporary_.c_str(), GENERIC_WRITE | DELETE, 0, nullptr, CREATE_NEW,
                            FILE_ATTRIBUTE_NORMAL, nullptr);
        if (file_ != INVALID_HANDLE_VALUE) {
            goes_when_closed(true); // should this process be killed
            return true;
        }
        if (GetLastError() != ERROR_FILE_EXISTS) {
            break;
        }
    }
    temporary_.clear();
    return fail("cannot create a file beside");
}

inline bool AtomicFile::write(const void *data, std::size_t size) {
    if (file_ == INVALID_HANDLE_VALUE) {
        error_ = {K2S_E_STATE, "no file is open for writing"};
        return false;
    }
    const char *next = static_cast<const char *>(data);
    while (size > 0) {
        const DWORD piece = size > (1U << 30) ? (1U << 30) : static_cast<DWORD>(size);
        DWORD done = 0;
        if (!WriteFile(file_, next, piece, &done, nullptr) || done == 0) {
            return fail("cannot write");
        }
        next += done;
        size -= done;
    }
    return true;
}

inline bool AtomicFile::commit() {
    if (file_ == INVALID_HANDLE_VALUE) {
        error_ = {K2S_E_STATE, "no file is open for writing"};
        return false;
    }
    if (!FlushFileBuffers(file_)) {
        return fail("cannot flush");
    }
    goes_when_closed(false);
    CloseHandle(file_);
    file_ = INVALID_HANDLE_VALUE;
    if (!detail::replace_file(temporary_.c_str(), target_.c_str())) {
        return fail("cannot replace");
    }
    temporary_.clear();
    return true;
}

inline void AtomicFile::discard() noexcept {
    if (file_ != INVALID_HANDLE_VALUE) {
        CloseHandle(file_);
        file_ = INVALID_HANDLE_VALUE;
    }
    if (!temporary_.empty()) {
        DeleteFileW(temporary_.c_str());
        temporary_.clear();
    }
}

#else

inline bool AtomicFile::fail(std::string what) {
    const int code = errno;
    const bool denied = code == EACCES || code == EPERM || code == EROFS;
    error_.code = denied ? K2S_E_PERMISSION : code == ENOENT ? K2S_E_NOT_FOUND : K2S_E_IO;
    error_.message = std::move(what) + " '" + path_ + "': " + std::strerror(code);
    discard();
    return false;
}

/// Calls `make(name)` until the name is no other's.
template <class Make> bool AtomicFile::make_name(Make make) {
    struct timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int attempt = 0; attempt < k_name_attempts; ++attempt) {
        const auto salt = static_cast<std::uint64_t>(now.tv_sec) * 1000000000ULL +
                          static_cast<std::uint64_t>(now.tv_nsec) +
                          (static_cast<std::uint64_t>(getpid()) << 32) +
                          (static_cast<std::uint64_t>(attempt) << 56);
        temporary_ = temporary_name(salt);
        if (make(temporary_.c_str())) {
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    temporary_.clear();
    return false;
}

/// Only a file with a name can replace another one.
inline bool AtomicFile::name_it() {
    return !temporary_.empty() || make_name([this](const char *name) {
        return linkat(AT_FDCWD, descriptor_path().c_str(), directory_, name, AT_SYMLINK_FOLLOW) ==
               0;
    });
}

inline bool AtomicFile::open(std::string_view path, unsigned mode) {
    discard();
    path_ = path;
    const std::size_t slash = path_.rfind('/');
    target_ = slash == std::string::npos ? path_ : path_.substr(slash + 1);
    if (target_.empty() || target_ == "." || target_ == ".." ||
        path_.find('\0') != std::string::npos) {
        error_ = {K2S_E_USAGE, "'" + path_ + "' does not name a file"};
        return false;
    }
    // The directory is held open: creation, rename and flush meet the same one, whatever happens to
    // its name meanwhile.
    const std::string parent = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    directory_ = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) {
        return fail("cannot open the directory of");
    }
    struct stat old{};
    const bool exists = fstatat(directory_, target_.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
    // A link to a device, such as /dev/stdout, stands for that device: replacing it would take the
    // name away from every other program.
    struct stat meant = old;
    if (exists && S_ISLNK(old.st_mode) && fstatat(directory_, target_.c_str(), &meant, 0) != 0) {
        meant.st_mode = S_IFREG; // dangling
    }
    if (exists && !S_ISREG(meant.st_mode)) {
        discard();
        error_ = {K2S_E_USAGE, "'" + path_ + "' is a " +
                                   (S_ISDIR(meant.st_mode) ? "directory" : "special file") +
                                   "; name a regular file"};
        return false;
    }
#if defined(O_TMPFILE)
    file_ = openat(directory_, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, static_cast<mode_t>(mode));
    if (file_ >= 0 && access(descriptor_path().c_str(), F_OK) != 0) { // no /proc, or not for us
        ::close(file_);
        file_ = -1;
    }
#endif
    if (file_ < 0 && !make_name([&](const char *name) {
            file_ = openat(directory_, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                           static_cast<mode_t>(mode));
            return file_ >= 0;
        })) {
        return fail("cannot create a file beside");
    }
    if (exists && S_ISREG(old.st_mode) && fchmod(file_, old.st_mode & 0777) != 0) {
        return fail("cannot keep the permissions of");
    }
    return true;
}

inline bool AtomicFile::write(const void *data, std::size_t size) {
    if (file_ < 0) {
        error_ = {K2S_E_STATE, "no file is open for writing"};
        return false;
    }
    const char *next = static_cast<const char *>(data);
    while (size > 0) {
        const ssize_t done = ::write(file_, next, size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? EIO : errno;
            return fail("cannot write");
        }
        next += done;
        size -= static_cast<std::size_t>(done);
    }
    return true;
}

inline bool AtomicFile::commit() {
    if (file_ < 0) {
        error_ = {K2S_E_STATE, "no file is open for writing"};
        return false;
    }
    if (fsync(file_) != 0) {
        return fail("cannot flush");
    }
    if (!name_it()) {
        return fail("cannot give a name to the file beside");
    }
    // Network file systems report a full disk only here.
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0 && errno != EINTR) {
        return fail("cannot finish");
    }
    if (renameat(directory_, temporary_.c_str(), directory_, target_.c_str()) != 0) {
        return fail("cannot replace");
    }
    temporary_.clear();
    // The new file is in place. Some file systems cannot flush a directory (EINVAL); then the
    // rename is as durable as they make it.
    const bool durable = fsync(directory_) == 0 || errno == EINVAL || errno == ENOTSUP;
    if (!durable) {
        return fail("the new file is in place, but cannot flush the directory of");
    }
    discard();
    return true;
}

inline void AtomicFile::discard() noexcept {
    if (file_ >= 0) {
        ::close(file_);
        file_ = -1;
    }
    if (!temporary_.empty()) {
        unlinkat(directory_, temporary_.c_str(), 0);
        temporary_.clear();
    }
    if (directory_ >= 0) {
        ::close(directory_);
        directory_ = -1;
    }
}

#endif

/// Replaces the whole file in one step, as AtomicFile does; K2S_OK or the reason. [may-block]
inline Status write_file(std::string_view path, std::string_view content, unsigned mode = 0644) {
    AtomicFile file;
    if (!file.open(path, mode) || !file.write(content.data(), content.size()) || !file.commit()) {
        return file.error();
    }
    return K2S_OK;
}

} // namespace k2s
