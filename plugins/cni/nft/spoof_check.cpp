// SPDX-License-Identifier: MIT
#include "nft/spoof_check.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace k2s::cni::nft {
namespace {

constexpr const char *k_table = "nat";
constexpr std::string_view k_prefix = "macspoofchk-";
const Chain k_base{Family::bridge, k_table, "PREROUTING"};
constexpr uint32_t k_prerouting = 0; // NF_BR_PRE_ROUTING; its header does not agree with C++
const Hook k_hook{"filter", k_prerouting, -300};
constexpr uint32_t k_source_mac = 6;

std::string id_of(const ValidAttachment &of) {
    return of.container_id + "-" + of.ifname;
}

Chain interface_chain(const std::string &id) {
    return {Family::bridge, k_table, "cni-br-iface-" + id};
}
Chain mac_chain(const std::string &id) {
    return {Family::bridge, k_table, "cni-br-iface-" + id + "-mac"};
}

void from_interface(Expressions &rule, const std::string &name, const std::string &id) {
    std::array<char, IFNAMSIZ> padded{};
    name.copy(padded.data(), padded.size() - 1);
    rule.meta(NFT_META_IIFNAME);
    rule.equal(padded.data(), padded.size());
    rule.verdict(NFT_JUMP, interface_chain(id).name);
}

void right_mac(Expressions &rule, const netlink::Mac &mac) {
    rule.link_header(k_source_mac, mac.bytes.size());
    rule.equal(mac.bytes.data(), mac.bytes.size());
    rule.verdict(NFT_RETURN);
}

void drop(Expressions &rule) {
    rule.verdict(NF_DROP);
}

} // namespace

Result<void> SpoofCheck::add(const ValidAttachment &attachment, const std::string &host_interface,
                             const netlink::Mac &mac) {
    const auto id = id_of(attachment);
    const auto comment = std::string(k_prefix) + id;
    const auto own = interface_chain(id), macs = mac_chain(id);
    Transaction changes;
    changes.add_table(Family::bridge, k_table);
    changes.add_chain(k_base, k_hook);
    changes.add_chain(own);
    changes.add_chain(macs);
    changes.flush(own);
    changes.flush(macs);
    changes.add_rule(
        k_base, comment, [&](Expressions &rule) { from_interface(rule, host_interface, id); },
        network_);
    changes.add_rule(own, comment, [&](Expressions &rule) { rule.verdict(NFT_JUMP, macs.name); });
    changes.add_rule(macs, comment, [&](Expressions &rule) { right_mac(rule, mac); });
    changes.add_rule(macs, comment, drop);
    return changes.commit(socket_, "guard the container's MAC address");
}

Result<void> SpoofCheck::remove_ids(const std::vector<std::string> &ids) {
    auto rules = list_rules(socket_, k_base);
    if (!rules) {
        return pass(rules);
    }
    Transaction changes;
    for (const auto &id : ids) {
        const auto comment = std::string(k_prefix) + id;
        for (const auto &rule : *rules) {
            if (rule.comment == comment) {
                changes.delete_rule(k_base, rule.handle);
            }
        }
        // The one that jumps to the other goes first.
        for (const auto &chain : {interface_chain(id), mac_chain(id)}) {
            auto there = has_chain(socket_, chain);
            if (!there) {
                return pass(there);
            }
            if (*there) {
                changes.flush(chain);
                changes.delete_chain(chain);
            }
        }
    }
    return changes.empty() ? Result<void>()
                           : changes.commit(socket_, "stop guarding the container's MAC address");
}

Result<void> SpoofCheck::remove(const ValidAttachment &attachment) {
    return remove_ids({id_of(attachment)});
}

Result<void> SpoofCheck::remove_others(const std::vector<ValidAttachment> &valid) {
    auto rules = list_rules(socket_, k_base);
    if (!rules) {
        return pass(rules);
    }
    std::vector<std::string> stale;
    for (const auto &rule : *rules) {
        if (rule.owner != network_ || !rule.comment.starts_with(k_prefix)) {
            continue;
        }
        const auto id = rule.comment.substr(k_prefix.size());
        if (std::ranges::none_of(valid, [&](const auto &one) { return id_of(one) == id; })) {
            stale.push_back(id);
        }
    }
    return remove_ids(stale);
}

Result<void> SpoofCheck::check(const ValidAttachment &attachment, const std::string &host_interface,
                               const netlink::Mac &mac) {
    const auto id = id_of(attachment);
    const auto macs = mac_chain(id);
    using Body = std::function<void(Expressions &)>;
    const std::pair<Chain, Body> wanted[]{
        {k_base, [&](Expressions &rule) { from_interface(rule, host_interface, id); }},
        {interface_chain(id), [&](Expressions &rule) { rule.verdict(NFT_JUMP, macs.name); }},
        {macs, [&](Expressions &rule) { right_mac(rule, mac); }},
        {macs, drop},
    };
    for (const auto &[chain, body] : wanted) {
        auto rules = list_rules(socket_, chain);
        if (!rules) {
            return pass(rules);
        }
        const auto text = text_of(body);
        if (std::ranges::none_of(*rules,
                                 [&](const Rule &rule) { return rule.expressions == text; })) {
            return fail(k_internal,
                        "a rule of macspoofchk is missing in the nftables chain bridge {} {}",
                        chain.table, chain.name);
        }
    }
    return {};
}

} // namespace k2s::cni::nft
