// SPDX-License-Identifier: MIT
#include "process/linux/supervisor.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// This file runs in a fork of a process that may have threads: only async-signal-safe calls, no
// allocation, no lock.

namespace k2s::core::process {

namespace {

constexpr int k_max_handles = 32;
constexpr int k_kill_rounds = 500; // of 10 ms: how long a tree may resist SIGKILL
constexpr int k_kill_pause_ms = 10;

struct DirectoryEntry { // struct linux_dirent64; getdents64 is used because opendir allocates
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t length;
    std::uint8_t type;
    char name[1];
};

void close_between(unsigned first, unsigned last) {
    if (first > last || ::close_range(first, last, 0) == 0) {
        return;
    }
    for (unsigned fd = first; fd <= last && fd < 1024; ++fd) {
        ::close(static_cast<int>(fd));
    }
}

// Kernels before 5.9 have no close_range; closefrom then reads /proc/self/fd.
void close_others(int keep, int also) {
    const auto low = static_cast<unsigned>(keep < also ? keep : also);
    const auto high = static_cast<unsigned>(keep < also ? also : keep);
    if (low > 0) {
        close_between(0, low - 1);
    }
    if (high > low) {
        close_between(low + 1, high - 1);
    }
    ::closefrom(static_cast<int>(high) + 1);
}

void tell(int channel, Message::Kind kind, int value) {
    const Message message{kind, value};
    while (::send(channel, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

void default_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        ::sigaction(number, &action, nullptr);
    }
}

pid_t parent_of(const char *name) {
    char path[32] = "/proc/";
    std::strncat(path, name, 16);
    std::strcat(path, "/stat");
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    char text[512];
    const auto size = ::read(fd, text, sizeof text - 1);
    ::close(fd);
    if (size <= 0) {
        return -1;
    }
    text[size] = '\0';
    // "pid (name) state ppid": the name may contain anything, so look for its last parenthesis.
    const char *end = std::strrchr(text, ')');
    if (end == nullptr || std::strlen(end) < 5) {
        return -1;
    }
    pid_t parent = 0;
    for (const char *digit = end + 4; *digit >= '0' && *digit <= '9'; ++digit) {
        parent = parent * 10 + (*digit - '0');
    }
    return parent;
}

// A child of this process stays a zombie until this process reaps it, so the pid that was read
// cannot belong to somebody else by the time of the kill.
void kill_children() {
    const int proc = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) {
        return;
    }
    const pid_t self = ::getpid();
    alignas(DirectoryEntry) char buffer[4096];
    for (long size; (size = ::syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0;) {
        for (long at = 0; at < size;) {
            const auto *entry = reinterpret_cast<const DirectoryEntry *>(buffer + at);
            at += entry->length;
            if (entry->name[0] < '1' || entry->name[0] > '9' || parent_of(entry->name) != self) {
                continue;
            }
            pid_t pid = 0;
            for (const char *digit = entry->name; *digit != '\0'; ++digit) {
                pid = pid * 10 + (*digit - '0');
            }
            ::kill(pid, SIGKILL);
        }
    }
    ::close(proc);
}

// Kills and reaps until nothing is left; returns the program's wait status.
int end_tree(pid_t program, int child_signals) {
    ::kill(-program, SIGKILL); // most trees are this one group; not reaped yet, so it is still ours
    int status = 0;
    for (int round = 0; round < k_kill_rounds; ++round) {
        int one = 0;
        pid_t pid = 0;
        while ((pid = ::waitpid(-1, &one, WNOHANG)) > 0) {
            if (pid == program) {
                status = one;
            }
        }
        if (pid < 0 && errno == ECHILD) {
            break;
        }
        kill_children();
        pollfd wait{child_signals, POLLIN, 0};
        ::poll(&wait, 1, k_kill_pause_ms);
        signalfd_siginfo ignored;
        while (::read(child_signals, &ignored, sizeof ignored) > 0) {
        }
    }
    return status;
}

// True when the program itself has ended (it is left for end_tree to reap).
bool reap_orphans(pid_t program) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
            return false;
        }
        if (info.si_pid == program) {
            return true;
        }
        ::waitpid(info.si_pid, nullptr, 0);
    }
}

// In the vfork child: shares the supervisor's memory, so it only makes system calls.
[[noreturn]] void become_program(const Plan &plan, const int *handles, pid_t supervisor,
                                 volatile Message *failure) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // when the supervisor itself is killed
    if (::getppid() != supervisor) {
        ::_exit(127);
    }
    for (int n = 0; n < plan.handle_count; ++n) {
        if (::dup2(handles[n], n) < 0) {
            failure->kind = Message::StartFailed;
            failure->value = errno;
            ::_exit(127);
        }
    }
    ::closefrom(plan.handle_count);
    if (plan.directory != nullptr && ::chdir(plan.directory) != 0) {
        failure->kind = Message::DirectoryFailed;
        failure->value = errno;
        ::_exit(127);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(plan.program, plan.argv, plan.environment);
    failure->kind = Message::StartFailed;
    failure->value = errno;
    ::_exit(127);
}

[[noreturn]] void supervise(const Plan &plan) {
    ::prctl(PR_SET_NAME, "k2s-supervisor");
    ::setpgid(0, 0); // away from the terminal's Ctrl-C: the host decides what ends
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    default_signals();

    // Out of the way of the numbers that the program will see.
    std::array<int, k_max_handles> handles{};
    const int above = plan.handle_count + 1;
    const int channel = ::fcntl(plan.channel, F_DUPFD_CLOEXEC, above);
    if (channel < 0 || plan.handle_count > k_max_handles) {
        tell(plan.channel, Message::StartFailed, channel < 0 ? errno : EINVAL);
        ::_exit(1);
    }
    for (int n = 0; n < plan.handle_count; ++n) {
        handles[n] = ::fcntl(plan.handles[n], F_DUPFD_CLOEXEC, above);
        if (handles[n] < 0) {
            tell(channel, Message::StartFailed, errno);
            ::_exit(1);
        }
    }

    const pid_t self = ::getpid();
    volatile Message failure{Message::Started, 0};
    const pid_t program = ::vfork();
    if (program == 0) {
        become_program(plan, handles.data(), self, &failure);
    }
    if (program < 0) {
        tell(channel, Message::StartFailed, errno);
        ::_exit(1);
    }
    if (failure.kind != Message::Started) {
        tell(channel, static_cast<Message::Kind>(failure.kind), failure.value);
        ::_exit(1);
    }

    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    const int child_signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    // The host's sockets and files, and this side of the streams: the host must see their end.
    close_others(channel, child_signals);
    tell(channel, Message::Started, program);

    for (;;) {
        if (reap_orphans(program)) {
            break;
        }
        pollfd wait[2] = {{child_signals, POLLIN, 0}, {channel, POLLIN | POLLRDHUP, 0}};
        if (::poll(wait, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (wait[1].revents != 0) {
            break; // the host only ever closes its side
        }
        signalfd_siginfo ignored;
        while (::read(child_signals, &ignored, sizeof ignored) > 0) {
        }
    }
    tell(channel, Message::Ended, end_tree(program, child_signals));
    ::_exit(0);
}

} // namespace

pid_t fork_supervisor(const Plan &plan) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::_Fork(); // no atfork handlers: the child is alone and calls no library
    if (pid == 0) {
        supervise(plan);
    }
    const int reason = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = reason;
    return pid;
}

} // namespace k2s::core::process
