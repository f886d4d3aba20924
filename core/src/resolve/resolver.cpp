// SPDX-License-Identifier: MIT
#include "resolve/resolver.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "manifest/version.hpp"

namespace k2s::core {
namespace {

std::string join(const std::vector<std::string> &words) {
    return fmt::format("{}", fmt::join(words, " "));
}

/// One pass over the candidates; the steps run in the order of the public function below.
class Resolver {
  public:
    Resolver(std::span<const Candidate> candidates, std::span<const std::string> reserved)
        : candidates_(candidates), reserved_(reserved) {
        result_.verdicts.resize(candidates.size());
    }

    Resolution run(const std::function<bool(std::size_t)> &trusted) {
        std::vector<std::size_t> order(candidates_.size());
        std::iota(order.begin(), order.end(), 0);
        claim_names(order);
        if (contested_ && trusted) {
            std::ranges::stable_partition(order, trusted);
            owners_.clear();
            result_.verdicts.assign(candidates_.size(), {});
            claim_names(order);
        }
        while (refuse_gaps()) {
        }
        refuse_cycles();
        while (refuse_gaps()) {
        }
        collect_needs();
        sort();
        return std::move(result_);
    }

  private:
    bool usable(std::size_t i) const { return !result_.verdicts[i].refused; }
    const Manifest &manifest(std::size_t i) const { return candidates_[i].manifest; }

    template <class... Args>
    void refuse(std::size_t i, int32_t code, fmt::format_string<Args...> text, Args &&...args) {
        result_.verdicts[i].refused = Error{code, fmt::format(text, std::forward<Args>(args)...)};
    }

    /// Takes one name of a kind for candidate i; false: another has it and i is refused.
    bool claim(std::size_t i, std::string_view kind, const std::string &name) {
        const auto [entry, fresh] = owners_.try_emplace(fmt::format("{} {}", kind, name), i);
        if (!fresh) {
            contested_ = true;
            refuse(
                i, K2S_E_CONFIG,
                "plugin '{}' ({}) claims the {} '{}', which plugin '{}' ({}) already has: remove "
                "or disable one of them",
                manifest(i).id, candidates_[i].file, kind, name, manifest(entry->second).id,
                candidates_[entry->second].file);
        }
        return fresh;
    }

    void claim_names(const std::vector<std::size_t> &order) {
        for (const std::size_t i : order) {
            claim_names(i);
        }
    }

    void claim_names(std::size_t i) {
        const Manifest &plugin = manifest(i);
        if (!candidates_[i].enabled) {
            refuse(i, K2S_E_UNSUPPORTED,
                   "plugin '{}' is switched off by the configuration (plugins.{}.enabled)",
                   plugin.id, plugin.id);
            return;
        }
        for (const Command &command : plugin.commands) {
            if (std::ranges::find(reserved_, command.path.front()) != reserved_.end()) {
                refuse(i, K2S_E_CONFIG,
                       "plugin '{}' ({}) claims the command '{}', which belongs to the host: "
                       "rename it in plugin.json",
                       plugin.id, candidates_[i].file, join(command.path));
                return;
            }
        }
        // All or nothing: what a refused plugin had claimed is free again.
        const auto before = owners_;
        bool mine = claim(i, "id", plugin.id);
        for (const auto &provided : plugin.provided_contracts) {
            mine = mine && claim(i, "contract", provided.contract);
        }
        for (const auto &feature : plugin.features) {
            mine = mine && claim(i, "feature", feature.id);
        }
        for (const auto &command : plugin.commands) {
            mine = mine && claim(i, "command", join(command.path));
        }
        if (!mine) {
            owners_ = before;
        }
    }

    const ProvidedContract *find_provided(std::size_t i, const std::string &contract) const {
        const auto &list = manifest(i).provided_contracts;
        const auto found = std::ranges::find(list, contract, &ProvidedContract::contract);
        return found == list.end() ? nullptr : &*found;
    }

    /// The candidate that holds a contract in a version that fits, or none with the reason.
    std::optional<std::size_t> provider(const RequiredContract &need, std::string &why) const {
        const auto owner = owners_.find("contract " + need.contract);
        if (owner == owners_.end()) {
            why = "no plugin provides it";
            return std::nullopt;
        }
        const std::size_t other = owner->second;
        if (!usable(other)) {
            why = fmt::format("plugin '{}' would provide it, but cannot be used: {}",
                              manifest(other).id, result_.verdicts[other].refused->message);
            return std::nullopt;
        }
        const std::string &version = find_provided(other, need.contract)->version;
        const auto range = parse_version_range(need.version);
        const auto have = parse_version(version);
        if (!range || !have || !range->contains(*have)) {
            why = fmt::format("plugin '{}' provides version {}", manifest(other).id, version);
            return std::nullopt;
        }
        return other;
    }

