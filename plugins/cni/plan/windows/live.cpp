// SPDX-License-Identifier: MIT
#include "plan/pods.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hcn/service.hpp"

namespace k2s::network {
namespace {

namespace hcn = cni::hcn;

constexpr std::chrono::seconds k_deadline{15};

/// What the policy OutBoundNAT of an endpoint does; nothing when it has none.
std::vector<Hop> outbound(const cni::Json &endpoint, const Address &to) {
    const auto policies = cni::array_member(endpoint, "Policies");
    for (const auto &policy : policies ? *policies : cni::Json::array()) {
        if (hcn::text_in(policy, "Type") != "OutBoundNAT") {
            continue;
        }
        const auto settings = cni::object_member(policy, "Settings");
        const auto exceptions = settings ? cni::texts_member(*settings, "Exceptions")
                                         : cni::Result<std::vector<std::string>>();
        for (const auto &text : exceptions ? *exceptions : std::vector<std::string>()) {
            const auto network = Prefix::parse(text);
            if (network && network->contains(to)) {
                return {{"OutBoundNAT of the endpoint, now",
                         fmt::format("exception {}: the pod's address stays", text)}};
            }
        }
        return {{"OutBoundNAT of the endpoint, now", "leaves with the host's address"}};
    }
    return {};
}

Hop port_rule(const std::string &port, const Address &to, const vfprules::Options &options) {
    Hop hop{fmt::format("port {}, now", port), "no VFP rule matches"};
    const auto report = vfprules::inspect(port, options);
    if (!report) {
        hop.rule = "VFP cannot be asked: " + report.error().message;
        return hop;
    }
    for (const auto &rule : report->plan.rules) { // by priority
        const auto found =
            std::ranges::find(report->rules, rule.route.name, &vfprules::Finding::name);
        if (rule.route.destination.contains(to) && found != report->rules.end()) {
            hop.rule = fmt::format("VFP rule {} is {}: {}", found->name,
                                   vfprules::text_of(found->state), found->detail);
            break;
        }
    }
    return hop;
}

} // namespace

std::vector<Hop> live_rules(const Pod &pod, const Address & /*from*/, const Address &to,
                            const LiveOptions &options) {
    const auto service = hcn::Service::open({options.hcn_folder, k_deadline});
    if (!service) {
        return {{"the Host Network Service", service.error().message}};
    }
    const auto name = pod.container + "_" + pod.network;
    const auto endpoint = service->find(hcn::Kinds::endpoint, name);
    if (!endpoint || !*endpoint) {
        return {{"the pod's endpoint",
                 endpoint ? fmt::format("there is no {} now", name) : endpoint.error().message}};
    }
    std::vector<Hop> hops{port_rule(hcn::text_of(*hcn::id_of(**endpoint)), to, options.rules)};
    std::ranges::move(outbound(**endpoint, to), std::back_inserter(hops));
    return hops;
}

} // namespace k2s::network
