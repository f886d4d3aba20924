// SPDX-License-Identifier: MIT
#include "base/file.hpp"

#include <algorithm>

#include <k2s/sdk/windows_replace.hpp>

namespace k2s::image {
namespace {

HANDLE native(intptr_t handle) {
    return reinterpret_cast<HANDLE>(handle);
}
constexpr intptr_t k_none = -1; // INVALID_HANDLE_VALUE

/// Others may read, rename and delete meanwhile, as on Linux.
intptr_t open_handle(const std::string &path, DWORD access, DWORD how) {
    return reinterpret_cast<intptr_t>(
        CreateFileW(detail::system_path(path).c_str(), access,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, how,
                    FILE_ATTRIBUTE_NORMAL, nullptr));
}

} // namespace

Error system_error(const char *what, const std::string &path) {
    const DWORD code = GetLastError();
    wchar_t *text = nullptr;
    const DWORD length = FormatMessageW(
        FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
        nullptr, code, 0, reinterpret_cast<wchar_t *>(&text), 0, nullptr);
    std::string reason(length > 0 ? static_cast<size_t>(length) * 3 : 0, '\0');
    reason.resize(static_cast<size_t>(
        length > 0 ? WideCharToMultiByte(CP_UTF8, 0, text, static_cast<int>(length), reason.data(),
                                         static_cast<int>(reason.size()), nullptr, nullptr)
                   : 0));
    LocalFree(text);
    while (!reason.empty() && (reason.back() == '\n' || reason.back() == '\r' ||
                               reason.back() == '.' || reason.back() == ' ')) {
        reason.pop_back();
    }
    if (reason.empty()) {
        reason = fmt::format("error {}", code);
    }
    const bool missing = code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
    return {missing                       ? K2S_E_NOT_FOUND
            : code == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION
                                          : K2S_E_IO,
            fmt::format("cannot {} '{}': {}", what, path, reason)};
}

Result<File> File::open(const std::string &path) {
    const DWORD attributes = GetFileAttributesW(detail::system_path(path).c_str());
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return fail(K2S_E_USAGE, "'{}' is a folder; name a regular file", path);
    }
    const intptr_t file = open_handle(path, GENERIC_READ, OPEN_EXISTING);
    if (file == k_none) {
        return std::unexpected(system_error("open", path));
    }
    File opened(path, file);
    if (GetFileType(native(file)) != FILE_TYPE_DISK) {
        return fail(K2S_E_USAGE, "'{}' is a device or pipe; name a regular file", path);
    }
    return opened;
}

Result<File> File::create(const std::string &path) {
    const intptr_t file = open_handle(path, GENERIC_READ | GENERIC_WRITE, CREATE_NEW);
    if (file == k_none) {
        return std::unexpected(system_error("create", path));
    }
    return File(path, file);
}

Result<File> File::open_or_create(const std::string &path) {
    const intptr_t file = open_handle(path, GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS);
    if (file == k_none) {
        return std::unexpected(system_error("open", path));
    }
    return File(path, file);
}

File::File(File &&other) noexcept
    : path_(std::move(other.path_)), handle_(std::exchange(other.handle_, k_none)) {}

File &File::operator=(File &&other) noexcept {
    std::swap(path_, other.path_);
    std::swap(handle_, other.handle_);
    return *this;
}

File::~File() {
    if (handle_ != k_none) {
        CloseHandle(native(handle_));
    }
}

Result<size_t> File::read(void *into, size_t size) {
    size_t done = 0;
    while (done < size) {
        const auto piece = static_cast<DWORD>(std::min<size_t>(size - done, 1U << 30U));
        DWORD got = 0;
        if (!ReadFile(native(handle_), static_cast<char *>(into) + done, piece, &got, nullptr)) {
            return std::unexpected(system_error("read", path_));
        }
        if (got == 0) {
            break;
        }
        done += got;
    }
    return done;
}

Done File::write(const void *data, size_t size) {
    const char *next = static_cast<const char *>(data);
    while (size > 0) {
        const auto piece = static_cast<DWORD>(std::min<size_t>(size, 1U << 30U));
        DWORD done = 0;
        if (!WriteFile(native(handle_), next, piece, &done, nullptr) || done == 0) {
            return std::unexpected(system_error("write", path_));
        }
        next += done;
        size -= done;
    }
    return {};
}

Done File::seek(uint64_t position) {
    LARGE_INTEGER to{};
    to.QuadPart = static_cast<LONGLONG>(position);
    if (!SetFilePointerEx(native(handle_), to, nullptr, FILE_BEGIN)) {
        return std::unexpected(system_error("seek in", path_));
    }
    return {};
}

Result<uint64_t> File::size() const {
    LARGE_INTEGER size{};
    if (!GetFileSizeEx(native(handle_), &size)) {
        return std::unexpected(system_error("look at", path_));
    }
    return static_cast<uint64_t>(size.QuadPart);
}

Done File::truncate(uint64_t size) {
    if (auto moved = seek(size); !moved) {
        return moved;
    }
    if (!SetEndOfFile(native(handle_))) {
        return std::unexpected(system_error("shorten", path_));
    }
    return {};
}

Done File::sync() {
    if (!FlushFileBuffers(native(handle_))) {
        return std::unexpected(system_error("flush", path_));
    }
    return {};
}

Result<bool> File::try_lock(LockKind kind) {
    OVERLAPPED place{};
    place.OffsetHigh = 0x40000000; // beyond any content: a lock is mandatory on Windows
    const DWORD how =
        (kind == LockKind::exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0U) | LOCKFILE_FAIL_IMMEDIATELY;
    if (LockFileEx(native(handle_), how, 0, 1, 0, &place)) {
        return true;
    }
    const DWORD code = GetLastError();
    if (code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING) {
        return false;
    }
    return std::unexpected(system_error("lock", path_));
}

Done rename_durably(const std::string &from, const std::string &to) {
    if (!detail::replace_file(detail::system_path(from).c_str(), detail::system_path(to).c_str())) {
        return std::unexpected(system_error("rename a file to", to));
    }
    return {};
}

std::string default_store(const std::string &override_folder) {
    if (!override_folder.empty()) {
        return override_folder;
    }
    wchar_t folder[MAX_PATH];
    const DWORD length = GetEnvironmentVariableW(L"LOCALAPPDATA", folder, MAX_PATH);
    return length > 0 && length < MAX_PATH ? from_path(fs::path(folder)) + "/K2s/images"
                                           : std::string();
}

} // namespace k2s::image
