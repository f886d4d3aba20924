// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <string>

#include "layers.hpp"

namespace k2s::zap {
namespace {

/// containerd names layers by numbers; others go last, by name.
struct Rank {
    bool numbered = false;
    uint64_t number = 0;
    std::string name;

    explicit Rank(const fs::path &path) : name{text_of(path.filename())} {
        const char *const end = name.data() + name.size();
        const auto [stop, failed] = std::from_chars(name.data(), end, number);
        numbered = failed == std::errc{} && stop == end;
    }

    [[nodiscard]] bool before(const Rank &other) const {
        if (numbered != other.numbered) {
            return numbered;
        }
        return numbered && number != other.number ? number > other.number : name > other.name;
    }
};

} // namespace

std::vector<fs::path>
layer_order(const std::vector<std::pair<fs::path, std::vector<fs::path>>> &layers) {
    // A layer's chain names all layers below it, so the longest chain is the topmost; that is an
    // order of dependence without following any chain.
    std::vector<std::pair<Rank, const std::pair<fs::path, std::vector<fs::path>> *>> ranked;
    for (const auto &layer : layers) {
        ranked.emplace_back(Rank{layer.first}, &layer);
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto &one, const auto &other) {
        const size_t below_one = one.second->second.size();
        const size_t below_other = other.second->second.size();
        return below_one != below_other ? below_one > below_other : one.first.before(other.first);
    });
    std::vector<fs::path> order;
    for (const auto &layer : ranked) {
        order.push_back(layer.second->first);
    }
    return order;
}

} // namespace k2s::zap
