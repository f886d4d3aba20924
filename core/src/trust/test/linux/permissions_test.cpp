// SPDX-License-Identifier: MIT
#include "trust/test/permissions.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "trust/identity.hpp"

namespace permissions {

namespace fs = boost::filesystem;
using k2s::core::trust::Guard;
using k2s::core::trust::OpenLibrary;

std::string check(const fs::path &folder, const fs::path &library) {
    const auto verdict = [&]() -> std::string {
        auto open = OpenLibrary::open(library);
        if (!open) {
            return open.error().message;
        }
        auto checked = open->check_permissions(folder, Guard::plugin);
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
    const bool below = open && open->check_permissions(parent, Guard::plugin).has_value();
    ::chmod(folder.c_str(), 0755);
    if (!below) {
        return "a folder above the plugin root was judged";
    }
    // A privileged process looks further; folders like /tmp are no danger to what root has in them.
    if (::geteuid() == 0) {
        const auto strict = [&] {
            auto opened = OpenLibrary::open(library);
            auto checked = opened->check_permissions(parent, Guard::system);
            return checked ? std::string("good") : checked.error().message;
        };
        if (const auto text = strict(); text != "good") {
            return "a tree of root is refused: " + text;
        }
        ::chmod(folder.c_str(), 0777);
        const auto open_text = strict();
        ::chmod(folder.c_str(), 01777);
        const auto sticky = strict();
        ::chmod(folder.c_str(), 0755);
        if (open_text.find("chmod go-w '" + folder.native() + "'") == std::string::npos) {
            return "a folder above the plugin root is open to others and got: " + open_text;
        }
        if (sticky != "good") {
            return "a sticky folder above the plugin root got: " + sticky;
        }
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
