/* SPDX-License-Identifier: MIT */
/*
 * k2s.metrics/1: counters, gauges and histograms, shown as Prometheus text (format 0.0.4).
 * A name gets the prefix "k2s_" and its plugin as label; it must match [a-z_][a-z0-9_]*.
 */
#ifndef K2S_ABI_METRICS_H
#define K2S_ABI_METRICS_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_METRICS_ID "k2s.metrics/1"

#define K2S_METRIC_COUNTER 0
#define K2S_METRIC_GAUGE 1
#define K2S_METRIC_HISTOGRAM 2

typedef struct k2s_metrics {
    uint32_t struct_size;
    uint32_t reserved;

    /* Makes or finds a metric. `labels` is the inside of the braces, `service="edge",code="200"`,
     * or empty. `bounds` are a histogram's upper bounds, ascending, at most 32; otherwise none.
     * At most 4096 metrics per plugin: K2S_E_NO_MEMORY. [any-thread] */
    int32_t(K2S_CALL *open)(const k2s_host *host, uint32_t kind, k2s_str name, k2s_str help,
                            k2s_str labels, const double *bounds, uint64_t bound_count,
                            k2s_handle *out, k2s_error *error);

    /* Counter or gauge: adds. Unknown handles are ignored. [any-thread, no-block] */
    void(K2S_CALL *add)(const k2s_host *host, k2s_handle metric, int64_t delta);

    /* Gauge or counter: replaces; for counts that the plugin keeps itself. [any-thread, no-block]
     */
    void(K2S_CALL *set)(const k2s_host *host, k2s_handle metric, int64_t value);

    /* Histogram: adds one observation. [any-thread, no-block] */
    void(K2S_CALL *observe)(const k2s_host *host, k2s_handle metric, double value);
} k2s_metrics;

#ifdef __cplusplus
}
#endif

#endif
