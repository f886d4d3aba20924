// SPDX-License-Identifier: MIT
#include "httpproxy/test_command.hpp"

#include <nlohmann/json.hpp>

#include "httpproxy/probe.hpp"
#include "httpproxy/server_settings.hpp"

namespace k2s::httpproxy {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(Clock::duration time) {
    return static_cast<double>(
               std::chrono::duration_cast<std::chrono::microseconds>(time).count()) /
           1000.0;
}

Json to_json(const std::string &url, const ProbeReport &report, bool tried) {
    Json out{{"url", url}, {"target", report.target}, {"method", report.method}};
    out["route"] = report.route == Route::Kind::block      ? std::string("block")
                   : report.route == Route::Kind::upstream ? report.upstream
                                                           : std::string("direct");
    out["reason"] = report.reason;
    if (tried && !report.addresses.empty()) {
        out["addresses"] = report.addresses;
    }
    if (!report.peer.empty()) {
        out["peer"] = report.peer;
    }
    if (!report.tls.empty()) {
        out["tls"] = report.tls;
    }
    if (report.status) {
        out["status"] = *report.status;
    }
    Json times = Json::object();
    const auto add = [&times](const char *name, const std::optional<Clock::duration> &time) {
        if (time) {
            times[name] = milliseconds(*time);
        }
    };
    add("resolve", report.resolve);
    add("connect", report.connect);
    add("upstream", report.upstream_ready);
    add("tls", report.tls_ready);
    add("first_byte", report.first_byte);
    add("total", report.total);
    if (!times.empty()) {
        out["milliseconds"] = std::move(times);
    }
    out["result"] = !report.problem.empty() ? "failed" : tried ? "ok" : "not tried";
    if (!report.problem.empty()) {
        out["problem"] = report.problem;
    }
    return out;
}

} // namespace

Status run_test_command(const Host &host, const Invocation &call) {
    auto json = nlohmann::json::parse(host.config("/httpproxy"), nullptr, false);
    if (!json.is_object()) {
        return Error{K2S_E_CONFIG, "the settings of httpproxy cannot be read; see "
                                   "'k2s config validate'"};
    }
    for (const auto &[option, key] :
         {std::pair{"forwardproxy", "forwardproxy"}, std::pair{"no-proxy", "no_proxy"},
          std::pair{"upstream-ca-file", "upstream_ca_file"}}) {
        if (call.given(option)) {
            json[key] = call.text(option);
        }
    }
    if (call.given("allowed-cidr")) {
        json["allowed_cidrs"] = call.list("allowed-cidr");
    }
    auto given = read_settings(json.dump(), host);
    if (!given) {
        return given.error();
    }
    auto settings = Settings::check(std::move(given->config));
    if (!settings) {
        return settings.error();
    }
    ProbeOptions options;
    options.url = call.text("url");
    options.try_it = !call.dry_run();
    options.ca_file = call.text("ca-file");
    options.stopped = [&host] { return host.cancelled(); };
    if (const std::string from = call.text("from"); !from.empty()) {
        options.client = parse_address(from);
        if (!options.client) {
            return Error{K2S_E_USAGE, "--from: \"" + from + "\" is no IP address"};
        }
    }
    const auto report = probe(std::move(*settings), options);
    if (!report) {
        return report.error();
    }
    call.data(to_json(options.url, *report, options.try_it).dump());
    return report->exit_code;
}

} // namespace k2s::httpproxy
