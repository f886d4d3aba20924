// SPDX-License-Identifier: MIT
#include <algorithm>

#include "bridge/windows/bridge.hpp"

namespace k2s::cni {
namespace {

using hcn::Kinds;

Result<void> check_endpoint(const Json &endpoint, const Request &request,
                            const Attachment &expected) {
    const auto name = endpoint_name(request);
    auto name_space = namespace_of(request);
    if (!name_space) {
        return pass(name_space);
    }
    if (hcn::parse_guid(hcn::text_in(endpoint, "HostComputeNamespace")) != *name_space) {
        return fail(k_internal, "the endpoint {} is not in the namespace {}", name, request.netns);
    }
    auto is = attachment_of(endpoint, request);
    if (!is) {
        return pass(is);
    }
    for (const auto &interface : expected.interfaces) {
        if (interface.name == request.ifname && !interface.mac.empty() &&
            interface.mac != is->interfaces.front().mac) {
            return fail(k_internal, "the endpoint {} has the MAC address {}, not {}", name,
                        is->interfaces.front().mac, interface.mac);
        }
    }
    for (const auto &ip : expected.ips) {
        if (std::ranges::none_of(is->ips, [&](const IpConfig &one) {
                return one.address.address == ip.address.address &&
                       (!ip.gateway || one.gateway == ip.gateway);
            })) {
            return fail(k_internal, "the endpoint {} has lost the address {} or its gateway", name,
                        ip.address.text());
        }
    }
    return {};
}

} // namespace

Result<void> Bridge::check(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto expected = previous_result(request.config);
    if (!expected) {
        return pass(expected);
    }
    if (!config->ipam_type.empty()) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        if (auto good = ipam ? ipam->call("CHECK", request) : pass(ipam); !good) {
            return good;
        }
    }
    auto service = hcn::Service::open(options_.hcn);
    if (!service) {
        return pass(service);
    }
    auto found = service->find(Kinds::endpoint, endpoint_name(request));
    if (!found || !*found) {
        return found ? fail(k_internal, "the endpoint {} is missing", endpoint_name(request))
                     : pass(found);
    }
    if (auto good = check_endpoint(**found, request, *expected); !good) {
        return good;
    }
    return options_.rules.wanted() ? options_.rules.check(hcn::text_of(*hcn::id_of(**found)))
                                   : Result<void>();
}

Result<void> Bridge::status(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto service = hcn::Service::open(options_.hcn);
    if (!service) {
        return fail(k_unavailable, "{}", service.error().message);
    }
    auto network = service->find(Kinds::network, request.network);
    if (!network) {
        return fail(k_unavailable, "{}", network.error().message);
    }
    if (!*network && config->subnets.empty()) {
        return fail(k_unavailable,
                    "there is no HNS network \"{}\", and \"ipam\" has no subnet to make it with",
                    request.network);
    }
    if (config->ipam_type.empty()) {
        return {};
    }
    auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
    return ipam ? ipam->call("STATUS", request) : pass(ipam);
}

} // namespace k2s::cni
