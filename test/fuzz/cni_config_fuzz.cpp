// SPDX-License-Identifier: MIT
// Fuzz target of what a container runtime gives to bridge and host-local: an input is the network
// configuration, with a prevResult in it or not. Nothing is done with it.
#include <cstdint>
#include <string>

#include "bridge/linux/config.hpp"
#include "ipam/ranges.hpp"
#include "require.hpp"
#include "spec/dispatch.hpp"
#include "spec/result.hpp"
#include "spec/version.hpp"

using namespace k2s::cni;

namespace {

/// A result that was read can be written in each version, and read again.
Result<void> check_result(const Request &request) {
    const Json *said = member(request.config, "prevResult");
    if (said == nullptr) {
        return {};
    }
    auto result = attachment_from(*said, "prevResult");
    if (!result) {
        return pass(result);
    }
    for (const auto version : k_versions) {
        const auto json = to_json(*result, std::string(version));
        require(json || result->ips.empty() || !older(version, "0.3.0"));
        require(!json || attachment_from(*json, "itself").has_value());
    }
    return {};
}

Result<void> look(const Request &request) {
    if (auto config = read_bridge_config(request); !config) {
        return pass(config);
    }
    if (auto ipam = read_ipam_config(request)) {
        require(!ipam->sets.empty());
        for (const auto &set : ipam->sets) {
            for (const auto &range : set.ranges) {
                require(range.first <= range.last && range.subnet.contains(range.first) &&
                        range.subnet.contains(range.last));
                require(set.range_of(range.last) != nullptr);
            }
        }
    }
    if (auto valid = valid_attachments(request.config); !valid) {
        return pass(valid);
    }
    return check_result(request);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string input(reinterpret_cast<const char *>(data), size);
    for (const std::string command : {"ADD", "DEL", "CHECK", "GC", "STATUS"}) {
        const Surroundings surroundings{[&](std::string_view name) -> std::string {
                                            return name == "CNI_COMMAND"       ? command
                                                   : name == "CNI_CONTAINERID" ? "pod"
                                                   : name == "CNI_IFNAME"      ? "eth0"
                                                   : name == "CNI_NETNS"       ? "/run/netns/pod"
                                                   : name == "CNI_PATH"        ? "/opt/cni/bin"
                                                                               : "";
                                        },
                                        [&] { return Result<std::string>(input); }};
        Verbs verbs;
        verbs.del = verbs.check = verbs.gc = verbs.status = look;
        verbs.add = [](const Request &request) -> Result<Json> {
            auto done = look(request);
            return done ? Result<Json>(Json::object()) : pass(done);
        };
        const Shown shown = dispatch(surroundings, verbs);
        require(shown.exit_code == 0 || shown.exit_code == 1);
        // Whatever is wrong is said in JSON.
        require(shown.exit_code == 0 || Json::accept(shown.output));
    }
    return 0;
}
