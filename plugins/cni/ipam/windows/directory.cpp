// SPDX-License-Identifier: MIT
#include "ipam/directory.hpp"

#include <array>
#include <utility>

#include <k2s/sdk/windows_path.hpp>

#include "spec/files.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_longest_content = 1024;
constexpr DWORD k_share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

HANDLE handle(intptr_t number) {
    return reinterpret_cast<HANDLE>(number);
}

std::unexpected<Failure> failed(const char *what, const std::string &path) {
    const DWORD why = GetLastError();
    const char *remedy = why == ERROR_DISK_FULL ? "; make room, then try again"
                         : why == ERROR_ACCESS_DENIED || why == ERROR_WRITE_PROTECT
                             ? "; \"dataDir\" of \"ipam\" can name a writable folder"
                             : "";
    return fail(k_io_failure, "host-local cannot {} '{}': Windows error {}{}", what, path, why,
                remedy);
}

bool write_all(HANDLE file, std::string_view content) {
    DWORD done = 0;
    return WriteFile(file, content.data(), static_cast<DWORD>(content.size()), &done, nullptr) &&
           done == content.size();
}

} // namespace

Result<std::optional<Directory>> Directory::open(const std::string &path, bool create) {
    const DWORD attributes = GetFileAttributesW(detail::system_path(path).c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        const DWORD why = GetLastError();
        if (why != ERROR_FILE_NOT_FOUND && why != ERROR_PATH_NOT_FOUND) {
            return failed("open the folder", path);
        }
        if (!create) {
            return std::nullopt;
        }
        if (!make_folders(path)) {
            return failed("make the folder", path);
        }
    }
    Directory result(path, k_none, k_none);
    // Name, sharing and range of the lock are the reference's.
    HANDLE lock = CreateFileW(detail::system_path(path + "/lock").c_str(),
                              GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                              nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (lock == INVALID_HANDLE_VALUE) {
        return failed("open", path + "/lock");
    }
    result.lock_ = reinterpret_cast<intptr_t>(lock);
    OVERLAPPED whole{};
    if (!LockFileEx(lock, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &whole)) {
        return failed("lock", path + "/lock");
    }
    return result;
}

Directory::Directory(Directory &&other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, k_none)) {}

Directory::~Directory() {
    if (lock_ != k_none) {
        // Closing unlocks too, but Windows promises no time for it.
        OVERLAPPED whole{};
        UnlockFileEx(handle(lock_), 0, 1, 0, &whole);
        CloseHandle(handle(lock_));
    }
}

Result<bool> Directory::create(const std::string &name, std::string_view content) {
    const auto path = path_ + "/" + name;
    HANDLE file = CreateFileW(detail::system_path(path).c_str(), GENERIC_WRITE, k_share_all,
                              nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError() == ERROR_FILE_EXISTS ? Result<bool>(false) : failed("create", path);
    }
    const bool written = write_all(file, content);
    const DWORD why = GetLastError();
    CloseHandle(file);
    if (written) {
        return true;
    }
    DeleteFileW(detail::system_path(path).c_str());
    SetLastError(why);
    return failed("write", path);
}

Result<void> Directory::replace(const std::string &name, std::string_view content) {
    const auto path = path_ + "/" + name;
    HANDLE file = CreateFileW(detail::system_path(path).c_str(), GENERIC_WRITE, k_share_all,
                              nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return failed("open", path);
    }
    const bool written = write_all(file, content);
    const DWORD why = GetLastError();
    CloseHandle(file);
    SetLastError(why);
    return written ? Result<void>() : failed("write", path);
}

std::optional<std::string> Directory::read(const std::string &name) const {
    HANDLE file =
        CreateFileW(detail::system_path(path_ + "/" + name).c_str(), GENERIC_READ, k_share_all,
                    nullptr, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return std::nullopt;
    }
    std::array<char, k_longest_content + 1> buffer{};
    DWORD got = 0;
    BY_HANDLE_FILE_INFORMATION about{};
    const bool good = GetFileInformationByHandle(file, &about) &&
                      (about.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0 &&
                      ReadFile(file, buffer.data(), buffer.size(), &got, nullptr);
    CloseHandle(file);
    return good && got <= k_longest_content ? std::optional(std::string(buffer.data(), got))
                                            : std::nullopt;
}

Result<bool> Directory::remove(const std::string &name) {
    const auto path = path_ + "/" + name;
    if (DeleteFileW(detail::system_path(path).c_str())) {
        return true;
    }
    return GetLastError() == ERROR_FILE_NOT_FOUND ? Result<bool>(false) : failed("remove", path);
}

std::vector<std::string> Directory::names() const {
    std::vector<std::string> found;
    WIN32_FIND_DATAW entry{};
    HANDLE search =
        FindFirstFileExW(detail::system_path(path_ + "/*").c_str(), FindExInfoBasic, &entry,
                         FindExSearchNameMatch, nullptr, FIND_FIRST_EX_LARGE_FETCH);
    if (search == INVALID_HANDLE_VALUE) {
        return found;
    }
    do {
        std::string name;
        for (const wchar_t *at = entry.cFileName; *at != L'\0'; ++at) {
            // Whatever is not ASCII is no address's name, and nothing else is looked at.
            name += *at < 128 ? static_cast<char>(*at) : '?';
        }
        found.push_back(std::move(name));
    } while (FindNextFileW(search, &entry));
    FindClose(search);
    return found;
}

Directory::State Directory::state() const {
    return {};
}

uint64_t Directory::mark() {
    return 0;
}

} // namespace k2s::cni
