// SPDX-License-Identifier: MIT
#include "bridge/linux/iptables.hpp"

#include <algorithm>

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

} // namespace

IptablesMasquerade::IptablesMasquerade(const Runner &run, const Request &request)
    : run_(run),
      chain_(
          ("CNI-" + sha512_hex(request.network + request.container_id)).substr(0, k_longest_chain)),
      comment_(fmt::format("name: \"{}\" id: \"{}\"", request.network, request.container_id)) {}

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

Result<void> IptablesMasquerade::add(const std::vector<Prefix> &addresses) const {
    const std::vector<std::string> comment{"-m", "comment", "--comment", comment_};
    for (const auto &address : addresses) {
        const bool v4 = address.address.is_v4();
        (void)iptables(v4, {"-N", chain_}); // fails when a second address of the family has made it
        const std::vector<std::vector<std::string>> rules{
            {"-A", chain_, "-d", Prefix{address.network(), address.length}.text(), "-j", "ACCEPT"},
            {"-A", chain_, "!", "-d", v4 ? "224.0.0.0/4" : "ff00::/8", "-j", "MASQUERADE"},
            {"-A", "POSTROUTING", "-s", address.address.text(), "-j", chain_},
        };
        for (auto rule : rules) {
            rule.insert(rule.end(), comment.begin(), comment.end());
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

Result<void> IptablesMasquerade::remove() const {
    for (const bool v4 : {true, false}) {
        auto listed = iptables(v4, {"-S"});
        if (!listed || listed->exit_code != 0) {
            continue; // no program or no such table: then there are no rules either
        }
        bool found = false;
        std::string_view rest = listed->out;
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            auto rule = words(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (rule.size() < 2 || std::ranges::find(rule, chain_) == rule.end()) {
                continue;
            }
            found = true;
            if (rule[0] == "-A" && rule[1] == "POSTROUTING") {
                rule[0] = "-D";
                (void)iptables(v4, rule);
            }
        }
        if (found) {
            (void)iptables(v4, {"-F", chain_});
            auto removed = iptables(v4, {"-X", chain_});
            if (!removed) {
                return pass(removed);
            }
            if (removed->exit_code != 0) {
                return fail(k_internal, "iptables failed to remove the chain {}: {}", chain_,
                            removed->err);
            }
        }
    }
    return {};
}

} // namespace k2s::cni
