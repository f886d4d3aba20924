/* SPDX-License-Identifier: MIT */
/* The first process of a pod's sandbox: holds its namespaces, reaps what is orphaned in them, and
 * ends when the runtime asks. No C library and no data of its own, because every pod has one of
 * these. */
#include <linux/signal.h>
#include <linux/wait.h>
#include <sys/syscall.h>

#if !defined(__x86_64__)
#error "system calls are written for x86-64 here; see hosts/meson.build"
#endif

/* The interface of the kernel (syscall(2), "Architecture calling conventions"): four arguments are
 * the most that is needed. A negative result is an errno. */
static long call(long number, long a, long b, long c, long d) {
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

static _Noreturn void end(int code) {
    for (;;) {
        call(SYS_exit_group, code, 0, 0, 0);
    }
}

static long length(const char *text) {
    long count = 0;
    while (text[count] != '\0') {
        ++count;
    }
    return count;
}

static int say(int to, const char *text) {
    return call(SYS_write, to, (long)text, length(text), 0) == length(text);
}

static int same(const char *one, const char *other) {
    while (*one != '\0' && *one == *other) {
        ++one;
        ++other;
    }
    return *one == *other;
}

static void reap(void) {
    while (call(SYS_wait4, -1, 0, WNOHANG, 0) > 0) {
    }
}

static int answer(int count, char **arguments) {
    if (count == 2 && (same(arguments[1], "-v") || same(arguments[1], "-version") ||
                       same(arguments[1], "--version"))) {
        return say(1, "pause: v" K2S_PRODUCT_VERSION "\n") ? 0 : 1;
    }
    if (count == 2 && (same(arguments[1], "-h") || same(arguments[1], "--help"))) {
        return say(1, "Usage: pause [-v]\n\n"
                      "Holds the namespaces of a pod, reaps orphans, ends on SIGINT and SIGTERM.\n")
                   ? 0
                   : 1;
    }
    say(2, "pause: unexpected argument '");
    say(2, arguments[1]);
    say(2, "': give none, or -v\n");
    return 2;
}

/* The stack as the kernel leaves it: the count of arguments, then their addresses. */
__attribute__((used)) static _Noreturn void run(long *stack) {
    if (stack[0] > 1) {
        end(answer((int)stack[0], (char **)(stack + 1)));
    }
    /* Blocked instead of handled: the first process of a PID namespace gets no signal that it
     * neither handles nor blocks, and a signal that came while an earlier one was served is not
     * lost. */
    const unsigned long awaited = 1UL << (SIGINT - 1) | 1UL << (SIGTERM - 1) | 1UL << (SIGCHLD - 1);
    if (call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&awaited, 0, sizeof(awaited)) < 0) {
        say(2, "pause: cannot block signals\n");
        end(1);
    }
    if (call(SYS_getpid, 0, 0, 0, 0) != 1) {
        say(2,
            "pause: warning: not the first process of its PID namespace: orphans are not ours\n");
    }
    reap(); /* children that ended before */
    for (;;) {
        const long signal = call(SYS_rt_sigtimedwait, (long)&awaited, 0, 0, sizeof(awaited));
        if (signal == SIGCHLD) {
            reap();
        } else if (signal == SIGINT || signal == SIGTERM) {
            say(2, signal == SIGINT ? "Shutting down, got signal: Interrupt\n"
                                    : "Shutting down, got signal: Terminated\n");
            end(0);
        }
    }
}

__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n"
        "  call run\n");
