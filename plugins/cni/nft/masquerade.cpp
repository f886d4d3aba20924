// SPDX-License-Identifier: MIT
#include "nft/masquerade.hpp"

#include <algorithm>
#include <array>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/match.hpp"
#include "spec/instance.hpp"

namespace k2s::cni::nft {
namespace {

constexpr const char *k_table = "cni_plugins_masquerade";
const Chain k_checks{Family::inet, k_table, "masq_checks"};
const Chain k_postrouting{Family::inet, k_table, "postrouting"};
const Hook k_source_nat{"nat", NF_INET_POST_ROUTING, 100};
constexpr std::size_t k_longest_comment = 128;

constexpr uint32_t k_source_v4 = 12, k_source_v6 = 8;

std::string comment(const std::string &network, const ValidAttachment &of) {
    return fmt::format("{}, net: {}, if: {}, id: {}", attachment_key(network, of), network,
                       of.ifname, of.container_id)
        .substr(0, k_longest_comment);
}

void match_family(Expressions &rule, bool v4) {
    const uint8_t family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    rule.meta(NFT_META_NFPROTO);
    rule.equal(&family, sizeof(family));
}

const std::array<std::function<void(Expressions &)>, 3> &base() {
    static const std::array<std::function<void(Expressions &)>, 3> rules{
        [](Expressions &rule) {
            match_family(rule, true);
            match_destination(rule, *Prefix::parse("224.0.0.0/4"), true);
            rule.verdict(NFT_RETURN);
        },
        [](Expressions &rule) {
            match_family(rule, false);
            match_destination(rule, *Prefix::parse("ff00::/8"), true);
            rule.verdict(NFT_RETURN);
        },
        [](Expressions &rule) { rule.verdict(NFT_GOTO, k_checks.name); },
    };
    return rules;
}

void pod_rule(Expressions &rule, const Prefix &address) {
    const bool v4 = address.address.is_v4();
    const auto size = static_cast<uint32_t>(address.address.size());
    match_family(rule, v4);
    rule.network_header(v4 ? k_source_v4 : k_source_v6, size);
    rule.equal(address.address.data(), size);
    match_destination(rule, address, false);
    rule.masquerade();
}

bool complete(const std::vector<Rule> &rules) {
    return rules.size() == base().size() &&
           std::ranges::equal(rules, base(), [](const Rule &rule, const auto &body) {
               return rule.expressions == text_of(body);
           });
}

} // namespace

Result<void> Masquerade::add(const ValidAttachment &attachment,
                             const std::vector<Prefix> &addresses) {
    auto present = list_rules(socket_, k_postrouting);
    if (!present) {
        return pass(present);
    }
    Transaction changes;
    if (!complete(*present)) {
        // Emptying and filling again is one step for packets, and for another plugin that does the
        // same.
        changes.add_table(Family::inet, k_table, "Masquerading for CNI plugins");
        changes.add_chain(
            k_checks, {},
            "Masquerade traffic from certain IPs to any (non-multicast) IP outside their "
            "subnet");
        changes.add_chain(k_postrouting, k_source_nat);
        changes.flush(k_postrouting);
        for (const auto &body : base()) {
            changes.add_rule(k_postrouting, {}, body);
        }
    }
    for (const auto &address : addresses) {
        changes.add_rule(k_checks, comment(network_, attachment),
                         [&](Expressions &rule) { pod_rule(rule, address); });
    }
    return changes.commit(socket_, "masquerade for the container");
}

Result<void> Masquerade::remove(const ValidAttachment &attachment) {
    auto rules = list_rules(socket_, k_checks, false);
    if (!rules) {
        return pass(rules);
    }
    Transaction changes;
    const auto prefix = attachment_key(network_, attachment);
    for (const auto &rule : *rules) {
        if (rule.comment.starts_with(prefix)) {
            changes.delete_rule(k_checks, rule.handle);
        }
    }
    return changes.empty() ? Result<void>() : changes.commit(socket_, "stop masquerading");
}

Result<void> Masquerade::remove_others(const std::vector<ValidAttachment> &valid) {
    auto rules = list_rules(socket_, k_checks, false);
    if (!rules) {
        return pass(rules);
    }
    std::vector<std::string> keep;
    std::ranges::transform(valid, std::back_inserter(keep), [&](const ValidAttachment &one) {
        return attachment_key(network_, one);
    });
    Transaction changes;
    const auto prefix = network_key(network_) + "-";
    for (const auto &rule : *rules) {
        if (rule.comment.starts_with(prefix) && std::ranges::none_of(keep, [&](const auto &one) {
                return rule.comment.starts_with(one);
            })) {
            changes.delete_rule(k_checks, rule.handle);
        }
    }
    return changes.empty() ? Result<void>() : changes.commit(socket_, "stop masquerading");
}

Result<void> Masquerade::check(const ValidAttachment &attachment,
                               const std::vector<Prefix> &addresses) {
    auto present = list_rules(socket_, k_postrouting);
    auto rules = list_rules(socket_, k_checks);
    if (!present || !rules) {
        return present ? pass(rules) : pass(present);
    }
    if (!complete(*present)) {
        return fail(k_internal, "the nftables chain {} {} is not as ipMasq makes it", k_table,
                    k_postrouting.name);
    }
    const auto prefix = attachment_key(network_, attachment);
    for (const auto &address : addresses) {
        const auto wanted = text_of([&](Expressions &rule) { pod_rule(rule, address); });
        if (std::ranges::none_of(*rules, [&](const Rule &rule) {
                return rule.comment.starts_with(prefix) && rule.expressions == wanted;
            })) {
            return fail(k_internal, "the nftables rule that masquerades {} is missing",
                        address.text());
        }
    }
    return {};
}

Result<std::optional<std::string>> Masquerade::comment_of(const ValidAttachment &attachment) {
    auto rules = list_rules(socket_, k_checks, false);
    if (!rules) {
        return pass(rules);
    }
    const auto prefix = attachment_key(network_, attachment);
    const auto found = std::ranges::find_if(
        *rules, [&](const Rule &rule) { return rule.comment.starts_with(prefix); });
    return found == rules->end() ? Result<std::optional<std::string>>(std::nullopt)
                                 : std::move(found->comment);
}

} // namespace k2s::cni::nft
