// SPDX-License-Identifier: MIT
#include "l4proxy/server_settings.hpp"

#include <nlohmann/json.hpp>

#include "dataplane/access_settings.hpp"

namespace k2s::l4proxy {
namespace {

using nlohmann::json;

constexpr const char *k_single = "main"; // the forward of --listen and --to

template <typename T> void read(const json &from, const char *name, T &to) {
    if (const auto found = from.find(name); found != from.end()) {
        found->get_to(to);
    }
}

void read_seconds(const json &from, const char *name, ForwardConfig::Duration &to) {
    if (const auto found = from.find(name); found != from.end()) {
        to = std::chrono::seconds(found->get<int64_t>());
    }
}

// What both the settings themselves and each forward may say.
void read_common(const json &from, ForwardConfig &to) {
    read(from, "balance", to.balance);
    if (const auto proxy = from.find("proxy_protocol"); proxy != from.end()) {
        read(*proxy, "accept", to.proxy_protocol_accept);
        read(*proxy, "trusted", to.proxy_protocol_trusted);
        read(*proxy, "send", to.proxy_protocol_send);
    }
    if (const auto health = from.find("health"); health != from.end()) {
        read(*health, "type", to.health.type);
        read(*health, "send", to.health.send);
        read(*health, "expect", to.health.expect);
        read(*health, "path", to.health.path);
        read(*health, "host", to.health.host);
        read(*health, "status_from", to.health.status_from);
        read(*health, "status_to", to.health.status_to);
        read_seconds(*health, "interval_seconds", to.health.interval);
        read_seconds(*health, "timeout_seconds", to.health.timeout);
        read(*health, "rise", to.health.rise);
        read(*health, "fall", to.health.fall);
    }
    if (const auto passive = from.find("passive"); passive != from.end()) {
        read(*passive, "failures", to.passive_failures);
        read_seconds(*passive, "down_seconds", to.passive_down_for);
    }
    read(from, "allowed_cidrs", to.allowed_cidrs);
    read_seconds(from, "connect_timeout_seconds", to.connect_timeout);
    read_seconds(from, "idle_timeout_seconds", to.idle_timeout);
    read(from, "keep_alive", to.keep_alive);
    read(from, "max_connections", to.max_connections);
    read(from, "max_connections_per_client", to.max_connections_per_client);
    read_seconds(from, "udp_idle_timeout_seconds", to.udp_idle_timeout);
    read(from, "udp_responses", to.udp_responses);
    read(from, "max_udp_sessions", to.max_udp_sessions);
    read(from, "max_udp_sessions_per_client", to.max_udp_sessions_per_client);
}

ForwardConfig read_forward(const json &from, const ForwardConfig &defaults) {
    ForwardConfig forward = defaults;
    read_common(from, forward);
    read(from, "name", forward.name);
    read(from, "listen", forward.listen);
    for (const json &each : from.at("targets")) {
        TargetConfig target;
        read(each, "to", target.to);
        read(each, "weight", target.weight);
        read(each, "backup", target.backup);
        forward.targets.push_back(std::move(target));
    }
    return forward;
}

// The options of the original's command, which looked at a pod's annotations.
std::expected<void, Error> refuse_policy_mode(const json &from) {
    const auto policy = from.find("policy");
    if (policy == from.end()) {
        return {};
    }
    for (const auto &[name, value] : policy->items()) {
        if (!value.get<std::string>().empty()) {
            return std::unexpected(
                Error{K2S_E_UNSUPPORTED,
                      "-" + name +
                          ": the policy mode of l4proxy (-podname, -namespace, "
                          "-endpointid) comes with the mesh plugin, which is not installed"});
        }
    }
    return {};
}

} // namespace

std::expected<ServerSettings, Error> read_settings(std::string_view settings) {
    const auto root = json::parse(settings, nullptr, false);
    if (!root.is_object()) {
        return std::unexpected(Error{K2S_E_CONFIG, "the settings are no JSON object"});
    }
    if (auto ok = refuse_policy_mode(root); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    ServerSettings out;
    ForwardConfig defaults;
    read_common(root, defaults);
    read(root, "workers", out.config.workers);
    read(root, "hosts", out.config.hosts);
    std::vector<std::string> listen;
    std::vector<std::string> to;
    read(root, "listen", listen);
    read(root, "to", to);
    if (listen.empty() != to.empty()) {
        return std::unexpected(Error{K2S_E_USAGE, "--listen and --to belong together: say where to "
                                                  "listen and where to forward to"});
    }
    if (!listen.empty()) {
        ForwardConfig single = defaults;
        single.name = k_single;
        single.listen = std::move(listen);
        for (std::string &each : to) {
            single.targets.push_back({.to = std::move(each)});
        }
        out.config.forwards.push_back(std::move(single));
    }
    if (const auto forwards = root.find("forwards"); forwards != root.end()) {
        for (const json &each : *forwards) {
            out.config.forwards.push_back(read_forward(each, defaults));
        }
    }
    auto access_log =
        dataplane::access_log_settings(root.value("access_log", json::object()), "l4proxy");
    if (!access_log) {
        return std::unexpected(std::move(access_log.error()));
    }
    out.access_log = std::move(*access_log);
    if (out.config.workers > 1 && out.access_log.to == dataplane::AccessLogSettings::To::file) {
        return std::unexpected(Error{K2S_E_CONFIG,
                                     "several workers cannot rotate one file: let "
                                     "access_log go to journald, or take one worker"});
    }
    return out;
}

} // namespace k2s::l4proxy
