// SPDX-License-Identifier: MIT
#include "util/privilege.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace k2s::core {
namespace {

bool any_capability() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capget, &header, data) != 0) {
        return true; // unknown: the careful answer
    }
    return (data[0].permitted | data[1].permitted) != 0;
}

} // namespace

bool is_privileged() {
    static const bool privileged = ::geteuid() == 0 || ::getuid() != ::geteuid() ||
                                   ::getgid() != ::getegid() || any_capability();
    return privileged;
}

bool is_system_account() {
    return ::geteuid() == 0;
}

} // namespace k2s::core