    /// Refuses those that need what nobody usable provides; true when any was.
    bool refuse_gaps() {
        bool changed = false;
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            for (const auto &need : manifest(i).required_contracts) {
                std::string why;
                if (usable(i) && !need.optional && !provider(need, why)) {
                    refuse(i, K2S_E_CONFIG,
                           "plugin '{}' ({}) needs the contract '{}' in version '{}': {}",
                           manifest(i).id, candidates_[i].file, need.contract, need.version, why);
                    changed = true;
                }
            }
        }
        return changed;
    }

    std::vector<std::size_t> needs(std::size_t i, bool with_optional) const {
        std::vector<std::size_t> list;
        for (const auto &need : manifest(i).required_contracts) {
            std::string why;
            if (const auto other = provider(need, why);
                other && *other != i && (with_optional || !need.optional)) {
                list.push_back(*other);
            }
        }
        return list;
    }

    /// Follows required contracts depth first; `path` is the chain that leads to i.
    void find_cycle(std::size_t i, std::vector<std::size_t> &path, std::vector<char> &seen) {
        const auto start = std::ranges::find(path, i);
        if (start != path.end()) {
            std::string chain;
            for (auto step = start; step != path.end(); ++step) {
                chain += manifest(*step).id + " -> ";
            }
            chain += manifest(i).id;
            for (auto step = start; step != path.end(); ++step) {
                refuse(*step, K2S_E_CONFIG,
                       "plugin '{}' ({}) is part of a cycle of required contracts: {}; make one of "
                       "them optional",
                       manifest(*step).id, candidates_[*step].file, chain);
            }
            return;
        }
        if (seen[i] != 0) {
            return;
        }
        path.push_back(i);
        for (const std::size_t other : needs(i, false)) {
            find_cycle(other, path, seen);
        }
        path.pop_back();
        seen[i] = 1;
    }

    void refuse_cycles() {
        std::vector<char> seen(candidates_.size(), 0);
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            std::vector<std::size_t> path;
            if (usable(i)) {
                find_cycle(i, path, seen);
            }
        }
    }

    void collect_needs() {
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            if (usable(i)) {
                result_.verdicts[i].needs = needs(i, true);
            }
        }
    }

    /// Providers first. An optional need that would close a circle is started later, not first.
    void visit(std::size_t i, std::vector<char> &state) {
        if (state[i] != 0 || !usable(i)) {
            return;
        }
        state[i] = 1;
        for (const std::size_t other : result_.verdicts[i].needs) {
            visit(other, state);
        }
        result_.order.push_back(i);
    }

    void sort() {
        std::vector<char> state(candidates_.size(), 0);
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            visit(i, state);
        }
    }

    std::span<const Candidate> candidates_;
    std::span<const std::string> reserved_;
    Resolution result_;
    std::map<std::string, std::size_t> owners_; ///< "kind name" -> candidate
    bool contested_ = false;
};

} // namespace

Resolution resolve(std::span<const Candidate> candidates, std::span<const std::string> reserved,
                   const std::function<bool(std::size_t)> &trusted) {
    return Resolver(candidates, reserved).run(trusted);
}

std::vector<std::string> explain(std::span<const Candidate> candidates,
                                 const Resolution &resolution, std::size_t index) {
    const Candidate &candidate = candidates[index];
    const Verdict &verdict = resolution.verdicts[index];
    std::vector<std::string> lines{fmt::format("{} {} ({})", candidate.manifest.id,
                                               candidate.manifest.version, candidate.file)};
    lines.push_back(verdict.refused ? "cannot be used: " + verdict.refused->message
                                    : "can be used");
    for (const auto &need : candidate.manifest.required_contracts) {
        std::string answer = need.optional ? "nobody usable provides it; it is optional"
                                           : "nobody usable provides it";
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            for (const auto &provided : candidates[i].manifest.provided_contracts) {
                if (provided.contract == need.contract && !resolution.verdicts[i].refused) {
                    answer = fmt::format("plugin '{}' provides version {}",
                                         candidates[i].manifest.id, provided.version);
                }
            }
        }
        lines.push_back(
            fmt::format("needs '{}' in version '{}': {}", need.contract, need.version, answer));
    }
    for (const auto &provided : candidate.manifest.provided_contracts) {
        std::vector<std::string> users;
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            const auto &needs = candidates[i].manifest.required_contracts;
            if (std::ranges::find(needs, provided.contract, &RequiredContract::contract) !=
                needs.end()) {
                users.push_back(candidates[i].manifest.id);
            }
        }
        lines.push_back(fmt::format(
            "provides '{}' version {}; used by: {}", provided.contract, provided.version,
            users.empty() ? "nobody" : fmt::format("{}", fmt::join(users, ", "))));
    }
    return lines;
}

} // namespace k2s::core
