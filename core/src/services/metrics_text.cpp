// SPDX-License-Identifier: MIT
// Prometheus text exposition format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
#include <iterator>

#include <fmt/format.h>

#include "services/metrics_cell.hpp"
#include "services/process_metrics.hpp"

namespace k2s::core {

namespace {

std::string_view type_of(MetricKind kind) {
    switch (kind) {
    case MetricKind::counter:
        return "counter";
    case MetricKind::gauge:
        return "gauge";
    case MetricKind::histogram:
        return "histogram";
    }
    return "untyped";
}

/// Help escapes \ and line feed; values of labels the quote as well.
std::string escaped(std::string_view text, bool quote) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\\' || (quote && c == '"')) {
            out += '\\';
            out += c;
        } else {
            out += c;
        }
    }
    return out;
}

void append_process(std::string &out) {
    const auto sample = [&out](std::string_view name, std::string_view type, std::string_view help,
                               const auto &value) {
        if (value) {
            fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n",
                           name, type, help, *value);
        }
    };
    const ProcessFacts facts = process_facts();
    sample("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.",
           facts.cpu_seconds);
    sample("process_max_fds", "gauge", "Largest number of open descriptors.",
           facts.max_descriptors);
    sample("process_open_fds", "gauge", "Open descriptors, or handles on Windows.",
           facts.open_descriptors);
    sample("process_resident_memory_bytes", "gauge", "Resident memory in bytes.",
           facts.resident_bytes);
    sample("process_start_time_seconds", "gauge", "Start of the process since 1970 in seconds.",
           facts.start_time_seconds);
    sample("process_threads", "gauge", "Threads of the process.", facts.threads);
    sample("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.",
           facts.virtual_bytes);
}

} // namespace

void Metrics::append_family(std::string &out, const std::string &name, const Family &family) const {
    auto end = std::back_inserter(out);
    if (!family.help.empty()) {
        fmt::format_to(end, "# HELP k2s_{} {}\n", name, escaped(family.help, false));
    }
    fmt::format_to(end, "# TYPE k2s_{} {}\n", name, type_of(family.kind));
    for (const auto &[key, index] : family.members) {
        const Cell &cell = cell_at(index);
        const std::string labels = fmt::format("plugin=\"{}\"{}{}", escaped(key.plugin, true),
                                               key.labels.empty() ? "" : ",", key.labels);
        if (family.kind != MetricKind::histogram) {
            fmt::format_to(end, "k2s_{}{{{}}} {}\n", name, labels,
                           cell.value.load(std::memory_order_relaxed));
            continue;
        }
        const Histogram &data = *cell.histogram.load(std::memory_order_acquire);
        const uint32_t bounds = data.bound_count.load(std::memory_order_relaxed);
        uint64_t count = 0; // of the buckets, so that _count agrees with +Inf
        for (uint32_t i = 0; i <= bounds; ++i) {
            count += data.buckets[i].load(std::memory_order_relaxed);
            const std::string bound =
                i == bounds ? "+Inf"
                            : fmt::format("{}", data.bounds[i].load(std::memory_order_relaxed));
            fmt::format_to(end, "k2s_{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, count);
        }
        fmt::format_to(end, "k2s_{0}_sum{{{1}}} {2}\nk2s_{0}_count{{{1}}} {3}\n", name, labels,
                       data.sum.load(std::memory_order_relaxed), count);
    }
}

std::string Metrics::text(bool process) const {
    std::string out;
    {
        const std::lock_guard held(mutex_);
        for (const auto &[name, family] : families_) {
            append_family(out, name, family);
        }
    }
    if (process) {
        append_process(out);
    }
    return out;
}

} // namespace k2s::core
