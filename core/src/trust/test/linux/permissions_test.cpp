// SPDX-License-Identifier: MIT
#include "trust/test/permissions.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "trust/identity.hpp"

namespace permissions {

namespace fs = boost::filesystem;
using k2s::core::trust::OpenLibrary;

std::string check(const fs::path &folder, const fs::path &library) {
    const auto verdict = [&]() -> std::string {
        auto open = OpenLibrary::open(library);
        if (!open) {
            return open.error().message;
        }
        auto checked = open->check_permissions(folder);
        return checked ? "good" : checked.error().message;
    };
    const auto parent = library.parent_path();
    ::chmod(folder.c_str(), 0755);
    ::chmod(parent.c_str(), 0755);
    ::chmod(library.c_str(), 0644);
    if (const auto text = verdict(); text != "good") {
        return "a private tree is refused: " + text;
    }
    for (const auto &path : {library, parent, folder}) {
        struct stat before{};
        ::stat(path.c_str(), &before);
        for (const mode_t bit : {S_IWGRP, S_IWOTH}) {
            ::chmod(path.c_str(), (before.st_mode & 07777) | bit);
            const auto text = verdict();
            ::chmod(path.c_str(), before.st_mode & 07777);
            if (text.find("chmod go-w '" + path.native() + "'") == std::string::npos) {
                return path.native() + " is open to others and got: " + text;
            }
        }
    }
    // Beyond the plugin root nobody looks.
    ::chmod(folder.c_str(), 0777);
    auto open = OpenLibrary::open(library);
    const bool below = open && open->check_permissions(parent).has_value();
    ::chmod(folder.c_str(), 0755);
    if (!below) {
        return "a folder above the plugin root was judged";
    }
    if (::geteuid() == 0) {
        if (::chown(library.c_str(), 12345, 0) != 0) {
            return "chown failed";
        }
        const auto text = verdict();
        if (text.find("belongs to user 12345") == std::string::npos) {
            return "a file of another user got: " + text;
        }
    }
    return {};
}

} // namespace permissions
