// SPDX-License-Identifier: MIT
#include "spec/files.hpp"

#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace k2s::cni {
namespace {

bool make_folder(const std::string &path, Access access) {
    return mkdir(path.c_str(), access == Access::administrators ? 0700 : 0755) == 0 ||
           errno == EEXIST;
}

} // namespace

bool make_folders(const std::string &path, Access access) {
    if (make_folder(path, access)) {
        return true;
    }
    const auto slash = path.rfind('/');
    return errno == ENOENT && slash != std::string::npos && slash > 0 &&
           make_folders(path.substr(0, slash)) && make_folder(path, access);
}

std::expected<void, Error> need_folder(const std::string &path, Access access) {
    if (make_folders(path, access)) {
        return {};
    }
    return std::unexpected(
        Error{errno == EACCES || errno == EROFS ? K2S_E_PERMISSION : K2S_E_IO,
              fmt::format("cannot make the folder '{}': {}", path, std::strerror(errno))});
}

std::vector<std::string> files_in(const std::string &folder) {
    std::vector<std::string> names;
    DIR *const open = opendir(folder.c_str());
    for (const dirent *each; open != nullptr && (each = readdir(open)) != nullptr;) {
        names.emplace_back(each->d_name);
    }
    if (open != nullptr) {
        closedir(open);
    }
    return names;
}

bool is_file(const std::string &path) {
    struct stat about{};
    return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

void remove_file(const std::string &path) {
    unlink(path.c_str());
}

} // namespace k2s::cni
