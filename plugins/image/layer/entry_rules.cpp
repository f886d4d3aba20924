// SPDX-License-Identifier: MIT
#include "layer/entry_rules.hpp"

#include "common/text.hpp"
#include "layer/names.hpp"

namespace k2s::image {
namespace {

bool absolute(std::string_view path) {
    return path.starts_with('/') || path.starts_with('\\') ||
           (path.size() > 1 && path[1] == ':' &&
            (path.size() == 2 || path[2] == '/' || path[2] == '\\'));
}

} // namespace

std::string EntryRules::key(const std::string &path) const {
    // Exact for ASCII; what is beyond it is compared as it is.
    return ignore_case_ ? to_lower(path) : path;
}

Result<std::string> EntryRules::check(const ArchiveEntry &entry) {
    const auto refuse = [&](std::string_view why) {
        return fail(K2S_E_FAILED, "the entry '{:.200}' {}", entry.path, why);
    };
    if (absolute(entry.path)) {
        return refuse("has an absolute path");
    }
    const auto path = clean_path(entry.path);
    if (!path) {
        return refuse("leads out of the archive by '..'");
    }
    if (path->size() > 4096) {
        return refuse("has a path of more than 4096 bytes");
    }
    if (files_.size() + folders_.size() >= k_max_entries) {
        return fail(K2S_E_FAILED, "it has more than {} entries", k_max_entries);
    }
    for (size_t slash = path->find('/'); slash != std::string::npos;
         slash = path->find('/', slash + 1)) {
        if (const std::string parent = key(path->substr(0, slash)); symlinks_.contains(parent)) {
            return refuse("lies below a symbolic link of the same archive");
        } else if (files_.contains(parent)) {
            return refuse("lies below something that is no folder");
        }
    }
    const std::string own = key(*path);
    if (entry.type == ArchiveEntry::Type::directory) {
        folders_.insert(own);
    } else if (folders_.contains(own) || !files_.insert(own).second) {
        return refuse(ignore_case_ ? "is there twice (upper and lower case are the same on Windows)"
                                   : "is there twice");
    }
    switch (entry.type) {
    case ArchiveEntry::Type::directory:
        if (files_.contains(own)) {
            return refuse("is there twice");
        }
        break;
    case ArchiveEntry::Type::file:
        break;
    case ArchiveEntry::Type::special:
        return refuse("is a device, pipe or socket");
    case ArchiveEntry::Type::symlink:
        symlinks_.insert(own);
        break;
    case ArchiveEntry::Type::hard_link:
        if (links_ == Links::symbolic) {
            return refuse("is a hard link, which has no place in an archive of images");
        }
        if (const auto target = clean_path(entry.link);
            absolute(entry.link) || !target || !files_.contains(key(*target))) {
            return refuse("is a hard link to something that did not come before it in the archive");
        }
        break;
    }
    return *path;
}

} // namespace k2s::image
