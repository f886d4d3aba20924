// SPDX-License-Identifier: MIT
#include "services/host_thread.hpp"

#include <pthread.h>

namespace k2s::core {

void name_this_thread(const std::string &name) noexcept {
    char shown[16] = {}; // the kernel's limit, with the NUL
    name.copy(shown, sizeof(shown) - 1);
    ::pthread_setname_np(::pthread_self(), shown);
}

} // namespace k2s::core
