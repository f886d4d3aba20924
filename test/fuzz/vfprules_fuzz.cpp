// SPDX-License-Identifier: MIT
// Fuzz target of vfprules.json and of what vfpctrl.exe prints: an input is read as each of them.
#include <algorithm>
#include <cstdint>
#include <string>

#include "require.hpp"
#include "vfprules/vfpctrl.hpp"

using namespace k2s::vfprules;

namespace {

const LocalAddress k_own{*Address::parse("172.20.1.2"), "cbr0_ep", 7, {0, 0x15, 0x5d, 1, 2, 3}};

void check_config(const Config &config) {
    require(std::ranges::is_sorted(config.routes, {}, &Route::priority));
    for (const auto &route : config.routes) {
        require(route.priority > 0 && is_rule_name(route.name));
        require(route.destination.network() == route.destination.address);
        require(route.gateway.is_v4() == route.destination.address.is_v4());
    }
    const Plan plan = make_plan(config, {k_own});
    require(plan.rules.size() + plan.skipped.size() == config.routes.size());
    for (const auto &rule : plan.rules) {
        require(rule.route.gateway == k_own.address);
        // One word of a command line that vfpctrl takes apart: no more than it says.
        require(std::ranges::count(rule_text(rule), ' ') == 14);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string input(reinterpret_cast<const char *>(data), size);
    if (const auto config = read_config(input)) {
        check_config(*config);
    } else {
        require(config.error().code == K2S_E_CONFIG && !config.error().message.empty());
    }
    const Rule rule{{"one", *Prefix::parse("172.19.1.0/24"), k_own.address, 200}, k_own};
    for (const auto &listed : read_rules(input)) {
        require(listed.id.find('\n') == std::string::npos);
        agrees(listed, rule);
    }
    if (const auto name = read_port_name(input, "b5f4e943-756d-4ee8-a70c-df5ad7c74715")) {
        require(name->find('\n') == std::string::npos);
    }
    return 0;
}
