// SPDX-License-Identifier: MIT
#include "util/read_file.hpp"

#include <windows.h>

#include "util/windows/wide.hpp"

namespace k2s::core {
namespace {

class File {
  public:
    explicit File(HANDLE handle) : handle_(handle) {}
    File(const File &) = delete;
    File &operator=(const File &) = delete;
    ~File() {
        if (good()) {
            ::CloseHandle(handle_);
        }
    }
    HANDLE get() const { return handle_; }
    bool good() const { return handle_ != INVALID_HANDLE_VALUE; }

  private:
    HANDLE handle_;
};

bool is_missing(DWORD error) {
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ||
           error == ERROR_INVALID_DRIVE || error == ERROR_NOT_READY;
}

std::unexpected<Error> cannot(const fs::path &path, DWORD error) {
    const bool denied = error == ERROR_ACCESS_DENIED;
    return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot read {}: {}{}", path_text(path),
                windows_error(error),
                denied ? "; check the access list of it and its folders" : "");
}

} // namespace

Result<std::optional<std::string>> read_file_if_exists(const fs::path &path,
                                                       std::size_t max_bytes) {
    const fs::path native = long_path(path);
    // BACKUP_SEMANTICS opens directories too: so they can be named in the message.
    const File file(::CreateFileW(native.c_str(), GENERIC_READ,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (!file.good()) {
        const DWORD error = ::GetLastError();
        if (is_missing(error)) {
            return std::nullopt;
        }
        return cannot(path, error);
    }
    BY_HANDLE_FILE_INFORMATION facts{};
    if (::GetFileType(file.get()) != FILE_TYPE_DISK ||
        ::GetFileInformationByHandle(file.get(), &facts) == 0) {
        return fail(K2S_E_IO, "cannot read {}: it is a device or a pipe; name a regular file",
                    path_text(path));
    }
    if ((facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return fail(K2S_E_IO, "cannot read {}: it is a directory; name a regular file",
                    path_text(path));
    }
    const auto size =
        (static_cast<unsigned long long>(facts.nFileSizeHigh) << 32U) | facts.nFileSizeLow;
    std::string content;
    std::size_t used = 0;
    content.resize(size < max_bytes ? static_cast<std::size_t>(size) + 1 : max_bytes + 1);
    while (used <= max_bytes) {
        const std::size_t room = content.size() - used;
        DWORD got = 0;
        if (::ReadFile(file.get(), content.data() + used,
                       room > 0x10000000 ? 0x10000000 : static_cast<DWORD>(room), &got,
                       nullptr) == 0) {
            return cannot(path, ::GetLastError());
        }
        if (got == 0) {
            content.resize(used);
            return content;
        }
        used += got;
        if (used == content.size() && used <= max_bytes) {
            content.resize(used * 2 < max_bytes ? used * 2 : max_bytes + 1);
        }
    }
    return fail(K2S_E_NO_MEMORY, "cannot read {}: it is longer than the limit of {} bytes",
                path_text(path), max_bytes);
}

} // namespace k2s::core
