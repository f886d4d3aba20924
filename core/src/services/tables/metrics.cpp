// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

int32_t K2S_CALL open(const k2s_host *host, uint32_t kind, k2s_str name, k2s_str help,
                      k2s_str labels, const double *bounds, uint64_t bound_count, k2s_handle *out,
                      k2s_error *error) noexcept {
    return entry(host, K2S_METRICS_ID, "open", error, [&](const Call &call) -> Status {
        if (out == nullptr) {
            return call.misuse("out is NULL");
        }
        *out = 0;
        if (!readable(name) || !readable(help) || !readable(labels)) {
            return call.misuse("name, help or labels is NULL or too long");
        }
        if (kind > K2S_METRIC_HISTOGRAM) {
            return call.misuse("no such kind of metric");
        }
        if (bound_count > Metrics::k_max_bounds || (bounds == nullptr && bound_count != 0)) {
            return call.misuse("bounds is NULL or there are more than 32");
        }
        const std::lock_guard held(call.scope.opening());
        if (call.scope.closed()) {
            return Error{K2S_E_STATE, "the plugin is being destroyed"};
        }
        auto metric = call.scope.services().metrics.open(
            call.scope.id(), {.kind = static_cast<MetricKind>(kind),
                              .name = view(name),
                              .help = view(help),
                              .labels = view(labels),
                              .bounds = std::span(bounds, static_cast<std::size_t>(bound_count))});
        if (!metric) {
            return std::move(metric.error());
        }
        *out = *metric;
        return K2S_OK;
    });
}

// The three below are on the plugins' fast paths: they throw nothing, and check only the host.

void K2S_CALL add(const k2s_host *host, k2s_handle metric, int64_t delta) noexcept {
    if (PluginScope *const scope = PluginScope::of(host)) {
        scope->services().metrics.add(metric, delta);
    }
}

void K2S_CALL set(const k2s_host *host, k2s_handle metric, int64_t value) noexcept {
    if (PluginScope *const scope = PluginScope::of(host)) {
        scope->services().metrics.set(metric, value);
    }
}

void K2S_CALL observe(const k2s_host *host, k2s_handle metric, double value) noexcept {
    if (PluginScope *const scope = PluginScope::of(host)) {
        scope->services().metrics.observe(metric, value);
    }
}

} // namespace

extern constexpr k2s_metrics metrics{sizeof(k2s_metrics), 0, open, add, set, observe};

} // namespace k2s::core::tables
