// SPDX-License-Identifier: MIT
#include "bridge/linux/iptables.hpp"

#include <algorithm>
#include <set>

#include "spec/sha512.hpp"

namespace k2s::cni {
namespace {

constexpr std::string_view k_folders = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin";
constexpr std::size_t k_longest_chain = 28;

/// The words of a line of `iptables -S`; it quotes with " and \.
std::vector<std::string> words(std::string_view line) {
    std::vector<std::string> found;
    std::string word;
    bool quoted = false, any = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char c = line[i];
        if (c == '"') {
            quoted = !quoted;
            any = true;
        } else if (c == ' ' && !quoted) {
            if (any) {
                found.push_back(std::exchange(word, {}));
            }
            any = false;
        } else {
            c = c == '\\' && i + 1 < line.size() ? line[++i] : c;
            word += c;
            any = true;
        }
    }
    if (any) {
        found.push_back(word);
    }
    return found;
}

/// What follows an option: the source's network after -s, the target after -j.
std::string after(const std::vector<std::string> &rule, std::string_view option) {
    const auto found = std::ranges::find(rule, option);
    return found == rule.end() || found + 1 == rule.end() ? std::string() : found[1];
}

bool is_in(const std::vector<std::string> &rule, std::string_view chain) {
    return rule.size() > 1 && rule[0] == "-A" && rule[1] == chain;
}

Prefix network_of(const Prefix &address) {
    return {address.network(), address.length};
}

const char *multicast(bool v4) {
    return v4 ? "224.0.0.0/4" : "ff00::/8";
}

} // namespace

IptablesMasquerade::IptablesMasquerade(const Runner &run, const std::string &network,
                                       const std::string &container_id)
    : run_(run), network_(network),
      chain_(("CNI-" + sha512_hex(network + container_id)).substr(0, k_longest_chain)),
      comment_(fmt::format("name: \"{}\" id: \"{}\"", network, container_id)) {}

Result<Ended> IptablesMasquerade::iptables(bool v4, std::vector<std::string> arguments) const {
    const char *name = v4 ? "iptables" : "ip6tables";
    const auto program = find_program(name, k_folders);
    if (!program) {
        return fail(
            k_internal,
            "ipMasqBackend is \"iptables\", but there is no {} in {}; \"nftables\" needs no "
            "program",
            name, k_folders);
    }
    Program call{{*program, "-w", "-t", "nat"}, {}, {}, 0};
    call.argv.insert(call.argv.end(), arguments.begin(), arguments.end());
    return run_(call);
}

