// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/socket.hpp"
#include "spec/address.hpp"

namespace k2s::cni::nft {

/// NFPROTO_* that a table belongs to.
enum class Family : uint8_t { inet = 1, ip = 2, netdev = 5, bridge = 7 };

/// A chain is named by all three.
struct Chain {
    Family family;
    std::string table;
    std::string name;
};

/// How a chain is hooked into the path of packets.
struct Hook {
    const char *type; // "nat", "filter"
    uint32_t number;  // NF_INET_*, NF_BR_*
    int32_t priority;
    std::string device = {}; // of family netdev; the chain goes with it
};

/// The expressions of a rule, one after the other, as `nft --debug=netlink` names them. All loads
/// go to register 1. They go into a message and into a text, by which rules can be compared: what
/// the kernel lists differs in order and additions from what it was given.
class Expressions {
  public:
    explicit Expressions(netlink::Message &message) : message_(message) {}

    void meta(uint32_t key);
    void network_header(uint32_t offset, uint32_t size);
    void link_header(uint32_t offset, uint32_t size);
    void mask(const void *mask, uint32_t size);
    void equal(const void *value, uint32_t size) { compare(0, value, size); }
    void unequal(const void *value, uint32_t size) { compare(1, value, size); }
    /// Of the packet: its metadata, and bytes of its link-layer header.
    void set_meta(uint32_t key, const void *value, uint32_t size);
    void set_link_header(uint32_t offset, const void *value, uint32_t size);
    /// NF_ACCEPT, NF_DROP, NFT_RETURN; NFT_JUMP and NFT_GOTO with a chain.
    void verdict(int32_t code, const std::string &chain = {});
    void masquerade();

    const std::string &text() const { return text_; }

  private:
    template <class Body> void expression(const char *name, Body &&body);
    void payload(uint32_t base, uint32_t offset, uint32_t size);
    void compare(uint32_t operation, const void *value, uint32_t size);
    void load(const void *value, uint32_t size);

    netlink::Message &message_;
    std::string text_;
};

/// The text of what `body` makes.
std::string text_of(const std::function<void(Expressions &)> &body);

/// A rule as it is listed.
struct Rule {
    uint64_t handle = 0;
    std::string comment;
    std::string owner;       // what add_rule was given
    std::string expressions; // as Expressions::text
};

/// Changes of nf_tables: all or none happen.
class Transaction {
  public:
    Transaction();

    /// Nothing happens to what is there already.
    void add_table(Family family, const std::string &table, std::string_view comment = {});
    void add_chain(const Chain &chain, const std::optional<Hook> &hook = {},
                   std::string_view comment = {});
    /// `owner` is a text of ours that goes with the rule; other programs pass over it.
    void add_rule(const Chain &chain, std::string_view comment,
                  const std::function<void(Expressions &)> &body, std::string_view owner = {});
    void delete_rule(const Chain &chain, uint64_t handle);
    void flush(const Chain &chain);
    void delete_chain(const Chain &chain);

    /// True: nothing was added.
    bool empty() const { return changes_ == 0; }
    /// `what` as in Batch.
    Result<void> commit(netlink::Socket &socket, const std::string &what);

  private:
    void put(netlink::Message &message, const char *what);
    void mark(uint16_t type);

    netlink::Batch batch_;
    int changes_ = 0;
};

/// Those of one chain; none when there is no such chain. `described` false: without expressions,
/// which are most of the work when the rules are many.
Result<std::vector<Rule>> list_rules(netlink::Socket &socket, const Chain &chain,
                                     bool described = true);
Result<bool> has_chain(netlink::Socket &socket, const Chain &chain);

} // namespace k2s::cni::nft
