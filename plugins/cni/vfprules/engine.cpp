// SPDX-License-Identifier: MIT
#include <algorithm>
#include <thread>

#include <k2s/sdk/program_folder.hpp>
#include <k2s/sdk/read_file.hpp>

#include "vfprules/backend.hpp"
#include "vfprules/records.hpp"

namespace k2s::vfprules {
namespace {

constexpr std::size_t k_largest_rules_file = 1 << 20;
constexpr std::chrono::milliseconds k_first_pause{20}, k_longest_pause{1000};

/// Everything that the verbs share.
struct Job {
    Deadline deadline;
    Config config;
    Report report;
    Records records;
    std::unique_ptr<Backend> backend;
    bool fresh;                     // the port was not remembered before
    std::vector<std::string> known; // and which rules it may have
};

Expected<Config> load(const std::string &file) {
    std::string text;
    if (const Status read = read_file(file, k_largest_rules_file, text); !read.ok()) {
        return std::unexpected(read.error());
    }
    auto config = read_config(text);
    return config ? config : fail(config.error().code, "{}: {}", file, config.error().message);
}

/// Without a plan when rules are only to be removed.
Expected<Job> prepare(const std::string &port, const Options &options, bool with_plan) {
    if (!is_port_id(port)) {
        return fail(K2S_E_USAGE, "'{}' is no port: give {}", port,
#if defined(_WIN32)
                    "the id of an HNS endpoint"
#else
                    "the name of the host's interface towards the pod"
#endif
        );
    }
    Job job{Clock::now() + options.timeout, {}, {}, Records(options), nullptr, true, {}};
    if (with_plan) {
        auto config = load(options.rules_file.empty() ? program_folder() + "/vfprules.json"
                                                      : options.rules_file);
        if (!config) {
            return std::unexpected(config.error());
        }
        auto addresses = local_addresses();
        if (!addresses) {
            return std::unexpected(addresses.error());
        }
        job.config = std::move(*config);
        job.report.plan = make_plan(job.config, *addresses);
    }
    auto backend = open_backend(options, job.config, job.deadline);
    if (!backend) {
        return std::unexpected(backend.error());
    }
    job.backend = std::move(*backend);
    job.report.port = port;
    job.report.backend = job.backend->name();
    auto known = job.records.names(port);
    job.fresh = !known;
    job.known = std::move(known).value_or(std::vector<std::string>());
    return job;
}

/// Asks again while the port is not there. That stays the reason also when the last question is cut
/// off by the deadline.
template <class Call>
auto until_there(Call &&call, const Options &options, Deadline deadline) -> decltype(call()) {
    auto result = call();
    for (auto pause = k_first_pause; !result && result.error().code == K2S_E_NOT_FOUND &&
                                     ports_come_back() && left(deadline) > pause;
         pause = std::min(pause * 2, k_longest_pause)) {
        if (options.cancelled && options.cancelled()) {
            return std::unexpected(Error{K2S_E_CANCELLED, "cancelled"});
        }
        std::this_thread::sleep_for(pause);
        auto next = call();
        if (next || next.error().code != K2S_E_TIMEOUT) {
            result = std::move(next);
        }
    }
    return result;
}

std::vector<std::string> names_of(const std::vector<Finding> &findings) {
    std::vector<std::string> names;
    for (const auto &each : findings) {
        if (each.state != State::removed && each.state != State::failed) {
            names.push_back(each.name);
        }
    }
    return names;
}

Expected<Report> ensure_job(Job &job, const Options &options) {
    auto &report = job.report;
    if (options.dry_run) {
        report.commands = job.backend->commands(report.port, report.plan.rules);
        return report;
    }
    // Remembered before it is done: whoever is killed in between leaves nothing that nobody knows.
    auto names = job.known;
    for (const auto &rule : report.plan.rules) {
        if (std::ranges::find(names, rule.route.name) == names.end()) {
            names.push_back(rule.route.name);
        }
    }
    if (job.fresh || names != job.known) {
        if (auto written = job.records.write(report.port, names); !written) {
            return std::unexpected(written.error());
        }
    }
    auto findings = until_there(
        [&] {
            return job.backend->ensure(report.port, report.plan.rules, job.known, job.deadline);
        },
        options, job.deadline);
    if (!findings) {
        if (job.fresh && findings.error().code == K2S_E_NOT_FOUND) {
            job.records.forget(report.port);
        }
        return std::unexpected(findings.error());
    }
    report.rules = std::move(*findings);
    if (const auto present = names_of(report.rules); present != names) {
        if (auto written = job.records.write(report.port, present); !written) {
            return std::unexpected(written.error());
        }
    }
    return report;
}

} // namespace

std::string_view text_of(State state) {
    constexpr std::array<std::string_view, 8> k_texts{"present", "added",   "replaced", "removed",
                                                      "missing", "differs", "extra",    "failed"};
    return k_texts[static_cast<std::size_t>(state)];
}

std::string text_of(const Mac &mac) {
    return fmt::format("{:02X}-{:02X}-{:02X}-{:02X}-{:02X}-{:02X}", mac[0], mac[1], mac[2], mac[3],
                       mac[4], mac[5]);
}

bool Report::complete() const {
    return plan.skipped.empty() && std::ranges::none_of(rules, is_wrong, &Finding::state);
}

Plan make_plan(const Config &config, const std::vector<LocalAddress> &addresses) {
    Plan plan;
    for (const auto &route : config.routes) {
        const auto owner = std::ranges::find(addresses, route.gateway, &LocalAddress::address);
        if (owner == addresses.end()) {
            plan.skipped.push_back(route);
        } else {
            plan.rules.push_back({route, *owner});
        }
    }
    return plan;
}

Expected<Report> ensure(const std::string &port, const Options &options) {
    auto job = prepare(port, options, true);
    return job ? ensure_job(*job, options) : std::unexpected(job.error());
}

Expected<Report> inspect(const std::string &port, const Options &options) {
    auto job = prepare(port, options, true);
    if (!job) {
        return std::unexpected(job.error());
    }
    auto findings = job->backend->inspect(port, job->report.plan.rules, job->known, job->deadline);
    if (!findings) {
        return std::unexpected(findings.error());
    }
    job->report.rules = std::move(*findings);
    return std::move(job->report);
}

Expected<Report> remove(const std::string &port, const Options &options) {
    auto job = prepare(port, options, false);
    if (!job) {
        return std::unexpected(job.error());
    }
    if (options.dry_run) {
        auto findings = job->backend->inspect(port, {}, job->known, job->deadline);
        if (!findings && findings.error().code != K2S_E_NOT_FOUND) {
            return std::unexpected(findings.error());
        }
        job->report.rules = findings ? std::move(*findings) : std::vector<Finding>();
        return std::move(job->report);
    }
    auto findings = job->backend->remove(port, job->known, job->deadline);
    if (findings) {
        job->report.rules = std::move(*findings);
    } else if (findings.error().code != K2S_E_NOT_FOUND) {
        return std::unexpected(findings.error());
    }
    if (job->report.complete()) {
        job->records.forget(port);
    }
    return std::move(job->report);
}

void forget(const std::string &port, const Options &options) {
    if (!is_remembered(port, options)) {
        return;
    }
    if (rules_outlive_ports()) {
        (void)remove(port, options); // forgets it, too, unless it failed
    } else {
        Records(options).forget(port);
    }
}

std::vector<std::string> remembered(const Options &options) {
    auto ports = Records(options).ports();
    std::ranges::sort(ports);
    return ports;
}

bool is_remembered(const std::string &port, const Options &options) {
    return is_port_id(port) && Records(options).names(port).has_value();
}

Expected<std::vector<Report>> reconcile(const Options &options) {
    // One time limit for all of them, because after a restart they come back together.
    const Deadline deadline = Clock::now() + options.timeout;
    std::vector<Report> reports;
    for (const auto &port : remembered(options)) {
        auto job = prepare(port, options, true);
        if (!job) {
            return std::unexpected(job.error());
        }
        job->deadline = deadline;
        auto report = ensure_job(*job, options);
        if (report) {
            reports.push_back(std::move(*report));
        } else if (report.error().code == K2S_E_NOT_FOUND) {
            job->backend->remove(port, job->known, deadline);
            job->records.forget(port);
        } else {
            job->report.rules.push_back({"", State::failed, report.error().message});
            reports.push_back(std::move(job->report));
        }
    }
    return reports;
}

} // namespace k2s::vfprules
