// SPDX-License-Identifier: MIT
#include "trust/identity.hpp"

#include <cerrno>
#include <cstring>

#include <boost/filesystem/operations.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest.hpp"
#include "trust/signature.hpp"
#include "util/path.hpp"

namespace k2s::core::trust {

namespace {

std::int64_t nanoseconds(const timespec &time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileIdentity identity_of(const struct stat &info) {
    return {info.st_dev,
            info.st_ino,
            0,
            static_cast<std::uint64_t>(info.st_size),
            nanoseconds(info.st_mtim),
            nanoseconds(info.st_ctim)};
}

Result<void> check_one(const struct stat &info, const fs::path &path, Guard guard) {
    const auto name = path_text(path);
    if (info.st_uid != 0 && (guard == Guard::system || info.st_uid != ::geteuid())) {
        return fail(K2S_E_PERMISSION,
                    "'{}' belongs to user {}, who could change what this host runs; only root{} "
                    "may own plugins{}: chown it, or remove it",
                    name, info.st_uid, guard == Guard::system ? "" : " and the user who runs it",
                    guard == Guard::system ? " of a privileged process, and their folders" : "");
    }
    // The group bits of a file with an access control list are its mask, so this covers lists too.
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(K2S_E_PERMISSION,
                    "'{}' may be written by others (mode {:o}), who could change what this host "
                    "runs: chmod go-w '{}'",
                    name, info.st_mode & 07777, name);
    }
    return {};
}

/// Nobody else's entry in a folder like /tmp can be renamed or removed.
bool is_sticky(const struct stat &info) {
    return S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0 && info.st_uid == 0;
}

/// Of a folder and those above it, as far as the guard asks. Where one is a link, whoever may
/// change what it leads to counts as well.
Result<void> check_folders(const fs::path &first, const fs::path &plugin_root, Guard guard) {
    struct stat info{};
    bool above = false;
    for (fs::path folder = first; !folder.empty(); folder = folder.parent_path()) {
        if (::lstat(folder.c_str(), &info) != 0) {
            return fail(K2S_E_PERMISSION, "cannot look at folder '{}': {}", path_text(folder),
                        std::strerror(errno));
        }
        Result<void> checked;
        if (S_ISLNK(info.st_mode)) {
            boost::system::error_code failed;
            const auto target = fs::canonical(folder, failed);
            checked = failed ? fail(K2S_E_PERMISSION, "cannot look at folder '{}': {}",
                                    path_text(folder), failed.message())
                             : check_folders(target, target.parent_path(), guard);
        } else if (!above || !is_sticky(info)) {
            checked = check_one(info, folder, guard);
        }
        if (!checked) {
            return checked;
        }
        above = above || folder == plugin_root;
        if ((above && guard == Guard::plugin) || folder == folder.root_path()) {
            break;
        }
    }
    return {};
}

} // namespace

std::optional<FileIdentity> identify(const fs::path &path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? std::optional(identity_of(info)) : std::nullopt;
}

Result<OpenLibrary> OpenLibrary::open_any(const fs::path &library) {
    // O_NONBLOCK: a FIFO in the plugin folder must not hold the host up.
    const int fd = ::open(library.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const int code = errno == EACCES                       ? K2S_E_PERMISSION
                         : errno == ENOENT || errno == ENOTDIR ? K2S_E_NOT_FOUND
                                                               : K2S_E_FAILED;
        return fail(code, "cannot open plugin file '{}': {}", path_text(library),
                    std::strerror(errno));
    }
    OpenLibrary result(library, fd);
    if (auto identified = result.identify(); !identified) {
        return pass(identified);
    }
    return result;
}

Result<void> OpenLibrary::identify() {
    struct stat info{};
    if (::fstat(native_, &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(K2S_E_FAILED, "plugin file '{}' is not a regular file", path_text(path_));
    }
    identity_ = identity_of(info);
    return {};
}

bool OpenLibrary::unchanged() const {
    struct stat info{};
    return ::fstat(native_, &info) == 0 && identity_of(info) == identity_;
}

OpenLibrary::~OpenLibrary() {
    if (native_ != k_closed) {
        ::close(native_);
    }
}

fs::path OpenLibrary::load_path() const {
    return fmt::format("/proc/self/fd/{}", native_);
}

std::size_t OpenLibrary::read_at(std::uint64_t offset, void *buffer, std::size_t size) const {
    const auto got = ::pread(native_, buffer, size, static_cast<off_t>(offset));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

Result<void> OpenLibrary::check_permissions(const fs::path &plugin_root, Guard guard) const {
    struct stat info{};
    if (::fstat(native_, &info) == 0) {
        if (auto file = check_one(info, path_, guard); !file) {
            return file;
        }
    }
    const auto plugin = path_.parent_path();
    for (const std::string_view name : {std::string_view(k_manifest_name), k_signature_name}) {
        const auto file = plugin / std::string(name);
        if (::stat(file.c_str(), &info) == 0) {
            if (auto checked = check_one(info, file, guard); !checked) {
                return checked;
            }
        }
    }
    return check_folders(plugin, plugin_root, guard);
}

} // namespace k2s::core::trust
