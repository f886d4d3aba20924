// SPDX-License-Identifier: MIT
#include "base/file.hpp"

#include <thread>

#include <boost/filesystem/operations.hpp>

#include <k2s/sdk/windows_path.hpp>

namespace k2s::image {

#if defined(_WIN32)
fs::path to_path(const std::string &path) {
    return fs::path(detail::system_path(path));
}
std::string from_path(const fs::path &path) {
    // What to_path() put before it belongs to backslashes alone.
    return detail::narrow(fs::path(detail::plain_path(path.wstring())).generic_wstring());
}
#else
fs::path to_path(const std::string &path) {
    return {path};
}
std::string from_path(const fs::path &path) {
    return path.string();
}
#endif

Result<bool> File::lock(LockKind kind, std::chrono::milliseconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    for (;;) {
        auto locked = try_lock(kind);
        if (!locked || *locked || std::chrono::steady_clock::now() >= end) {
            return locked;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

Done make_folders(const std::string &path) {
    boost::system::error_code failed;
    fs::create_directories(to_path(path), failed);
    if (failed) {
        return fail(failed == boost::system::errc::permission_denied ? K2S_E_PERMISSION : K2S_E_IO,
                    "cannot make the folder '{}': {}", path, failed.message());
    }
    return {};
}

} // namespace k2s::image
