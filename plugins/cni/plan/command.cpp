// SPDX-License-Identifier: MIT
#include "plan/command.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include <fmt/format.h>

#include <k2s/sdk/program_folder.hpp>
#include <k2s/sdk/read_file.hpp>

#include "plan/apply.hpp"
#include "plan/changes.hpp"
#include "plan/pods.hpp"
#include "vfprules/backend.hpp"
#include "vfprules/command.hpp"

namespace k2s::network {
namespace {

constexpr std::size_t k_largest_file = 4 << 20;
constexpr int32_t k_partial = -K2S_E_PARTIAL;
// Routes are looked at when the system says that some have changed, files now and then.
constexpr std::chrono::seconds k_between_looks{30};
constexpr std::chrono::milliseconds k_between_cancels{200};

struct Job {
    Settings settings;
    Plan plan;
    std::string folder;
    std::unique_ptr<Host> host;
};

/// Named files have to be there; otherwise the first of the usual places counts.
Expected<std::string> read_one(const std::string &named, const std::vector<std::string> &usual,
                               const char *otherwise) {
    std::string text;
    for (const auto &path : named.empty() ? usual : std::vector<std::string>{named}) {
        const Status read = read_file(path, k_largest_file, text);
        if (read.ok()) {
            return text;
        }
        if (!named.empty() || read.value() != K2S_E_NOT_FOUND) {
            return std::unexpected(read.error());
        }
    }
    return otherwise;
}

Expected<Settings> load_settings(const Invocation &call) {
    const std::string own = program_folder();
    const std::string state = default_folder();
    auto config = read_one(
        call.text("cluster-config"),
        {own + "/cfg/config.json", own + "/../cfg/config.json", own + "/../../cfg/config.json"},
        R"({"smallsetup": {}})");
    auto cluster = read_one(call.text("nodes"),
                            {state.substr(0, state.find_last_of("/\\")) + "/cluster.json"}, "");
    return !config    ? std::unexpected(config.error())
           : !cluster ? std::unexpected(cluster.error())
                      : read_settings(*config, *cluster);
}

Expected<Job> prepare(const Invocation &call) {
    auto settings = load_settings(call);
    if (!settings) {
        return std::unexpected(settings.error());
    }
#if defined(_WIN32)
    constexpr auto k_default_role = Role::windows_host;
#else
    constexpr auto k_default_role = Role::linux_host;
#endif
    // The enum's texts were checked by the host.
    const Role role = parse_role(call.text("role")).value_or(k_default_role);
    const std::string wanted = call.text("backend");
    const Backend backend = wanted == "vxlan" || (wanted == "auto" && role == Role::linux_host)
                                ? Backend::vxlan
                                : Backend::host_gw;
    const std::string via = call.text("gateway");
    const auto gateway = Address::parse(via);
    if (!via.empty() && !gateway) {
        return std::unexpected(
            Error{K2S_E_USAGE, fmt::format("--gateway '{}' is no address", via)});
    }
    auto plan = make_plan(*settings, role, backend, gateway);
    auto host = plan ? open_host() : std::unexpected(plan.error());
    if (!host) {
        return std::unexpected(host.error());
    }
    return Job{std::move(*settings), std::move(*plan), call.text("folder", default_folder()),
               std::move(*host)};
}

Status show(const Invocation &call, const Report &report) {
    Json list = Json::array();
    for (const auto &each : report.items) {
        list.push_back({{"kind", each.kind},
                        {"name", each.name},
                        {"state", text_of(each.state)},
                        {"detail", each.detail}});
        if (each.state == State::conflict || each.state == State::unreachable) {
            call.err(fmt::format("network: {} {}: {}\n", each.kind, each.name, each.detail));
        }
    }
    call.data(list.dump());
    return report.complete() ? K2S_OK : k_partial;
}

Status check(const Invocation &call, Job &job) {
    auto around = job.host->look();
    auto report = around ? examine(job.plan, *around, job.folder) : std::unexpected(around.error());
    if (!report) {
        return report.error();
    }
    std::ranges::move(conflicts(job.plan, *around), std::back_inserter(report->items));
    return show(call, *report);
}

/// Until it is cancelled. What it cannot mend it says once.
Status watch(const k2s::Host &host, Job &job) {
    auto changes = Changes::open();
    if (!changes) {
        return changes.error();
    }
    Plan routes = job.plan;
    routes.documents.clear();
    std::string last;
    for (bool changed = false; !host.cancelled();) {
        auto report = apply(changed ? routes : job.plan, *job.host, job.folder);
        std::string now;
        if (!report) {
            now = report.error().message;
        } else {
            for (const auto &each : report->items) {
                if (each.state != State::present) {
                    now += fmt::format("{} {} {}; ", each.kind, each.name, text_of(each.state));
                }
            }
        }
        if (now != last && !now.empty()) {
            host.log().info("network plan", {{"changes", now}});
        }
        last = std::move(now);
        const auto next = std::chrono::steady_clock::now() + k_between_looks;
        for (changed = false;
             !changed && !host.cancelled() && std::chrono::steady_clock::now() < next;) {
            auto waited = (*changes)->wait(k_between_cancels);
            if (!waited) {
                return waited.error();
            }
            changed = *waited;
        }
    }
    return K2S_OK;
}

Status trace_command(const Invocation &call, const k2s::Host &host, Job &job) {
    const auto pods = cached_pods(call.text("cni-cache", default_cache()));
    const auto ends = find_ends(call.list("end"), pods);
    if (!ends) {
        return ends.error();
    }
    const auto &[from, to] = *ends;
    const auto around = job.host->look();
    if (!around) {
        return around.error();
    }
    auto hops = trace(job.settings, job.plan, *around, from.address, to.address);
    if (to.pod != nullptr) {
        hops.front().rule += ", pod " + to.pod->text();
    }
    if (from.pod != nullptr) {
        hops.front().at += ", pod " + from.pod->text();
        LiveOptions live;
        live.rules.run = vfprules::runner_of(host);
        auto rules = live_rules(*from.pod, from.address, to.address, live);
        hops.insert(hops.begin() + 1, std::make_move_iterator(rules.begin()),
                    std::make_move_iterator(rules.end()));
    }
    Json list = Json::array();
    for (const auto &each : hops) {
        list.push_back({{"at", each.at}, {"rule", each.rule}});
    }
    call.data(list.dump());
    return K2S_OK;
}

} // namespace

Status run_command(const Invocation &call, const k2s::Host &host) {
    auto job = prepare(call);
    if (!job) {
        return job.error();
    }
    const std::string action = call.text("action");
    if (action == "plan") {
        call.data(to_json(job->plan).dump());
        return K2S_OK;
    }
    if (action == "check") {
        return check(call, *job);
    }
    if (action == "trace") {
        return trace_command(call, host, *job);
    }
    if (action == "apply" && call.flag("watch") && !call.dry_run()) {
        return watch(host, *job);
    }
    const auto look_only = [&] {
        auto around = job->host->look();
        return around ? examine(job->plan, *around, job->folder) : std::unexpected(around.error());
    };
    auto report = action == "reset" ? reset(*job->host, job->folder, call.dry_run())
                  : action == "apply" && !call.dry_run() ? apply(job->plan, *job->host, job->folder)
                                                         : look_only();
    if (!report) {
        return report.error();
    }
    const Status shown = show(call, *report);
    return action == "apply" && !call.dry_run() ? shown : Status(K2S_OK);
}

} // namespace k2s::network
