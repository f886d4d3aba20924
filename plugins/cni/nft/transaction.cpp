// SPDX-License-Identifier: MIT
#include "nft/transaction.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attributes.hpp"
#include "nft/describe.hpp"

namespace k2s::cni::nft {
namespace {

using netlink::Message;

// Types of user data as nft writes them: a byte of type, a byte of length, the value.
constexpr uint8_t k_comment = 0;
constexpr uint8_t k_owner = 0x4b; // ours; nft passes over types that it does not know
constexpr std::size_t k_longest_value = 255;

constexpr uint16_t subsystem(uint16_t type) {
    return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

void append_value(std::string &data, uint8_t type, std::string_view value) {
    if (!value.empty()) {
        const auto kept = value.substr(0, k_longest_value - 1);
        data += static_cast<char>(type);
        data += static_cast<char>(kept.size() + 1);
        data += kept;
        data += '\0';
    }
}

std::string user_data(std::string_view comment, std::string_view owner = {}) {
    std::string data;
    append_value(data, k_comment, comment);
    append_value(data, k_owner, owner);
    return data;
}

std::string value_in(std::string_view data, uint8_t wanted) {
    while (data.size() >= 2) {
        const auto size = static_cast<uint8_t>(data[1]);
        const auto value = data.substr(2, size);
        if (static_cast<uint8_t>(data[0]) == wanted) {
            return std::string(value.substr(0, value.find('\0')));
        }
        data.remove_prefix(std::min<std::size_t>(data.size(), 2 + std::size_t{size}));
    }
    return {};
}

void address_chain(Message &message, const Chain &chain) {
    auto &about = message.extra<nfgenmsg>();
    about.nfgen_family = static_cast<uint8_t>(chain.family);
    about.version = NFNETLINK_V0;
}

} // namespace

Transaction::Transaction() {
    mark(NFNL_MSG_BATCH_BEGIN);
}

void Transaction::mark(uint16_t type) {
    Message message(type, 0);
    message.extra<nfgenmsg>().res_id = htons(NFNL_SUBSYS_NFTABLES);
    batch_.add(message, "change nftables");
}

void Transaction::put(Message &message, const char *what) {
    batch_.add(message, what);
    ++changes_;
}

void Transaction::add_table(Family family, const std::string &table, std::string_view comment) {
    Message message(subsystem(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_ACK);
    address_chain(message, {family, table, {}});
    message.put_text(NFTA_TABLE_NAME, table);
    if (const auto data = user_data(comment); !data.empty()) {
        message.put(NFTA_TABLE_USERDATA, data.data(), data.size());
    }
    put(message, "add an nftables table");
}

void Transaction::add_chain(const Chain &chain, const std::optional<Hook> &hook,
                            std::string_view comment) {
    Message message(subsystem(NFT_MSG_NEWCHAIN), NLM_F_CREATE | NLM_F_ACK);
    address_chain(message, chain);
    message.put_text(NFTA_CHAIN_TABLE, chain.table).put_text(NFTA_CHAIN_NAME, chain.name);
    if (hook) {
        message.nest(NFTA_CHAIN_HOOK, [&] {
            message.put_be32(NFTA_HOOK_HOOKNUM, hook->number)
                .put_be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(hook->priority));
            if (!hook->device.empty()) {
                message.put_text(NFTA_HOOK_DEV, hook->device);
            }
        });
        message.put_text(NFTA_CHAIN_TYPE, hook->type);
    }
    if (const auto data = user_data(comment); !data.empty()) {
        message.put(NFTA_CHAIN_USERDATA, data.data(), data.size());
    }
    put(message, "add an nftables chain");
}

void Transaction::add_rule(const Chain &chain, std::string_view comment,
                           const std::function<void(Expressions &)> &body, std::string_view owner) {
    Message message(subsystem(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
    address_chain(message, chain);
    message.put_text(NFTA_RULE_TABLE, chain.table).put_text(NFTA_RULE_CHAIN, chain.name);
    message.nest(NFTA_RULE_EXPRESSIONS, [&] {
        Expressions expressions(message);
        body(expressions);
    });
    if (const auto data = user_data(comment, owner); !data.empty()) {
        message.put(NFTA_RULE_USERDATA, data.data(), data.size());
    }
    put(message, "add an nftables rule");
}

void Transaction::delete_rule(const Chain &chain, uint64_t handle) {
    Message message(subsystem(NFT_MSG_DELRULE), NLM_F_ACK);
    address_chain(message, chain);
    message.put_text(NFTA_RULE_TABLE, chain.table).put_text(NFTA_RULE_CHAIN, chain.name);
    message.put_be64(NFTA_RULE_HANDLE, handle);
    put(message, "delete an nftables rule");
}

void Transaction::flush(const Chain &chain) {
    Message message(subsystem(NFT_MSG_DELRULE), NLM_F_ACK);
    address_chain(message, chain);
    message.put_text(NFTA_RULE_TABLE, chain.table).put_text(NFTA_RULE_CHAIN, chain.name);
    put(message, "flush an nftables chain");
}

void Transaction::delete_chain(const Chain &chain) {
    Message message(subsystem(NFT_MSG_DELCHAIN), NLM_F_ACK);
    address_chain(message, chain);
    message.put_text(NFTA_CHAIN_TABLE, chain.table).put_text(NFTA_CHAIN_NAME, chain.name);
    put(message, "delete an nftables chain");
}

Result<void> Transaction::commit(netlink::Socket &socket, const std::string &what) {
    mark(NFNL_MSG_BATCH_END);
    auto sent = socket.send(batch_);
    if (!sent) {
        sent.error().message = fmt::format("cannot {}: {}", what, sent.error().message);
    }
    return sent;
}

Result<std::vector<Rule>> list_rules(netlink::Socket &socket, const Chain &chain, bool described) {
    Message message(subsystem(NFT_MSG_GETRULE), NLM_F_DUMP);
    address_chain(message, chain);
    message.put_text(NFTA_RULE_TABLE, chain.table).put_text(NFTA_RULE_CHAIN, chain.name);
    std::vector<Rule> rules;
    auto asked = socket.ask(message, "list nftables rules", [&](const nlmsghdr *answer) {
        Rule rule;
        std::string name;
        netlink::each(answer, sizeof(nfgenmsg), [&](uint16_t type, const nlattr *attribute) {
            if (type == NFTA_RULE_CHAIN) {
                name = netlink::text_of(attribute);
            } else if (type == NFTA_RULE_HANDLE) {
                rule.handle = be64toh(netlink::value_of<uint64_t>(attribute));
            } else if (type == NFTA_RULE_USERDATA) {
                const auto data = netlink::bytes_of(attribute);
                rule.comment = value_in(data, k_comment);
                rule.owner = value_in(data, k_owner);
            } else if (type == NFTA_RULE_EXPRESSIONS && described) {
                rule.expressions = describe_expressions(attribute);
            }
        });
        if (name == chain.name) {
            rules.push_back(std::move(rule));
        }
    });
    return asked ? Result<std::vector<Rule>>(std::move(rules)) : pass(asked);
}

Result<bool> has_chain(netlink::Socket &socket, const Chain &chain) {
    Message message(subsystem(NFT_MSG_GETCHAIN), 0);
    address_chain(message, chain);
    message.put_text(NFTA_CHAIN_TABLE, chain.table).put_text(NFTA_CHAIN_NAME, chain.name);
    bool found = false;
    auto asked = socket.ask(
        message, "look up an nftables chain", [&](const nlmsghdr *) { found = true; }, ENOENT);
    return asked ? Result<bool>(found) : pass(asked);
}

} // namespace k2s::cni::nft
