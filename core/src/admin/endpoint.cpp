// SPDX-License-Identifier: MIT
#include "admin/endpoint.hpp"

namespace k2s::core::admin {

Result<void> check_instance(std::string_view instance) {
    constexpr std::size_t k_longest = 32;
    constexpr std::string_view k_allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (instance.empty() || instance.size() > k_longest ||
        instance.find_first_not_of(k_allowed) != std::string_view::npos) {
        return fail(
            K2S_E_USAGE,
            "'{}' cannot name a host instance: use 1 to {} of the characters a-z, 0-9 and -",
            instance, k_longest);
    }
    return {};
}

} // namespace k2s::core::admin
