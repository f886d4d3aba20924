// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plan/apply.hpp"

namespace k2s::network {

/// A pod of this machine, as libcni remembers it from its ADD.
struct Pod {
    std::string name, name_space; // of Kubernetes; empty: CNI_ARGS did not say
    std::string container, network, ifname;
    std::vector<std::string> ports; // Linux: interfaces of the host towards it
    std::vector<Prefix> addresses;

    /// "shop/cart", or the beginning of the container's id.
    std::string text() const;
};

/// Those whose results are in libcni's cache. Files that are no results are passed over.
std::vector<Pod> cached_pods(const std::string &folder);
std::string default_cache();

/// Where a packet comes from or goes to.
struct End {
    Address address;
    const Pod *pod = nullptr; // none of this machine
};

/// What a person names: addresses, pods as NAME or NAMESPACE/NAME, or the beginning of a
/// container's id. Both ends have addresses of one family. K2S_E_NOT_FOUND: no such pod;
/// K2S_E_USAGE: several of that name, or two families.
Expected<std::pair<End, End>> find_ends(const std::vector<std::string> &words,
                                        const std::vector<Pod> &pods);

/// For Windows.
struct LiveOptions {
    vfprules::Options rules;
    std::string hcn_folder; // of computenetwork.dll; empty: System32
};
/// The rules that a pod's packet meets on this machine, as the system has them now.
std::vector<Hop> live_rules(const Pod &pod, const Address &from, const Address &to,
                            const LiveOptions &options);

} // namespace k2s::network
