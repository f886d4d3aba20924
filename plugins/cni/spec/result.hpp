// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/address.hpp"
#include "spec/failure.hpp"
#include "spec/json.hpp"

namespace k2s::cni {

struct Interface {
    std::string name;
    std::string mac;
    std::string sandbox; // empty: on the host
};

struct IpConfig {
    Prefix address;
    std::optional<Address> gateway;
    std::optional<int64_t> interface; // index into Attachment::interfaces
};

struct Route {
    Prefix destination;
    std::optional<Address> gateway;
    std::optional<int64_t> mtu, advmss, priority, table, scope;
};

struct Dns {
    std::vector<std::string> nameservers;
    std::string domain;
    std::vector<std::string> search, options;

    bool empty() const {
        return nameservers.empty() && domain.empty() && search.empty() && options.empty();
    }
};

/// A success result of ADD (specification, section 5), whatever version it is written in.
struct Attachment {
    std::vector<Interface> interfaces;
    std::vector<IpConfig> ips;
    std::vector<Route> routes;
    Dns dns;
};

/// The form of `version`. Before 0.3.0 there is one address per family and no interface, and a
/// result without an address cannot be written.
Result<Json> to_json(const Attachment &result, const std::string &version);

/// Reads any version's form. `what` names it in the failure.
Result<Attachment> attachment_from(const Json &json, std::string_view what);
/// The result of ADD that CHECK compares with.
Result<Attachment> previous_result(const Json &config);

Result<Dns> dns_from(const Json &json);
/// The member "routes", or another one with the same content; none when it is absent.
Result<std::vector<Route>> routes_member(const Json &object, std::string_view name);

} // namespace k2s::cni
