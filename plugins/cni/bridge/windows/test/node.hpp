// SPDX-License-Identifier: MIT
#pragma once

#include "bridge/windows/bridge.hpp"
#include "hcn/test/double.hpp"

namespace k2s::cni {

inline constexpr const char *k_space = "99999999-8888-7777-6666-555555555555";

/// A node with the namespace of a pod, reservations and the double's HCN.
struct Node : hcn::Double {
    std::string data = (root / "ipam").string();
    Bridge::Options options;

    Node() {
        options.hcn = {library_folder(), std::chrono::seconds(20)};
        put("namespace", k_space, "");
    }

    Request request(const Json &more = {}, const std::string &id = "pod") const {
        Request result;
        result.container_id = id;
        result.netns = k_space;
        result.ifname = "eth0";
        result.network = "cbr0";
        result.version = "1.1.0";
        result.config = Json::parse(R"({"name": "cbr0", "type": "bridge",
            "dns": {"nameservers": ["172.21.0.10"]},
            "optionalFlags": {"forceBridgeGateway": true},
            "ipam": {"type": "host-local", "subnet": "172.20.1.0/24"}})");
        result.config["ipam"]["dataDir"] = data;
        result.config["ipam"]["rangeStart"] = "172.20.1.10";
        if (more.is_object()) {
            result.config.merge_patch(more);
        }
        return result;
    }

    std::size_t reserved() const {
        std::size_t found = 0;
        boost::system::error_code none;
        for (boost::filesystem::directory_iterator at(root / "ipam" / "cbr0", none), end; at != end;
             ++at) {
            const auto name = at->path().filename().string();
            found += name.rfind("172.", 0) == 0 || name.rfind("fd", 0) == 0 ? 1 : 0;
        }
        return found;
    }
    bool nothing_left() const {
        return count("endpoint") == 0 && count("network") == 0 && reserved() == 0;
    }
};

} // namespace k2s::cni
