# SPDX-License-Identifier: MIT
"""What makes a program's life hard: an end at a certain system call, a kernel without nftables."""
import ctypes
import os
import signal
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
TRACEME, SYSCALL, KILL = 0, 24, 8
STOPPED_BY_SYSCALL = signal.SIGTRAP


def _ptrace(request, pid):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return LIBC.ptrace(request, pid, None, None)


def run_until_call(number, command, env, stdin):
    """Runs `command` with a file as its standard input and kills it when it enters or leaves its system call
    `number`, counted from its start. False: it had ended before, by itself."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(stdin, os.O_RDONLY), 0)
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            _ptrace(TRACEME, 0)
            os.execve(command[0], command, env)
        finally:
            os._exit(127)
    os.waitpid(pid, 0)  # stopped behind exec
    for _ in range(number):
        _ptrace(SYSCALL, pid)
        _, status = os.waitpid(pid, 0)
        while os.WIFSTOPPED(status) and os.WSTOPSIG(status) != STOPPED_BY_SYSCALL:
            _ptrace(SYSCALL, pid)
            _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return False
    os.kill(pid, signal.SIGKILL)
    while not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
        pass
    return True


def without_netfilter():
    """In a child before its exec: from then on the kernel has no netfilter to talk to (seccomp)."""
    load, equal, result = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    socket, af_netlink, netfilter, unsupported = 41, 16, 12, 93
    lines = [(load, 0, 0, 0), (equal, 0, 5, socket), (load, 0, 0, 16), (equal, 0, 3, af_netlink), (load, 0, 0, 32),
             (equal, 0, 1, netfilter), (result, 0, 0, 0x00050000 | unsupported), (result, 0, 0, 0x7fff0000)]
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(program)
    filter_ = struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(buffer))
    LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if LIBC.prctl(22, 2, ctypes.create_string_buffer(filter_), 0, 0) != 0:  # PR_SET_SECCOMP, filter
        raise OSError(ctypes.get_errno(), "seccomp")
