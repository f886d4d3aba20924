// SPDX-License-Identifier: MIT
#include "../source_file.hpp"

#include <k2s/sdk/windows_path.hpp>

namespace k2s::cloudinitisobuilder {
namespace {

using detail::system_path;

struct Handle {
    HANDLE value;
    explicit Handle(HANDLE handle) : value(handle) {}
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() {
        if (value != INVALID_HANDLE_VALUE) {
            CloseHandle(value);
        }
    }
};

struct Search {
    HANDLE value;
    explicit Search(HANDLE handle) : value(handle) {}
    Search(const Search &) = delete;
    Search &operator=(const Search &) = delete;
    ~Search() {
        if (value != INVALID_HANDLE_VALUE) {
            FindClose(value);
        }
    }
};

std::unexpected<Error> system_failure(const std::string &what, const std::string &path) {
    const DWORD code = GetLastError();
    const bool missing = code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND ||
                         code == ERROR_DIRECTORY || code == ERROR_INVALID_NAME;
    return fail(missing                       ? K2S_E_NOT_FOUND
                : code == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION
                                              : K2S_E_IO,
                what + " '" + path + "': " +
                    (missing ? "it does not exist or is of another kind"
                             : "Windows error " + std::to_string(code)));
}

EntryKind kind_of(DWORD attributes, DWORD tag) {
    if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        const bool link = tag == IO_REPARSE_TAG_SYMLINK || tag == IO_REPARSE_TAG_MOUNT_POINT;
        return link ? EntryKind::symbolic_link : EntryKind::other;
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? EntryKind::directory : EntryKind::file;
}

} // namespace

std::expected<std::vector<SourceEntry>, Error> list_directory(const std::string &path,
                                                              size_t limit) {
    std::wstring pattern = system_path(path);
    if (pattern.empty()) {
        SetLastError(ERROR_PATH_NOT_FOUND);
        return system_failure("cannot read the source directory", path);
    }
    pattern += pattern.back() == L'\\' ? L"*" : L"\\*";
    WIN32_FIND_DATAW found{};
    const Search search(FindFirstFileW(pattern.c_str(), &found));
    if (search.value == INVALID_HANDLE_VALUE) {
        return system_failure("cannot read the source directory", path);
    }
    std::vector<SourceEntry> entries;
    do {
        // With a lone surrogate in its name a file cannot be opened by it, and is reported.
        std::string name = detail::narrow(found.cFileName);
        if (name == "." || name == "..") {
            continue;
        }
        if (entries.size() == limit) {
            return fail(K2S_E_NO_MEMORY, "'" + path + "' has more than " + std::to_string(limit) +
                                             " entries; keep only the seed's files in it");
        }
        entries.push_back({std::move(name), kind_of(found.dwFileAttributes, found.dwReserved0)});
    } while (FindNextFileW(search.value, &found));
    if (GetLastError() != ERROR_NO_MORE_FILES) {
        return system_failure("cannot read the source directory", path);
    }
    return entries;
}

std::expected<std::string, Error> read_regular_file(const std::string &path, uint64_t limit) {
    const Handle file(
        CreateFileW(system_path(path).c_str(), GENERIC_READ,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                    FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_SEQUENTIAL_SCAN, nullptr));
    BY_HANDLE_FILE_INFORMATION info{};
    if (file.value == INVALID_HANDLE_VALUE || !GetFileInformationByHandle(file.value, &info)) {
        return system_failure("cannot read", path);
    }
    if (GetFileType(file.value) != FILE_TYPE_DISK ||
        (info.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)) != 0) {
        return fail(K2S_E_FAILED, "'" + path + "' is not a regular file");
    }
    const auto too_big = [&] {
        return fail(K2S_E_NO_MEMORY, "'" + path + "' is too big: the files of a seed may have " +
                                         std::to_string(limit) + " more bytes here");
    };
    const uint64_t size = static_cast<uint64_t>(info.nFileSizeHigh) << 32 | info.nFileSizeLow;
    if (size > limit) {
        return too_big();
    }
    std::string content;
    content.reserve(static_cast<size_t>(size));
    char buffer[65536];
    for (;;) {
        DWORD got = 0;
        if (!ReadFile(file.value, buffer, sizeof buffer, &got, nullptr)) {
            return system_failure("cannot read", path);
        }
        if (got == 0) {
            return content;
        }
        if (content.size() + got > limit) {
            return too_big(); // it grew
        }
        content.append(buffer, got);
    }
}

bool same_directory(const std::string &left, const std::string &right) {
    BY_HANDLE_FILE_INFORMATION a{}, b{};
    const auto identify = [](const std::string &path, BY_HANDLE_FILE_INFORMATION &info) {
        const Handle directory(CreateFileW(system_path(path).c_str(), FILE_READ_ATTRIBUTES,
                                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                           nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS,
                                           nullptr));
        return directory.value != INVALID_HANDLE_VALUE &&
               GetFileInformationByHandle(directory.value, &info);
    };
    return identify(left, a) && identify(right, b) &&
           a.dwVolumeSerialNumber == b.dwVolumeSerialNumber &&
           a.nFileIndexHigh == b.nFileIndexHigh && a.nFileIndexLow == b.nFileIndexLow;
}

std::string join(const std::string &directory, std::string_view name) {
    const bool closed = !directory.empty() && (directory.back() == '\\' || directory.back() == '/');
    return directory + (closed ? "" : "\\") + std::string(name);
}

std::string parent_of(const std::string &path) {
    const size_t slash = path.find_last_of("\\/");
    if (slash == std::string::npos) {
        return path.size() > 1 && path[1] == ':' ? path.substr(0, 2) + "." : ".";
    }
    return path.substr(0, slash + 1); // the separator stays: C:\ is not C:
}

} // namespace k2s::cloudinitisobuilder
