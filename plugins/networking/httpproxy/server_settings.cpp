// SPDX-License-Identifier: MIT
#include "httpproxy/server_settings.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "dataplane/access_settings.hpp"

namespace k2s::httpproxy {
namespace {

/// The first of the names that is set.
std::string variable(const Host &host, std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
        if (std::string value = host.environment(name); !value.empty()) {
            return value;
        }
    }
    return {};
}

constexpr const char *k_credentials_variable = "K2S_HTTPPROXY_UPSTREAM_CREDENTIALS";

std::expected<Config::RouteRule, Error> read_rule(const nlohmann::json &json, const Host &host) {
    Config::RouteRule rule;
    json.at("match").get_to(rule.match);
    json.at("via").get_to(rule.via);
    rule.credentials_file = json.value("credentials_file", "");
    rule.ca_file = json.value("upstream_ca_file", "");
    if (const std::string name = json.value("credentials_env", ""); !name.empty()) {
        rule.credentials = variable(host, {name});
        if (rule.credentials.empty()) {
            return std::unexpected(
                Error{K2S_E_CONFIG, "routes: the environment variable " + name +
                                        " that holds an upstream's credentials is not set"});
        }
    }
    return rule;
}

} // namespace

std::expected<ServerSettings, Error> read_settings(std::string_view settings, const Host &host) {
    const auto json = nlohmann::json::parse(settings, nullptr, false);
    if (!json.is_object()) {
        return std::unexpected(Error{K2S_E_CONFIG, "the settings are no JSON object"});
    }
    const auto seconds = [&](const char *name) {
        return std::chrono::seconds(json.at(name).get<int64_t>());
    };
    ServerSettings out;
    Config &config = out.config;
    json.at("addr").get_to(config.addr);
    json.at("verbose").get_to(config.verbose);
    json.at("forwardproxy").get_to(config.forwardproxy);
    json.at("no_proxy").get_to(config.no_proxy);
    json.at("upstream_ca_file").get_to(config.upstream_ca_file);
    json.at("upstream_credentials_file").get_to(config.upstream_credentials_file);
    config.upstream_credentials = variable(host, {k_credentials_variable});
    for (const auto &each : json.at("routes")) {
        auto rule = read_rule(each, host);
        if (!rule) {
            return std::unexpected(std::move(rule.error()));
        }
        config.routes.push_back(std::move(*rule));
    }
    auto access_log = access_log_settings(json.at("access_log"), "k2s-httpproxy");
    if (!access_log) {
        return std::unexpected(std::move(access_log.error()));
    }
    out.access_log = std::move(*access_log);
    config.access_log = out.access_log.to != AccessLogSettings::To::nowhere;
    json.at("allowed_cidrs").get_to(config.allowed_cidrs);
    json.at("allowed_destinations").get_to(config.allowed_destinations);
    if (const auto ports = json.find("protected_ports"); ports != json.end()) {
        ports->get_to(config.protected_ports);
    }
    json.at("hosts").get_to(config.hosts);
    json.at("max_connections").get_to(config.max_connections);
    json.at("max_connections_per_client").get_to(config.max_connections_per_client);
    json.at("max_header_bytes").get_to(config.max_header_bytes);
    config.max_uri_bytes =
        std::min(json.value("max_uri_bytes", config.max_uri_bytes), config.max_header_bytes);
    config.min_upload_rate = json.value("min_upload_rate", config.min_upload_rate);
    config.header_timeout = seconds("header_timeout_seconds");
    config.keep_alive_timeout = seconds("keep_alive_timeout_seconds");
    config.connect_timeout = seconds("connect_timeout_seconds");
    config.exchange_idle_timeout = seconds("exchange_idle_timeout_seconds");
    config.tunnel_idle_timeout = seconds("tunnel_idle_timeout_seconds");
    if (config.addr.empty()) {
        // Nobody else may use it: then nobody else needs to reach it.
        config.addr = {config.allowed_cidrs.empty() ? "127.0.0.1:8181" : ":8181"};
    }
    if (config.no_proxy.empty()) {
        config.no_proxy = variable(host, {"NO_PROXY", "no_proxy"});
    }
    config.http_proxy = variable(host, {"HTTP_PROXY", "http_proxy"});
    config.https_proxy = variable(host, {"HTTPS_PROXY", "https_proxy"});
    return out;
}

} // namespace k2s::httpproxy
