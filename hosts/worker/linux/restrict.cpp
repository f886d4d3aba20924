// SPDX-License-Identifier: MIT
#include "restrict.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/system_calls.hpp"
#include "process/linux/descriptor.hpp"

namespace k2s::worker {

namespace {

using core::fail;
using core::Result;
using core::isolation::WorkerLimits;

Result<void> limit(int which, const char *name, rlim_t value) {
    const rlimit both{value, value};
    if (::setrlimit(static_cast<__rlimit_resource_t>(which), &both) != 0) {
        return fail(K2S_E_PERMISSION, "cannot limit {} of the worker to {}: {}", name, value,
                    std::strerror(errno));
    }
    return {};
}

Result<void> become(const std::string &user) {
    uid_t uid = 0;
    const auto parsed = std::from_chars(user.data(), user.data() + user.size(), uid);
    const bool number = parsed.ec == std::errc() && parsed.ptr == user.data() + user.size();
    const passwd *entry = number ? ::getpwuid(uid) : ::getpwnam(user.c_str());
    if (entry == nullptr && !number) {
        return fail(K2S_E_NOT_FOUND, "there is no user '{}' for the worker (worker.user)", user);
    }
    uid = number ? uid : entry->pw_uid;
    const gid_t gid = entry != nullptr ? entry->pw_gid : uid;
    if (uid == ::geteuid()) {
        return {};
    }
    if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) {
        return fail(K2S_E_PERMISSION,
                    "the worker cannot become user '{}': {}; only a host that runs as root can do "
                    "that",
                    user, std::strerror(errno));
    }
    // Otherwise /proc/self, through which the library is loaded, belongs to root.
    ::prctl(PR_SET_DUMPABLE, 1);
    return {};
}

// Everything that changes a file or a folder. Reading stays as the user's rights say.
constexpr std::uint64_t k_writes = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                   LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t k_truncate = 1ULL << 14; // LANDLOCK_ACCESS_FS_TRUNCATE, Linux 6.2
constexpr long k_abi_with_truncate = 3;

/// False: the kernel has no Landlock.
Result<bool> forbid_writing() {
    const long abi =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return false;
    }
    landlock_ruleset_attr rules{};
    rules.handled_access_fs = k_writes | (abi >= k_abi_with_truncate ? k_truncate : 0);
    const core::Descriptor set(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules.handled_access_fs, 0)));
    const core::Descriptor null(::open("/dev/null", O_PATH | O_CLOEXEC));
    landlock_path_beneath_attr writable{};
    writable.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE;
    writable.parent_fd = null.get();
    if (!set.valid() ||
        ::syscall(SYS_landlock_add_rule, set.get(), LANDLOCK_RULE_PATH_BENEATH, &writable, 0) !=
            0 ||
        ::syscall(SYS_landlock_restrict_self, set.get(), 0) != 0) {
        return fail(K2S_E_PERMISSION, "the worker cannot give up writing files: {}",
                    std::strerror(errno));
    }
    return true;
}

} // namespace

Result<std::vector<std::string>> restrict_self(const WorkerLimits &limits) {
    std::vector<std::string> missing;
    if (limits.memory_mb != 0) {
        if (auto done = limit(RLIMIT_AS, "the memory", limits.memory_mb * 1024 * 1024); !done) {
            return core::pass(done);
        }
    }
    if (!limits.user.empty()) {
        if (auto done = become(limits.user); !done) {
            return core::pass(done);
        }
    }
    if (limits.processes.value_or(0) > 0) {
        if (::geteuid() == 0) {
            missing.emplace_back("the number of processes is not limited for root");
        } else if (auto done = limit(RLIMIT_NPROC, "the processes", *limits.processes); !done) {
            return core::pass(done);
        }
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fail(K2S_E_PERMISSION, "the worker cannot give up new privileges: {}",
                    std::strerror(errno));
    }
    if (limits.read_only) {
        auto done = forbid_writing();
        if (!done) {
            return core::pass(done);
        }
        if (!*done) {
            missing.emplace_back("this kernel has no Landlock: the worker may write files");
        }
    }
    if (!filter_system_calls(!limits.admin_calls, limits.processes == 0U)) {
        missing.emplace_back(
            "this kernel has no seccomp filters: the worker may make any system call");
    }
    return missing;
}

} // namespace k2s::worker
