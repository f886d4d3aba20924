// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spec/request.hpp"
#include "spec/sha512.hpp"

namespace k2s::cni {

/// Short names of a network and of an attachment to it, for rules and interfaces. The first part of
/// an attachment's is its network's. They are those of the reference.
inline std::string network_key(const std::string &network) {
    constexpr std::size_t length = 16;
    return sha512_hex(network).substr(0, length);
}

inline std::string attachment_key(const std::string &network, const ValidAttachment &of) {
    return network_key(network) + "-" + network_key(of.ifname + ":" + of.container_id);
}

} // namespace k2s::cni
