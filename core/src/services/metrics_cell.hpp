// SPDX-License-Identifier: MIT
/// \file
/// The insides of Metrics, shared by metrics.cpp and metrics_text.cpp.
#pragma once

#include <compare>

#include "services/metrics.hpp"

namespace k2s::core {

/// Atomic throughout and never freed before the table: a plugin that observes while its metric is
/// taken back and given to somebody else may miscount, but touches no freed memory.
struct Metrics::Histogram {
    std::atomic<uint32_t> bound_count{0};
    std::array<std::atomic<double>, k_max_bounds> bounds{};
    std::array<std::atomic<uint64_t>, k_max_bounds + 1> buckets{}; ///< not cumulative
    std::atomic<double> sum{0};

    bool has_bounds(std::span<const double> other) const {
        const uint32_t count = bound_count.load(std::memory_order_relaxed);
        if (other.size() != count) {
            return false;
        }
        for (uint32_t i = 0; i < count; ++i) {
            if (bounds[i].load(std::memory_order_relaxed) != other[i]) {
                return false;
            }
        }
        return true;
    }
};

struct Metrics::Cell {
    std::atomic<int64_t> value{0};
    std::atomic<Histogram *> histogram{nullptr};
    std::atomic<uint32_t> generation{1}; ///< goes up when the metric is removed
    std::atomic<MetricKind> kind{MetricKind::counter};

    Cell() = default;
    Cell(const Cell &) = delete;
    Cell &operator=(const Cell &) = delete;
    ~Cell() { delete histogram.load(std::memory_order_relaxed); }

    k2s_handle handle(uint32_t index) const noexcept {
        return uint64_t{generation.load(std::memory_order_relaxed)} << 32 | (index + 1);
    }

    /// For a fresh or removed cell, before its handle is given out.
    void prepare(MetricKind new_kind, std::span<const double> bounds) {
        value.store(0, std::memory_order_relaxed);
        if (new_kind == MetricKind::histogram) {
            Histogram *data = histogram.load(std::memory_order_relaxed);
            if (data == nullptr) {
                data = new Histogram;
                histogram.store(data, std::memory_order_release);
            }
            for (std::size_t i = 0; i < bounds.size(); ++i) {
                data->bounds[i].store(bounds[i], std::memory_order_relaxed);
            }
            for (auto &bucket : data->buckets) {
                bucket.store(0, std::memory_order_relaxed);
            }
            data->sum.store(0, std::memory_order_relaxed);
            data->bound_count.store(static_cast<uint32_t>(bounds.size()),
                                    std::memory_order_relaxed);
        }
        kind.store(new_kind, std::memory_order_relaxed);
    }
};

struct Metrics::Chunk {
    std::array<Cell, k_chunk> cells;
};

struct Metrics::Key {
    std::string plugin;
    std::string labels;
    auto operator<=>(const Key &) const = default;
};

/// All metrics of one name; the first one's help counts.
struct Metrics::Family {
    Family(MetricKind family_kind, std::string family_help)
        : kind(family_kind), help(std::move(family_help)) {}

    MetricKind kind;
    std::string help;
    std::map<Key, uint32_t> members; ///< index of the cell; never empty
};

} // namespace k2s::core
