// SPDX-License-Identifier: MIT
#include "vfprules/command.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <k2s/sdk/process.hpp>

namespace k2s::vfprules {
namespace {

constexpr int32_t k_partial = -K2S_E_PARTIAL;
using Json = nlohmann::ordered_json;

Json to_json(const Report &report) {
    Json rules = Json::array();
    for (const auto &each : report.rules) {
        rules.push_back(
            {{"name", each.name}, {"state", text_of(each.state)}, {"detail", each.detail}});
    }
    Json result{{"port", report.port}, {"backend", report.backend}};
    if (!report.commands.empty()) {
        Json planned = Json::array();
        for (const auto &each : report.plan.rules) {
            planned.push_back({{"name", each.route.name},
                               {"destination", each.route.destination.text()},
                               {"gateway", each.route.gateway.text()},
                               {"interface", each.gateway.interface_name},
                               {"mac", text_of(each.gateway.mac)},
                               {"priority", each.route.priority}});
        }
        result["plan"] = std::move(planned);
        for (const auto &each : report.commands) {
            result["commands"].push_back({{"command", each}});
        }
    } else {
        result["rules"] = std::move(rules);
    }
    if (!report.plan.skipped.empty()) {
        Json skipped = Json::array();
        for (const auto &each : report.plan.skipped) {
            skipped.push_back({{"name", each.name}, {"gateway", each.gateway.text()}});
        }
        result["skipped"] = std::move(skipped);
    }
    return result;
}

/// What is not as planned, one line each.
std::string complaints(const Report &report) {
    std::string text;
    for (const auto &each : report.plan.skipped) {
        text +=
            fmt::format("vfprules: {}: rule {} is not applied: no interface of this machine has "
                        "its gateway {}\n",
                        report.port, each.name, each.gateway.text());
    }
    for (const auto &each : report.rules) {
        if (is_wrong(each.state)) {
            text += fmt::format("vfprules: {}: rule {}: {}: {}\n", report.port, each.name,
                                text_of(each.state), each.detail);
        }
    }
    return text;
}

Status show(const Invocation &call, const Report &report) {
    call.data(to_json(report).dump());
    call.err(complaints(report));
    return report.complete() ? K2S_OK : k_partial;
}

Status reconcile_once(const Invocation &call, const Options &options, bool print) {
    auto reports = reconcile(options);
    if (!reports) {
        return reports.error();
    }
    Json all = Json::array();
    bool complete = true;
    for (const auto &each : *reports) {
        all.push_back(to_json(each));
        call.err(complaints(each));
        complete = complete && each.complete();
    }
    if (print) {
        call.data(all.dump());
    }
    return complete ? K2S_OK : k_partial;
}

/// Until it is cancelled. What cannot be mended is said and tried again with the next loss.
Status watch(const Invocation &call, const Host &host, const Options &options) {
    auto losses = LossWatch::open();
    if (!losses) {
        return losses.error();
    }
    for (;;) {
        const Status done = reconcile_once(call, options, false);
        if (!done.ok()) {
            host.log().warn("the rules could not be put back", {{"reason", done.message()}});
        }
        auto lost = (*losses)->wait(options.cancelled);
        if (!lost) {
            return lost.error();
        }
        if (!*lost) {
            return K2S_OK;
        }
        host.log().info("rules may have been lost; putting them back");
    }
}

} // namespace

Runner runner_of(const Host &host) {
    return [&host](const std::vector<std::string> &argv,
                   std::chrono::milliseconds deadline) -> Expected<Finished> {
        Ended ended;
        const auto deadline_ms = static_cast<uint64_t>(std::max<int64_t>(deadline.count(), 1));
        if (const Status done = run_program(host, {argv, {}, {}, deadline_ms}, ended); !done.ok()) {
            return std::unexpected(done.error());
        }
        return Finished{ended.signal != 0 ? -1 : ended.exit_code, ended.out + ended.err};
    };
}

Status run_command(const Invocation &call, const Host &host) {
    Options options;
    options.rules_file = call.text("rules");
    options.backend = call.text("backend");
    options.timeout = std::chrono::milliseconds(call.integer("timeout"));
    options.dry_run = call.dry_run();
    options.run = runner_of(host);
    options.cancelled = [&host] { return host.cancelled(); };
    const std::string port = call.text("portid"), action = call.text("action", "ensure");
    if (action == "reconcile") {
        return call.flag("watch") ? watch(call, host, options)
                                  : reconcile_once(call, options, true);
    }
    if (action == "list" && port.empty()) {
        call.data(Json(remembered(options)).dump());
        return K2S_OK;
    }
    if (port.empty()) {
        return Error{K2S_E_USAGE, "-portid is missing: give the id of the pod's endpoint"};
    }
    auto report = action == "ensure"   ? ensure(port, options)
                  : action == "remove" ? remove(port, options)
                                       : inspect(port, options);
    if (!report) {
        return report.error();
    }
    if (action == "list") { // without judging
        std::erase_if(report->rules,
                      [](const Finding &each) { return each.state == State::missing; });
        call.data(to_json(*report).dump());
        return K2S_OK;
    }
    if (action == "diff") {
        std::erase_if(report->rules,
                      [](const Finding &each) { return each.state == State::present; });
    }
    return show(call, *report);
}

} // namespace k2s::vfprules
