// SPDX-License-Identifier: MIT
#include "util/path.hpp"

#include <climits>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <unistd.h>

#include "util/utf8.hpp"

namespace k2s::core {
namespace {

Result<fs::path> read_executable() {
    char buffer[PATH_MAX];
    const ssize_t length = ::readlink("/proc/self/exe", buffer, sizeof buffer);
    if (length <= 0 || static_cast<std::size_t>(length) == sizeof buffer) {
        return fail(K2S_E_FAILED,
                    "cannot find the program's own file: /proc/self/exe: {}; is /proc mounted?",
                    length < 0 ? std::strerror(errno) : "too long");
    }
    return fs::path(std::string(buffer, static_cast<std::size_t>(length)));
}

const char k_anchor = 0;

Result<fs::path> read_module() {
    Dl_info info{};
    if (::dladdr(&k_anchor, &info) == 0 || info.dli_fname == nullptr) {
        return executable_path();
    }
    char buffer[PATH_MAX];
    // The loader keeps the name as it was given: relative to the directory of that time, or, for
    // the program itself, argv[0], which need not be a path at all.
    if (::realpath(info.dli_fname, buffer) == nullptr ||
        std::strchr(info.dli_fname, '/') == nullptr) {
        return executable_path();
    }
    return fs::path(buffer);
}

} // namespace

fs::path path_from_utf8(std::string_view text) {
    return fs::path(std::string(text));
}

std::string path_to_utf8(const fs::path &path) {
    return path.native();
}

std::string path_text(const fs::path &path) {
    return lossy_utf8(path.native());
}

fs::path long_path(const fs::path &path) {
    return path;
}

const Result<fs::path> &executable_path() {
    static const Result<fs::path> path = read_executable();
    return path;
}

const Result<fs::path> &module_path() {
    static const Result<fs::path> path = read_module();
    return path;
}

} // namespace k2s::core
