// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sys/types.h>

/// The small process between the host and each program that it starts.
///
/// A process group or PR_SET_PDEATHSIG reaches only processes that cooperate: a daemon's double
/// fork with setsid leaves both. What reaches everyone without privileges is the parent relation,
/// when orphans come back to a known process: the supervisor is a child subreaper
/// (PR_SET_CHILD_SUBREAPER, Linux 3.4), so every descendant that loses its parent becomes its
/// child, and it kills children until it has none. It does that when the program ends, when the
/// host asks, and when the host dies (the channel's other end closes, which also covers SIGKILL).
/// The host itself cannot be the subreaper: it would have to reap processes that others wait for.
/// cgroup.kill would do the same for one write, but needs a delegated cgroup, which a tool started
/// by hand does not have; a PID namespace needs privileges and changes what the program sees.
///
/// Out of reach: a descendant of another user (set-user-ID) when the host is not root.
namespace k2s::core::process {

/// Everything is prepared by the host, because nothing can be allocated after the fork.
struct Plan {
    const char *program;
    char *const *argv;
    char *const *environment;
    const char *directory; // nullptr: unchanged
    const int *handles;    // handles[n] becomes descriptor n of the program
    int handle_count;
    int channel; // SOCK_SEQPACKET to the host: messages out, end of file in
};

struct Message {
    enum Kind : std::int32_t {
        Started,         // value: the program's pid
        DirectoryFailed, // value: errno
        StartFailed,     // value: errno
        Ended,           // value: the program's wait status
    };
    std::int32_t kind;
    std::int32_t value;
};

/// Forks the supervisor; it tells about the program on plan.channel. Returns its pid, or -1 with
/// errno. The caller's signal mask and handlers are unchanged, and no signal handler of the host
/// runs in the supervisor. [any-thread]
pid_t fork_supervisor(const Plan &plan);

} // namespace k2s::core::process
