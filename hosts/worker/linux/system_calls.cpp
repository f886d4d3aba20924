// SPDX-License-Identifier: MIT
#include "linux/system_calls.hpp"

#include <cerrno>
#include <cstddef>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace k2s::worker {

namespace {

#if defined(__x86_64__)
constexpr unsigned k_machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned k_machine = AUDIT_ARCH_AARCH64;
#else
#error "which AUDIT_ARCH_ is this?"
#endif

// Mounts and namespaces, other processes' memory, the kernel itself, clocks, keys.
constexpr long k_admin[] = {
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_move_mount,
    SYS_mount_setattr,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_open_tree,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_open_by_handle_at,
    SYS_quotactl,
    SYS_syslog,
    SYS_personality,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_vhangup,
#if defined(__x86_64__)
    SYS_iopl,
    SYS_ioperm,
#endif
};

constexpr long k_children[] = {
    SYS_execve,
    SYS_execveat,
#if defined(__x86_64__)
    SYS_fork,
    SYS_vfork,
#endif
};

class Filter {
  public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        // Another machine's calls have other numbers (int 0x80), so none may be made.
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k_machine, 1, 0));
        give(SECCOMP_RET_KILL_PROCESS);
        load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1)); // x32
        give(SECCOMP_RET_KILL_PROCESS);
#endif
    }
    void refuse(long call, unsigned error) {
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        give(SECCOMP_RET_ERRNO | error);
    }
    // A thread is a clone, too. clone3 has its flags in memory, where a filter cannot look: with
    // ENOSYS the C library falls back to clone.
    void refuse_processes() {
        refuse(SYS_clone3, ENOSYS);
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
        load(offsetof(seccomp_data, args[0]));
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
        give(SECCOMP_RET_ERRNO | EPERM);
        give(SECCOMP_RET_ALLOW);
    }
    bool install() {
        give(SECCOMP_RET_ALLOW);
        const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
        return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
    }

  private:
    void load(std::size_t offset) {
        code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
    }
    void give(unsigned verdict) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, verdict)); }

    std::vector<sock_filter> code_;
};

} // namespace

bool filter_system_calls(bool no_admin, bool no_children) {
    if (!no_admin && !no_children) {
        return true;
    }
    Filter filter;
    if (no_admin) {
        for (const long call : k_admin) {
            filter.refuse(call, EPERM);
        }
    }
    if (no_children) {
        for (const long call : k_children) {
            filter.refuse(call, EPERM);
        }
        filter.refuse_processes();
    }
    return filter.install();
}

} // namespace k2s::worker
