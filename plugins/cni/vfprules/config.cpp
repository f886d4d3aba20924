// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>

#include "spec/json.hpp"
#include "vfprules/backend.hpp"

namespace k2s::vfprules {
namespace {

constexpr std::size_t k_most_routes = 256, k_longest_name = 64;
constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

Expected<std::string> text_in(const cni::Json &object, const char *name, const std::string &where) {
    const cni::Json *value = cni::member(object, name);
    if (value == nullptr || !(value->is_string() || value->is_number_unsigned())) {
        return fail(K2S_E_CONFIG, "{}: \"{}\" is missing, or neither text nor number", where, name);
    }
    return value->is_string() ? value->get<std::string>() : value->dump();
}

Expected<Route> read_route(const cni::Json &object, std::size_t index) {
    std::string where = fmt::format("routes[{}]", index);
    if (!object.is_object()) {
        return fail(K2S_E_CONFIG, "{} is no object", where);
    }
    auto name = text_in(object, "name", where), subnet = text_in(object, "subnet", where);
    auto gateway = text_in(object, "gateway", where), priority = text_in(object, "priority", where);
    for (auto *each : {&name, &subnet, &gateway, &priority}) {
        if (!*each) {
            return std::unexpected(each->error());
        }
    }
    if (!is_rule_name(*name)) {
        return fail(K2S_E_CONFIG, "{}: the name '{}' has to be 1 to {} letters, digits or _-.",
                    where, *name, k_longest_name);
    }
    where += fmt::format(" ({})", *name);
    const auto prefix = Prefix::parse(*subnet);
    if (!prefix) {
        return fail(K2S_E_CONFIG, "{}: the subnet '{}' is no prefix such as 172.19.1.0/24", where,
                    *subnet);
    }
    const auto address = Address::parse(*gateway);
    if (!address || address->is_v4() != prefix->address.is_v4()) {
        return fail(K2S_E_CONFIG, "{}: the gateway '{}' is no {} address", where, *gateway,
                    prefix->address.is_v4() ? "IPv4" : "IPv6");
    }
    Route route{*name, {prefix->network(), prefix->length}, *address, 0};
    const char *end = priority->data() + priority->size();
    const auto [stop, failed] = std::from_chars(priority->data(), end, route.priority);
    if (failed != std::errc() || stop != end || route.priority == 0) {
        return fail(K2S_E_CONFIG, "{}: the priority '{}' is no number from 1 to 65535", where,
                    *priority);
    }
    return route;
}

bool overlap(const Prefix &a, const Prefix &b) {
    return a.contains(b.address) || b.contains(a.address);
}

} // namespace

bool is_rule_name(std::string_view text) {
    return !text.empty() && text.size() <= k_longest_name && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    });
}

Expected<Config> read_config(std::string_view text) {
    if (text.starts_with(k_byte_order_mark)) {
        text.remove_prefix(k_byte_order_mark.size());
    }
    auto json = cni::parse_json(text, "vfprules.json");
    if (!json) {
        return fail(K2S_E_CONFIG, "{}", json.error().message);
    }
    const cni::Json *routes = json->is_object() ? cni::member(*json, "routes") : nullptr;
    if (routes == nullptr || !routes->is_array() || routes->size() > k_most_routes) {
        return fail(K2S_E_CONFIG, "\"routes\" is missing, or no list of at most {} routes",
                    k_most_routes);
    }
    Config config;
    for (const auto &each : *routes) {
        auto route = read_route(each, config.routes.size());
        if (!route) {
            return std::unexpected(route.error());
        }
        for (const auto &other : config.routes) {
            if (other.name == route->name) {
                return fail(K2S_E_CONFIG, "two routes have the name '{}'", route->name);
            }
            if (other.priority == route->priority &&
                overlap(other.destination, route->destination)) {
                return fail(K2S_E_CONFIG,
                            "the routes '{}' and '{}' overlap and have the same priority {}: which "
                            "one counts?",
                            other.name, route->name, route->priority);
            }
        }
        config.routes.push_back(std::move(*route));
    }
    auto versions = cni::texts_member(*json, "vfpapi");
    if (!versions) {
        return fail(K2S_E_CONFIG, "{}", versions.error().message);
    }
    config.vfpapi = std::move(*versions);
    std::ranges::stable_sort(config.routes, {}, &Route::priority);
    return config;
}

} // namespace k2s::vfprules
