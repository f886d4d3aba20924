// SPDX-License-Identifier: MIT
#include "bridge_options.hpp"

#include <k2s/sdk/program_folder.hpp>

#include "spec/files.hpp"

namespace k2s::cni {
namespace {

/// K2s marks a cluster with a service mesh by this file.
bool has_mesh(const Host &host) {
    const auto file = host.environment("ProgramData") + "\\k2s\\enhancedsecurity.json";
    return is_file(file);
}

} // namespace

Bridge::Options bridge_options(const Host &host, const Runner &run) {
    Bridge::Options options;
    options.ipam.run = run;
    options.ipam.own_folder = program_folder();
    options.ipam.always_exec = host.environment("BRIDGE_EXEC_IPAM") == "true";
    options.rules = port_rules(host, options.ipam.own_folder);
    options.cancelled = [&host] { return host.cancelled(); };
    if (has_mesh(host)) {
        options.mesh = [&host](const Pod &pod) -> Result<std::optional<Json>> {
            host.log().warn("no plugin decides about the mesh: the pod is left out of it",
                            {{"namespace", pod.name_space}, {"pod", pod.name}});
            return std::nullopt;
        };
    }
    return options;
}

} // namespace k2s::cni
