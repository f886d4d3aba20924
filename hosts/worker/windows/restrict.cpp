// SPDX-License-Identifier: MIT
#include "restrict.hpp"

namespace k2s::worker {

core::Result<std::vector<std::string>> restrict_self(const core::isolation::WorkerLimits &limits) {
    if (!limits.user.empty()) {
        return core::fail(K2S_E_UNSUPPORTED,
                          "a worker cannot become user '{}' on Windows: leave out worker.user; its "
                          "token has no privileges anyway",
                          limits.user);
    }
    return {};
}

} // namespace k2s::worker
