// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/request.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// Addresses first to last (inclusive) of a subnet; the gateway among them is never given away.
struct Range {
    Prefix subnet;
    Address first, last, gateway;

    bool contains(const Address &address) const {
        return address.size() == first.size() && address >= first && address <= last;
    }
    std::string text() const { return first.text() + "-" + last.text(); }
};

/// A container gets one address of each set.
struct RangeSet {
    std::vector<Range> ranges;

    const Range *range_of(const Address &address) const;
    std::string text() const;
};

/// "ipam" of the configuration with what the runtime adds to it (runtimeConfig, args, CNI_ARGS).
struct IpamConfig {
    std::vector<RangeSet> sets;
    std::vector<Route> routes;
    std::vector<Address> requested;
    std::string data_dir;
    std::string resolv_conf;
};

Result<IpamConfig> read_ipam_config(const Request &request);

} // namespace k2s::cni
