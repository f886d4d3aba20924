// SPDX-License-Identifier: MIT
#include "httpproxy/server_settings.hpp"

#include <nlohmann/json.hpp>

#include <k2s/abi/draft/stdio.h>

namespace k2s::httpproxy {
namespace {

/// The first of the names that is set.
std::string variable(const Host &host, std::initializer_list<std::string_view> names) {
    const auto *stdio = host.find<k2s_stdio>(K2S_STDIO_ID);
    for (const auto name : names) {
        std::string value;
        const k2s_sink sink = Host::string_sink(value);
        if (stdio != nullptr && stdio->environment(host.get(), to_abi(name), &sink) >= 0 &&
            !value.empty()) {
            return value;
        }
    }
    return {};
}

} // namespace

std::expected<Config, Error> config_from_settings(std::string_view settings, const Host &host) {
    const auto json = nlohmann::json::parse(settings, nullptr, false);
    if (!json.is_object()) {
        return std::unexpected(Error{K2S_E_CONFIG, "the settings are no JSON object"});
    }
    const auto seconds = [&](const char *name) {
        return std::chrono::seconds(json.at(name).get<int64_t>());
    };
    Config config;
    json.at("addr").get_to(config.addr);
    json.at("verbose").get_to(config.verbose);
    json.at("forwardproxy").get_to(config.forwardproxy);
    json.at("no_proxy").get_to(config.no_proxy);
    json.at("upstream_ca_file").get_to(config.upstream_ca_file);
    json.at("allowed_cidrs").get_to(config.allowed_cidrs);
    json.at("allowed_destinations").get_to(config.allowed_destinations);
    json.at("hosts").get_to(config.hosts);
    json.at("max_connections").get_to(config.max_connections);
    json.at("max_connections_per_client").get_to(config.max_connections_per_client);
    json.at("max_header_bytes").get_to(config.max_header_bytes);
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
    return config;
}

} // namespace k2s::httpproxy
