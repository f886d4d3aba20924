// SPDX-License-Identifier: MIT
#include "bridge_options.hpp"

#include <k2s/sdk/program_folder.hpp>

namespace k2s::cni {

Bridge::Options bridge_options(const Host &host, const Runner &run) {
    Bridge::Options options;
    options.ipam.run = run;
    options.ipam.own_folder = program_folder();
    options.ipam.always_exec = host.environment("BRIDGE_EXEC_IPAM") == "true";
    options.rules = port_rules(host, options.ipam.own_folder);
    options.cancelled = [&host] { return host.cancelled(); };
    return options;
}

} // namespace k2s::cni