Result<std::vector<IptablesMasquerade::Rule>> IptablesMasquerade::list(bool v4) const {
    auto listed = iptables(v4, {"-S"});
    if (!listed) {
        return pass(listed);
    }
    if (listed->exit_code != 0) {
        return fail(k_internal, "iptables failed to list its rules: {}", listed->err);
    }
    std::vector<Rule> rules;
    std::string_view rest = listed->out;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        rules.push_back(words(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return rules;
}

bool IptablesMasquerade::jumps(const Rule &rule) const {
    return is_in(rule, "POSTROUTING") && after(rule, "-j") == chain_;
}

Result<void> IptablesMasquerade::add(const std::vector<Prefix> &addresses) const {
    for (const auto &address : addresses) {
        const bool v4 = address.address.is_v4();
        // It fails when another address, perhaps another interface's, has made it.
        const auto made = iptables(v4, {"-N", chain_});
        const bool shared = made && made->exit_code != 0;
        // What stays in the network comes before the rule for everything else, whoever made that.
        const std::pair<const char *, Rule> rules[]{
            {"-I", {chain_, "-d", network_of(address).text(), "-j", "ACCEPT"}},
            {"-A", {chain_, "!", "-d", multicast(v4), "-j", "MASQUERADE"}},
            {"-A", {"POSTROUTING", "-s", address.address.text(), "-j", chain_}},
        };
        for (const auto &[how, what] : rules) {
            Rule rule{"-C"};
            rule.insert(rule.end(), what.begin(), what.end());
            rule.insert(rule.end(), {"-m", "comment", "--comment", comment_});
            if (shared) {
                if (const auto there = iptables(v4, rule); there && there->exit_code == 0) {
                    continue;
                }
            }
            rule.front() = how;
            auto done = iptables(v4, rule);
            if (!done) {
                return pass(done);
            }
            if (done->exit_code != 0) {
                return fail(k_internal, "iptables failed to masquerade {}: {}", address.text(),
                            done->err);
            }
        }
    }
    return {};
}

Result<void> IptablesMasquerade::remove(const std::vector<Prefix> &addresses, bool last) const {
    const auto is_ours = [&](const Rule &rule) {
        const auto source = Prefix::parse(after(rule, "-s"));
        return last || (source && std::ranges::any_of(addresses, [&](const Prefix &one) {
                            return source->contains(one.address);
                        }));
    };
    Result<void> outcome;
    for (const bool v4 : {true, false}) {
        const auto rules = list(v4);
        if (!rules) {
            continue; // no program or no such table: then there are no rules either
        }
        if (auto done = remove_from(v4, *rules, is_ours); !done) {
            outcome = std::move(done);
        }
    }
    return outcome;
}

Result<void>
IptablesMasquerade::remove_from(bool v4, const std::vector<Rule> &rules,
                                const std::function<bool(const Rule &)> &is_ours) const {
    const auto drop = [&](Rule rule) {
        rule.front() = "-D";
        (void)iptables(v4, std::move(rule));
    };
    std::vector<Prefix> left;
    bool found = false, jump_left = false;
    for (const auto &rule : rules) {
        found = found || (rule.size() > 1 && rule[1] == chain_) || jumps(rule);
        if (!jumps(rule)) {
            continue;
        }
        if (is_ours(rule)) {
            drop(rule);
            continue;
        }
        jump_left = true;
        if (const auto source = Prefix::parse(after(rule, "-s"))) {
            left.push_back(*source);
        }
    }
    if (!found) {
        return {};
    }
    if (jump_left) {
        for (const auto &rule : rules) {
            const auto network = Prefix::parse(after(rule, "-d"));
            if (is_in(rule, chain_) && after(rule, "-j") == "ACCEPT" && network &&
                std::ranges::none_of(left, [&](const Prefix &source) {
                    return network->contains(source.address);
                })) {
                drop(rule);
            }
        }
        return {};
    }
    (void)iptables(v4, {"-F", chain_});
    auto removed = iptables(v4, {"-X", chain_});
    if (!removed) {
        return pass(removed);
    }
    return removed->exit_code == 0 ? Result<void>()
                                   : fail(k_internal, "iptables failed to remove the chain {}: {}",
                                          chain_, removed->err);
}

Result<void> IptablesMasquerade::remove_others(const std::vector<ValidAttachment> &valid) const {
    const auto start = fmt::format("name: \"{}\" id: \"", network_);
    std::set<std::string> gone;
    for (const bool v4 : {true, false}) {
        const auto rules = list(v4);
        if (!rules) {
            continue;
        }
        for (const auto &rule : *rules) {
            const auto comment = after(rule, "--comment");
            if (comment.starts_with(start) && comment.ends_with('"')) {
                gone.insert(comment.substr(start.size(), comment.size() - start.size() - 1));
            }
        }
    }
    for (const auto &one : valid) {
        gone.erase(one.container_id);
    }
    Result<void> outcome;
    for (const auto &container : gone) {
        if (auto done = IptablesMasquerade(run_, network_, container).remove({}, true); !done) {
            outcome = std::move(done);
        }
    }
    return outcome;
}

Result<void> IptablesMasquerade::check(const std::vector<Prefix> &addresses) const {
    for (const auto &address : addresses) {
        const bool v4 = address.address.is_v4();
        const auto rules = list(v4);
        if (!rules) {
            return std::unexpected(rules.error());
        }
        const auto has = [&](std::string_view chain, std::string_view option, const Prefix &prefix,
                             std::string_view target) {
            return std::ranges::find_if(*rules, [&](const Rule &rule) {
                return is_in(rule, chain) && Prefix::parse(after(rule, option)) == prefix &&
                       after(rule, "-j") == target;
            });
        };
        const Prefix own{address.address, static_cast<unsigned>(address.address.size() * 8)};
        const auto accepts = has(chain_, "-d", network_of(address), "ACCEPT");
        const auto masquerades = has(chain_, "-d", *Prefix::parse(multicast(v4)), "MASQUERADE");
        if (has("POSTROUTING", "-s", own, chain_) == rules->end() || accepts == rules->end() ||
            masquerades == rules->end() || masquerades < accepts) {
            return fail(k_internal, "the rules of iptables that masquerade {} are missing",
                        address.text());
        }
    }
    return {};
}

} // namespace k2s::cni
