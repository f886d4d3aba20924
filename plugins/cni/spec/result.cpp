// SPDX-License-Identifier: MIT
#include "spec/result.hpp"

#include "spec/version.hpp"

namespace k2s::cni {
namespace {

void put(Json &json, const char *name, const std::optional<int64_t> &value) {
    if (value) {
        json[name] = *value;
    }
}

Json route_json(const Route &route, bool with_metrics) {
    Json json{{"dst", route.destination.text()}};
    if (route.gateway) {
        json["gw"] = route.gateway->text();
    }
    if (with_metrics) {
        put(json, "mtu", route.mtu);
        put(json, "advmss", route.advmss);
        put(json, "priority", route.priority);
        put(json, "table", route.table);
        put(json, "scope", route.scope);
    }
    return json;
}

Json dns_json(const Dns &dns) {
    Json json = Json::object();
    const auto list = [&](const char *name, const std::vector<std::string> &values) {
        if (!values.empty()) {
            json[name] = values;
        }
    };
    list("nameservers", dns.nameservers);
    list("search", dns.search);
    list("options", dns.options);
    if (!dns.domain.empty()) {
        json["domain"] = dns.domain;
    }
    return json;
}

Result<Json> old_json(const Attachment &result, const std::string &version) {
    Json json{{"cniVersion", version}};
    for (const auto &ip : result.ips) {
        const char *name = ip.address.address.is_v4() ? "ip4" : "ip6";
        if (json.contains(name)) {
            continue;
        }
        Json &family = json[name];
        family["ip"] = ip.address.text();
        if (ip.gateway) {
            family["gateway"] = ip.gateway->text();
        }
        for (const auto &route : result.routes) {
            if (route.destination.address.is_v4() == ip.address.address.is_v4()) {
                family["routes"].push_back(route_json(route, false));
            }
        }
    }
    if (json.size() == 1) {
        return fail(k_bad_config,
                    "a result without an address cannot be written in version {}: take cniVersion "
                    "0.3.0 or later",
                    version);
    }
    json["dns"] = dns_json(result.dns);
    return json;
}

Result<IpConfig> ip_from(const Json &json, const char *name) {
    IpConfig config;
    auto address = prefix_member(json, name);
    if (!address || !*address) {
        return address ? fail(k_bad_config, "an entry of \"ips\" has no \"{}\"", name)
                       : pass(address);
    }
    auto gateway = address_member(json, "gateway");
    auto interface = integer_member(json, "interface");
    if (!gateway) {
        return pass(gateway);
    }
    if (!interface) {
        return pass(interface);
    }
    return IpConfig{**address, *gateway, *interface};
}

Result<void> append_routes(const Json &json, Attachment &result) {
    auto routes = routes_member(json, "routes");
    if (!routes) {
        return pass(routes);
    }
    result.routes.insert(result.routes.end(), routes->begin(), routes->end());
    return {};
}

Result<void> old_family(const Json &json, const char *name, Attachment &result) {
    const Json *family = member(json, name);
    if (family == nullptr) {
        return {};
    }
    auto ip = ip_from(*family, "ip");
    if (!ip) {
        return pass(ip);
    }
    result.ips.push_back(*ip);
    return append_routes(*family, result);
}

Result<void> interfaces_from(const Json &json, Attachment &result) {
    auto list = array_member(json, "interfaces");
    if (!list) {
        return pass(list);
    }
    for (const auto &item : *list) {
        Interface one;
        for (const auto &[name, target] :
             {std::pair{"name", &one.name}, {"mac", &one.mac}, {"sandbox", &one.sandbox}}) {
            auto text = text_member(item, name);
            if (!text) {
                return pass(text);
            }
            *target = std::move(*text);
        }
        result.interfaces.push_back(std::move(one));
    }
    return {};
}

Result<Attachment> read_attachment(const Json &json) {
    Attachment result;
    for (const char *name : {"ip4", "ip6"}) {
        if (auto read = old_family(json, name, result); !read) {
            return pass(read);
        }
    }
    if (auto read = interfaces_from(json, result); !read) {
        return pass(read);
    }
    auto ips = array_member(json, "ips");
    if (!ips) {
        return pass(ips);
    }
    for (const auto &item : *ips) {
        auto ip = ip_from(item, "address");
        if (!ip) {
            return pass(ip);
        }
        result.ips.push_back(*ip);
    }
    if (auto read = append_routes(json, result); !read) {
        return pass(read);
    }
    auto dns = object_member(json, "dns");
    if (!dns) {
        return pass(dns);
    }
    auto parsed = dns_from(*dns);
    if (!parsed) {
        return pass(parsed);
    }
    result.dns = std::move(*parsed);
    return result;
}

} // namespace

Result<Json> to_json(const Attachment &result, const std::string &version) {
    if (older(version, "0.3.0")) {
        return old_json(result, version);
    }
    Json json{{"cniVersion", version}};
    for (const auto &one : result.interfaces) {
        Json item{{"name", one.name}};
        if (!one.mac.empty()) {
            item["mac"] = one.mac;
        }
        if (!one.sandbox.empty()) {
            item["sandbox"] = one.sandbox;
        }
        json["interfaces"].push_back(std::move(item));
    }
    for (const auto &ip : result.ips) {
        Json item{{"address", ip.address.text()}};
        if (older(version, "1.0.0")) {
            item["version"] = ip.address.address.is_v4() ? "4" : "6";
        }
        put(item, "interface", ip.interface);
        if (ip.gateway) {
            item["gateway"] = ip.gateway->text();
        }
        json["ips"].push_back(std::move(item));
    }
    for (const auto &route : result.routes) {
        json["routes"].push_back(route_json(route, true));
    }
    if (!result.dns.empty()) {
        json["dns"] = dns_json(result.dns);
    }
    return json;
}

Result<Attachment> attachment_from(const Json &json, std::string_view what) {
    auto result = read_attachment(json);
    if (!result) {
        result.error().message = fmt::format("{}: {}", what, result.error().message);
    }
    return result;
}

Result<Attachment> previous_result(const Json &config) {
    const Json *json = member(config, "prevResult");
    if (json == nullptr) {
        return fail(k_bad_config,
                    "required prevResult missing: CHECK compares with the result of ADD");
    }
    return attachment_from(*json, "prevResult");
}

Result<Dns> dns_from(const Json &json) {
    Dns dns;
    for (const auto &[name, target] : {std::pair{"nameservers", &dns.nameservers},
                                       {"search", &dns.search},
                                       {"options", &dns.options}}) {
        auto list = texts_member(json, name);
        if (!list) {
            return pass(list);
        }
        *target = std::move(*list);
    }
    auto domain = text_member(json, "domain");
    if (!domain) {
        return pass(domain);
    }
    dns.domain = std::move(*domain);
    return dns;
}

namespace {

Result<Route> route_from(const Json &json) {
    Route route;
    auto destination = prefix_member(json, "dst");
    if (!destination || !*destination) {
        return destination ? fail(k_bad_config, "a route has no \"dst\"") : pass(destination);
    }
    // The kernel takes no host bits, and the reference drops them while reading.
    route.destination = {(*destination)->network(), (*destination)->length};
    auto gateway = address_member(json, "gw");
    if (!gateway) {
        return pass(gateway);
    }
    route.gateway = *gateway;
    for (const auto &[name, target] : {std::pair{"mtu", &route.mtu},
                                       {"advmss", &route.advmss},
                                       {"priority", &route.priority},
                                       {"table", &route.table},
                                       {"scope", &route.scope}}) {
        auto value = integer_member(json, name);
        if (!value) {
            return pass(value);
        }
        if (*value && (**value < 0 || **value > UINT32_MAX)) {
            return fail(k_bad_config, "\"{}\" of a route is {}, but has to be a number of 32 bits",
                        name, **value);
        }
        *target = *value;
    }
    return route;
}

} // namespace

Result<std::vector<Route>> routes_member(const Json &object, std::string_view name) {
    auto list = array_member(object, name);
    if (!list) {
        return pass(list);
    }
    std::vector<Route> routes;
    for (const auto &item : *list) {
        auto route = route_from(item);
        if (!route) {
            return pass(route);
        }
        routes.push_back(*route);
    }
    return routes;
}

} // namespace k2s::cni
