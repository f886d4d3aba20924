// SPDX-License-Identifier: MIT
// Fuzz target of the network plan: an input is config.json, then perhaps a NUL byte and
// cluster.json.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "plan/plan.hpp"
#include "require.hpp"

using namespace k2s;
using namespace k2s::network;

namespace {

void check_plan(const Plan &plan) {
    require(Json::accept(to_json(plan).dump()));
    for (const auto &route : plan.routes) {
        require(route.gateway.is_v4() == route.destination.address.is_v4());
    }
    for (const auto &document : plan.documents) {
        require(document.name != "vfprules.json" ||
                vfprules::read_config(document.content).has_value());
        require(document.name == "dnsmasq.conf" || document.name == "dnsproxy.yaml" ||
                Json::accept(document.content));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    const auto end = std::min(input.find('\0'), input.size());
    const auto settings =
        read_settings(input.substr(0, end), input.substr(std::min(end + 1, input.size())));
    if (!settings) {
        require(settings.error().code == K2S_E_CONFIG && !settings.error().message.empty());
        return 0;
    }
    for (const auto role :
         {Role::windows_host, Role::linux_host, Role::control_plane, Role::worker}) {
        for (const auto backend : {Backend::host_gw, Backend::vxlan}) {
            const auto plan = make_plan(*settings, role, backend, Address::parse("10.0.0.9"));
            require(plan || plan.error().code == K2S_E_CONFIG);
            if (plan) {
                check_plan(*plan);
            }
        }
    }
    return 0;
}
