// SPDX-License-Identifier: MIT
/// \file
/// Metrics of a plugin that counts in another process.
#include "services/metrics.hpp"

#include "services/metrics_cell.hpp"

namespace k2s::core {

std::vector<Metrics::Sample> Metrics::samples() const {
    std::vector<Sample> list;
    const std::lock_guard held(mutex_);
    for (const auto &[name, family] : families_) {
        for (const auto &[key, index] : family.members) {
            const Cell &cell = cell_at(index);
            Sample sample{family.kind, name, family.help, key.labels, cell.value.load(), {}, {}, 0};
            if (family.kind == MetricKind::histogram) {
                const Histogram &data = *cell.histogram.load(std::memory_order_acquire);
                const auto count = data.bound_count.load();
                sample.bounds.assign(data.bounds.begin(), data.bounds.begin() + count);
                sample.buckets.assign(data.buckets.begin(), data.buckets.begin() + count + 1);
                sample.sum = data.sum.load();
            }
            list.push_back(std::move(sample));
        }
    }
    return list;
}

Result<void> Metrics::show(std::string_view plugin, const Sample &sample) {
    const auto handle =
        open(plugin, {sample.kind, sample.name, sample.help, sample.labels, sample.bounds});
    if (!handle) {
        return std::unexpected(handle.error());
    }
    if (sample.kind != MetricKind::histogram) {
        set(*handle, sample.value);
        return {};
    }
    if (sample.buckets.size() != sample.bounds.size() + 1) {
        return fail(K2S_E_USAGE, "metric \"{}\": {} buckets for {} bounds", sample.name,
                    sample.buckets.size(), sample.bounds.size());
    }
    if (Cell *const cell = find(*handle)) {
        Histogram &data = *cell->histogram.load(std::memory_order_acquire);
        for (std::size_t n = 0; n < sample.buckets.size(); ++n) {
            data.buckets[n].store(sample.buckets[n], std::memory_order_relaxed);
        }
        data.sum.store(sample.sum, std::memory_order_relaxed);
    }
    return {};
}

} // namespace k2s::core
