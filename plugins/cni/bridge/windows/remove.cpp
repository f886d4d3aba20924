// SPDX-License-Identifier: MIT
#include <algorithm>

#include "bridge/steps.hpp"
#include "bridge/windows/bridge.hpp"

namespace k2s::cni {
namespace {

using hcn::Kinds;

/// Out of its namespace, then away. Each may be done already.
Result<void> remove_endpoint(const hcn::Service &service, const Json &endpoint,
                             const std::optional<GUID> &said, const PortRules &rules) {
    const GUID id = *hcn::id_of(endpoint);
    const auto has = hcn::parse_guid(hcn::text_in(endpoint, "HostComputeNamespace"));
    const auto place = has && *has != GUID{} ? has : said;
    if (place) {
        // Deleting takes it out as well; this only lets the namespace know in time.
        (void)move_endpoint(service, "Remove", *place, id);
    }
    if (auto removed = service.remove(Kinds::endpoint, id); !removed) {
        return pass(removed);
    }
    rules.forget(hcn::text_of(id));
    return {};
}

/// Whoever removed the ports.
Result<void> forget_lost_ports(const hcn::Service &service, const PortRules &rules) {
    Steps steps;
    for (const auto &port : rules.remembered()) {
        auto there = service.exists(Kinds::endpoint, *hcn::parse_guid(port));
        if (there && !*there) {
            rules.forget(port);
        }
        steps.add(there ? Result<void>() : pass(there));
    }
    return steps.outcome();
}

} // namespace

Result<void> Bridge::del(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto service = hcn::Service::open(options_.hcn);
    if (!service) {
        return pass(service);
    }
    auto found = service->find(Kinds::endpoint, endpoint_name(request));
    if (!found) {
        return pass(found);
    }
    if (*found) {
        // An address must not be given away while an endpoint still has it.
        if (auto removed =
                remove_endpoint(*service, **found, hcn::parse_guid(request.netns), options_.rules);
            !removed) {
            return removed;
        }
    }
    if (config->ipam_type.empty()) {
        return {};
    }
    auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
    return ipam ? ipam->call("DEL", request) : pass(ipam);
}

Result<void> Bridge::gc(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto valid = valid_attachments(request.config);
    if (!valid) {
        return pass(valid);
    }
    auto service = hcn::Service::open(options_.hcn);
    if (!service) {
        return pass(service);
    }
    auto network = service->find(Kinds::network, request.network);
    if (!network) {
        return pass(network);
    }
    Steps steps;
    if (*network) {
        const auto id = hcn::text_of(*hcn::id_of(**network));
        auto endpoints = service->list(Kinds::endpoint, Json{{"HostComputeNetwork", id}});
        if (!endpoints) {
            return pass(endpoints);
        }
        const std::string suffix = "_" + request.network;
        for (const auto &endpoint : *endpoints) {
            const auto name = hcn::text_in(endpoint, "Name");
            const bool ours = name.size() > suffix.size() && name.ends_with(suffix);
            const bool kept = std::ranges::any_of(*valid, [&](const ValidAttachment &one) {
                return name == one.container_id + suffix;
            });
            if (ours && !kept) {
                steps.add(remove_endpoint(*service, endpoint, std::nullopt, options_.rules));
            }
        }
    }
    steps.add(forget_lost_ports(*service, options_.rules));
    if (!config->ipam_type.empty()) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        steps.add(ipam ? ipam->call("GC", request) : pass(ipam));
    }
    return steps.outcome();
}

} // namespace k2s::cni
