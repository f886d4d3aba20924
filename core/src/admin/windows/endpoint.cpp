// SPDX-License-Identifier: MIT
#include "admin/endpoint.hpp"

#include "util/windows/wide.hpp"

namespace k2s::core::admin {

Result<fs::path> endpoint_of(std::string_view instance, const fs::path &) {
    if (auto checked = check_instance(instance); !checked) {
        return pass(checked);
    }
    return fs::path(LR"(\\.\pipe\k2s-host-)" + to_wide(instance));
}

} // namespace k2s::core::admin
