// SPDX-License-Identifier: MIT
#include <algorithm>

#include "bridge/windows/bridge.hpp"

namespace k2s::cni {
namespace {

std::string colons(std::string mac) {
    std::ranges::replace(mac, '-', ':');
    std::ranges::transform(mac, mac.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return mac;
}

std::optional<Address> gateway_of(const Json &endpoint, bool v4) {
    const Json *routes = member(endpoint, "Routes");
    for (const auto &route : routes != nullptr && routes->is_array() ? *routes : Json::array()) {
        const auto next = Address::parse(hcn::text_in(route, "NextHop"));
        const auto to = Prefix::parse(hcn::text_in(route, "DestinationPrefix"));
        if (next && next->is_v4() == v4 && (!to || to->length == 0)) {
            return next;
        }
    }
    return std::nullopt;
}

} // namespace

std::string endpoint_name(const Request &request) {
    return request.container_id + "_" + request.network;
}

Result<GUID> namespace_of(const Request &request) {
    const auto id = hcn::parse_guid(request.netns);
    return id ? Result<GUID>(*id)
              : fail(k_bad_environment, "CNI_NETNS \"{}\" is no id of an HCN namespace",
                     request.netns.substr(0, 80));
}

Result<bool> move_endpoint(const hcn::Service &service, const char *what, const GUID &name_space,
                           const GUID &endpoint) {
    return service.modify(hcn::Kinds::name_space, name_space,
                          {{"ResourceType", "Endpoint"},
                           {"RequestType", what},
                           {"Settings", {{"EndpointId", hcn::text_of(endpoint)}}}});
}

Result<Attachment> attachment_of(const Json &endpoint, const Request &request) {
    Attachment result;
    result.interfaces.push_back(
        {request.ifname, colons(hcn::text_in(endpoint, "MacAddress")), request.netns});
    auto list = array_member(endpoint, "IpConfigurations");
    if (!list) {
        return pass(list);
    }
    for (const auto &item : *list) {
        const auto address = Address::parse(hcn::text_in(item, "IpAddress"));
        auto length = integer_member(item, "PrefixLength");
        if (!address || !length) {
            return fail(k_internal, "the endpoint {} has an address that is none: {}",
                        endpoint_name(request), item.dump());
        }
        const auto bits = static_cast<int64_t>(address->size() * 8);
        result.ips.push_back({{*address, static_cast<unsigned>(
                                             std::clamp<int64_t>(length->value_or(bits), 0, bits))},
                              gateway_of(endpoint, address->is_v4()),
                              0});
    }
    return result;
}

} // namespace k2s::cni
