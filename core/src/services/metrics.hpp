// SPDX-License-Identifier: MIT
/// \file
/// Counters, gauges and histograms; see abi/metrics.h. A handle is an index into a table that
/// only grows, so that counting is one look-up and one atomic addition.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/metrics.h>

#include "util/result.hpp"

namespace k2s::core {

enum class MetricKind : uint8_t {
    counter = K2S_METRIC_COUNTER,
    gauge = K2S_METRIC_GAUGE,
    histogram = K2S_METRIC_HISTOGRAM,
};

/// [any-thread]
class Metrics {
  public:
    static constexpr std::size_t k_max_per_plugin = 4096;
    static constexpr std::size_t k_max_bounds = 32;
    static constexpr std::size_t k_max_name = 128;
    static constexpr std::size_t k_max_help = 1024;
    static constexpr std::size_t k_max_labels = 1024;

    Metrics();
    Metrics(const Metrics &) = delete;
    Metrics &operator=(const Metrics &) = delete;
    ~Metrics();

    struct Description {
        MetricKind kind = MetricKind::counter;
        std::string_view name; ///< without "k2s_"
        std::string_view help;
        std::string_view labels;        ///< the inside of the braces
        std::span<const double> bounds; ///< of a histogram
    };

    /// Makes or finds. K2S_E_USAGE for bad text, K2S_E_EXISTS when the name is in use with another
    /// kind (or the metric with other bounds), K2S_E_NO_MEMORY beyond the limits.
    Result<k2s_handle> open(std::string_view plugin, const Description &what);

    /// Unknown handles and ones of another kind are ignored. [no-block, a few ns]
    void add(k2s_handle metric, int64_t delta) noexcept;
    void set(k2s_handle metric, int64_t value) noexcept;
    void observe(k2s_handle metric, double value) noexcept;

    /// One metric with all it has counted.
    struct Sample {
        MetricKind kind = MetricKind::counter;
        std::string name;
        std::string help;
        std::string labels;
        int64_t value = 0;
        std::vector<double> bounds;
        std::vector<uint64_t> buckets; ///< one more than bounds, not cumulative
        double sum = 0;
    };

    /// All metrics of all plugins.
    std::vector<Sample> samples() const;

    /// Shows what was counted elsewhere; errors as open().
    Result<void> show(std::string_view plugin, const Sample &sample);

    /// Forgets all metrics of a plugin: their handles become unknown.
    void remove_plugin(std::string_view plugin);

    /// Prometheus text format 0.0.4, sorted by name, plugin and labels, with the process's own
    /// metrics (process_…) at the end unless `process` is false.
    std::string text(bool process = true) const;

    static constexpr std::string_view k_content_type = "text/plain; version=0.0.4; charset=utf-8";

  private:
    static constexpr std::size_t k_chunk = 256;
    static constexpr std::size_t k_chunks = 256;

    struct Histogram;
    struct Cell;
    struct Chunk;
    struct Family;
    struct Key; ///< plugin and labels

    Cell *find(k2s_handle metric) const noexcept;
    Cell &cell_at(uint32_t index) const noexcept;
    Result<uint32_t> take_cell();
    Result<void> check_family(std::string_view name, MetricKind kind) const;
    void append_family(std::string &out, const std::string &name, const Family &family) const;

    std::array<std::atomic<Chunk *>, k_chunks> chunks_{};
    mutable std::mutex mutex_; ///< all below
    std::map<std::string, Family, std::less<>> families_;
    std::map<std::string, std::size_t, std::less<>> count_per_plugin_;
    std::vector<uint32_t> free_cells_;
    uint32_t used_cells_ = 0;
};

} // namespace k2s::core
