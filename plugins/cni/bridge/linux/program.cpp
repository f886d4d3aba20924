// SPDX-License-Identifier: MIT
#include "bridge/program.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <sys/stat.h>

#include "spec/files.hpp"

namespace k2s::cni {

std::optional<std::string> find_program(std::string_view name, std::string_view folders) {
    while (!folders.empty()) {
        const auto end = std::min(folders.find(':'), folders.size());
        const auto folder = folders.substr(0, end);
        folders.remove_prefix(std::min(end + 1, folders.size()));
        if (folder.empty()) {
            continue;
        }
        std::string path = fmt::format("{}/{}", folder, name);
        if (is_file(path)) {
            char absolute[PATH_MAX];
            return path.front() == '/' || realpath(path.c_str(), absolute) == nullptr
                       ? path
                       : std::string(absolute);
        }
    }
    return std::nullopt;
}

bool same_file(const std::string &a, const std::string &b) {
    struct stat first{}, second{};
    return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

} // namespace k2s::cni
