// SPDX-License-Identifier: MIT
#include "nft/match.hpp"

#include <array>

namespace k2s::cni::nft {
namespace {

constexpr uint32_t k_destination_v4 = 16, k_destination_v6 = 24; // in the header

} // namespace

// As nft writes a prefix: whole bytes are compared as such, others under a mask.
void match_destination(Expressions &rule, const Prefix &prefix, bool inside) {
    const Address network = prefix.network();
    const uint32_t offset = network.is_v4() ? k_destination_v4 : k_destination_v6;
    auto size = static_cast<uint32_t>(network.size());
    const bool whole = prefix.length % 8 == 0 && prefix.length > 0;
    if (whole) {
        size = prefix.length / 8;
    }
    rule.network_header(offset, size);
    if (!whole) {
        const std::array<uint8_t, 16> zeroes{};
        const Address mask =
            Address::from_bytes(zeroes.data(), network.size()).filled(0).masked(prefix.length);
        rule.mask(mask.data(), size);
    }
    if (inside) {
        rule.equal(network.data(), size);
    } else {
        rule.unequal(network.data(), size);
    }
}

} // namespace k2s::cni::nft
