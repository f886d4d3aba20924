// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>
#include <k2s/sdk/windows_path.hpp>

namespace k2s {

namespace detail {

struct CloseFile {
    void operator()(std::FILE *file) const noexcept { std::fclose(file); }
};

inline std::FILE *open_for_reading(const std::string &path) {
#if defined(_WIN32)
    return _wfopen(system_path(path).c_str(), L"rb");
#else
    return std::fopen(path.c_str(), "rbe");
#endif
}

} // namespace detail

/// Reads all of a file, pipe or device of at most `limit` bytes into `content`; K2S_OK or the
/// reason. `path` is UTF-8 on Windows, bytes elsewhere. [any-thread, may-block]
inline Status read_file(std::string_view path, std::size_t limit, std::string &content) {
    const std::string name(path);
    const std::unique_ptr<std::FILE, detail::CloseFile> file(detail::open_for_reading(name));
    const auto failed = [&](int why) {
        const int32_t code = why == ENOENT                   ? K2S_E_NOT_FOUND
                             : why == EACCES || why == EPERM ? K2S_E_PERMISSION
                                                             : K2S_E_IO;
        return Status(Error{code, "cannot read '" + name + "': " + std::strerror(why)});
    };
    if (file == nullptr) {
        return failed(errno);
    }
    content.clear();
    std::size_t used = 0;
    for (;;) {
        const std::size_t room = used < 65536 ? 65536 : used;
        content.resize(used + room);
        errno = 0;
        const std::size_t got = std::fread(content.data() + used, 1, room, file.get());
        used += got;
        if (used > limit) {
            return Error{K2S_E_NO_MEMORY, "cannot read '" + name +
                                              "': it is longer than the limit of " +
                                              std::to_string(limit) + " bytes"};
        }
        if (got < room) {
            if (std::ferror(file.get()) != 0) {
                return failed(errno);
            }
            content.resize(used);
            return K2S_OK;
        }
    }
}

} // namespace k2s
