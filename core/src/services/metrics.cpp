// SPDX-License-Identifier: MIT
#include "services/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "services/metrics_cell.hpp"
#include "services/metrics_labels.hpp"
#include "util/utf8.hpp"

namespace k2s::core {

namespace {

constexpr std::string_view k_suffixes[] = {"_bucket", "_sum", "_count"};

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= Metrics::k_max_name &&
           (name[0] < '0' || name[0] > '9') &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string_view::npos;
}

bool are_bounds(std::span<const double> bounds) {
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
            return false;
        }
    }
    return true;
}

Result<void> check(const Metrics::Description &what) {
    const std::string_view shown = what.name.substr(0, Metrics::k_max_name);
    const bool histogram = what.kind == MetricKind::histogram;
    if (!is_name(what.name)) {
        return fail(K2S_E_USAGE, "\"{}\" is no name of a metric: [a-z_][a-z0-9_]*, at most {}",
                    lossy_utf8(shown), Metrics::k_max_name);
    }
    if (what.help.size() > Metrics::k_max_help || !valid_utf8(what.help)) {
        return fail(K2S_E_USAGE, "metric \"{}\": the help is not UTF-8 or longer than {} bytes",
                    shown, Metrics::k_max_help);
    }
    if (auto labels = check_labels(what.labels, histogram); !labels) {
        return fail(K2S_E_USAGE, "metric \"{}\": {}", shown, labels.error().message);
    }
    if (histogram ? what.bounds.size() > Metrics::k_max_bounds || !are_bounds(what.bounds)
                  : !what.bounds.empty()) {
        return fail(K2S_E_USAGE,
                    "metric \"{}\": bounds belong to a histogram, at most {}, ascending and finite",
                    shown, Metrics::k_max_bounds);
    }
    return {};
}

} // namespace

Metrics::Metrics() = default;

Metrics::~Metrics() {
    for (const auto &chunk : chunks_) {
        delete chunk.load(std::memory_order_relaxed);
    }
}

Metrics::Cell &Metrics::cell_at(uint32_t index) const noexcept {
    return chunks_[index / k_chunk].load(std::memory_order_acquire)->cells[index % k_chunk];
}

Metrics::Cell *Metrics::find(k2s_handle metric) const noexcept {
    const uint32_t index = static_cast<uint32_t>(metric) - 1; // 0 wraps and is out of range
    if (index >= k_chunk * k_chunks) {
        return nullptr;
    }
    Chunk *const chunk = chunks_[index / k_chunk].load(std::memory_order_acquire);
    if (chunk == nullptr) {
        return nullptr;
    }
    Cell &cell = chunk->cells[index % k_chunk];
    const uint32_t generation = static_cast<uint32_t>(metric >> 32);
    return cell.generation.load(std::memory_order_acquire) == generation ? &cell : nullptr;
}

void Metrics::add(k2s_handle metric, int64_t delta) noexcept {
    Cell *const cell = find(metric);
    if (cell == nullptr) {
        return;
    }
    const MetricKind kind = cell->kind.load(std::memory_order_relaxed);
    if (kind == MetricKind::gauge || (kind == MetricKind::counter && delta >= 0)) {
        cell->value.fetch_add(delta, std::memory_order_relaxed);
    }
}

void Metrics::set(k2s_handle metric, int64_t value) noexcept {
    Cell *const cell = find(metric);
    if (cell != nullptr && cell->kind.load(std::memory_order_relaxed) != MetricKind::histogram) {
        cell->value.store(value, std::memory_order_relaxed);
    }
}

void Metrics::observe(k2s_handle metric, double value) noexcept {
    Cell *const cell = find(metric);
    if (cell == nullptr || cell->kind.load(std::memory_order_relaxed) != MetricKind::histogram ||
        std::isnan(value)) {
        return;
    }
    Histogram &histogram = *cell->histogram.load(std::memory_order_acquire);
    const uint32_t count = histogram.bound_count.load(std::memory_order_relaxed);
    uint32_t bucket = 0;
    while (bucket < count && value > histogram.bounds[bucket].load(std::memory_order_relaxed)) {
        ++bucket;
    }
    histogram.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
    histogram.sum.fetch_add(value, std::memory_order_relaxed);
}

