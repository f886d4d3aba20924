// SPDX-License-Identifier: MIT
#include "bridge_options.hpp"
#include "vfprules/command.hpp"

namespace k2s::cni {

PortRules port_rules(const Host &host, const std::string &folder) {
    vfprules::Options options;
    options.run = vfprules::runner_of(host);
    options.cancelled = [&host] { return host.cancelled(); };
    if (host.environment("BRIDGE_NO_VFPRULES") != "true") {
        options.rules_file = folder + "/vfprules.json";
    }
    return PortRules(std::move(options), [&host](const vfprules::Route &route) {
        host.log().warn("no interface has the gateway of a route rule",
                        {{"rule", route.name}, {"gateway", route.gateway.text()}});
    });
}

} // namespace k2s::cni