Result<void> Metrics::check_family(std::string_view name, MetricKind kind) const {
    if (const auto family = families_.find(name);
        family != families_.end() && family->second.kind != kind) {
        return fail(K2S_E_EXISTS, "metric \"{}\" is used with another kind by plugin \"{}\"", name,
                    family->second.members.begin()->first.plugin);
    }
    for (const std::string_view suffix : k_suffixes) {
        // A histogram "x" writes x_bucket, x_sum and x_count.
        const bool taken =
            kind == MetricKind::histogram && families_.contains(std::string(name).append(suffix));
        bool inside = false;
        if (name.ends_with(suffix)) {
            const auto base = families_.find(name.substr(0, name.size() - suffix.size()));
            inside = base != families_.end() && base->second.kind == MetricKind::histogram;
        }
        if (taken || inside) {
            return fail(K2S_E_EXISTS, "metric \"{}\" clashes with the samples of a histogram",
                        name);
        }
    }
    return {};
}

Result<uint32_t> Metrics::take_cell() {
    if (!free_cells_.empty()) {
        const uint32_t index = free_cells_.back();
        free_cells_.pop_back();
        return index;
    }
    if (used_cells_ == k_chunk * k_chunks) {
        return fail(K2S_E_NO_MEMORY, "all plugins together have {} metrics, the limit",
                    used_cells_);
    }
    auto &chunk = chunks_[used_cells_ / k_chunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
        chunk.store(new Chunk, std::memory_order_release);
    }
    return used_cells_++;
}

Result<k2s_handle> Metrics::open(std::string_view plugin, const Description &what) {
    if (auto checked = check(what); !checked) {
        return pass(checked);
    }
    const std::lock_guard held(mutex_);
    if (auto checked = check_family(what.name, what.kind); !checked) {
        return pass(checked);
    }
    Key key{std::string(plugin), std::string(what.labels)};
    if (const auto family = families_.find(what.name); family != families_.end()) {
        const auto member = family->second.members.find(key);
        if (member != family->second.members.end()) {
            Cell &cell = cell_at(member->second);
            if (what.kind == MetricKind::histogram &&
                !cell.histogram.load(std::memory_order_relaxed)->has_bounds(what.bounds)) {
                return fail(K2S_E_EXISTS, "histogram \"{}\" exists with other bounds", what.name);
            }
            return cell.handle(member->second);
        }
    }
    std::size_t &count = count_per_plugin_[key.plugin];
    if (count >= k_max_per_plugin) {
        return fail(K2S_E_NO_MEMORY, "plugin \"{}\" has {} metrics, the limit", plugin, count);
    }
    auto index = take_cell();
    if (!index) {
        return pass(index);
    }
    Cell &cell = cell_at(*index);
    cell.prepare(what.kind, what.bounds);
    auto &family = families_.try_emplace(std::string(what.name), what.kind, std::string(what.help))
                       .first->second;
    family.members.emplace(std::move(key), *index);
    ++count;
    return cell.handle(*index);
}

void Metrics::remove_plugin(std::string_view plugin) {
    const std::lock_guard held(mutex_);
    for (auto family = families_.begin(); family != families_.end();) {
        auto &members = family->second.members;
        for (auto member = members.begin(); member != members.end();) {
            if (member->first.plugin == plugin) {
                cell_at(member->second).generation.fetch_add(1, std::memory_order_release);
                free_cells_.push_back(member->second);
                member = members.erase(member);
            } else {
                ++member;
            }
        }
        family = members.empty() ? families_.erase(family) : std::next(family);
    }
    if (const auto count = count_per_plugin_.find(plugin); count != count_per_plugin_.end()) {
        count_per_plugin_.erase(count);
    }
}

} // namespace k2s::core
