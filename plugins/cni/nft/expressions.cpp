// SPDX-License-Identifier: MIT
#include "nft/transaction.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/describe.hpp"

namespace k2s::cni::nft {

template <class Body> void Expressions::expression(const char *name, Body &&body) {
    message_.nest(NFTA_LIST_ELEM, [&] {
        message_.put_text(NFTA_EXPR_NAME, name);
        message_.nest(NFTA_EXPR_DATA, body);
    });
}

void Expressions::meta(uint32_t key) {
    expression("meta",
               [&] { message_.put_be32(NFTA_META_KEY, key).put_be32(NFTA_META_DREG, NFT_REG_1); });
    text_ += describe_meta(key);
}

void Expressions::network_header(uint32_t offset, uint32_t size) {
    payload(NFT_PAYLOAD_NETWORK_HEADER, offset, size);
}

void Expressions::link_header(uint32_t offset, uint32_t size) {
    payload(NFT_PAYLOAD_LL_HEADER, offset, size);
}

void Expressions::payload(uint32_t base, uint32_t offset, uint32_t size) {
    expression("payload", [&] {
        message_.put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1)
            .put_be32(NFTA_PAYLOAD_BASE, base)
            .put_be32(NFTA_PAYLOAD_OFFSET, offset)
            .put_be32(NFTA_PAYLOAD_LEN, size);
    });
    text_ += describe_payload(base, offset, size);
}

void Expressions::mask(const void *mask, uint32_t size) {
    const std::string zeroes(size, '\0');
    expression("bitwise", [&] {
        message_.put_be32(NFTA_BITWISE_SREG, NFT_REG_1)
            .put_be32(NFTA_BITWISE_DREG, NFT_REG_1)
            .put_be32(NFTA_BITWISE_LEN, size);
        message_.nest(NFTA_BITWISE_MASK, [&] { message_.put(NFTA_DATA_VALUE, mask, size); });
        message_.nest(NFTA_BITWISE_XOR,
                      [&] { message_.put(NFTA_DATA_VALUE, zeroes.data(), size); });
    });
    text_ += describe_mask({static_cast<const char *>(mask), size});
}

void Expressions::compare(uint32_t operation, const void *value, uint32_t size) {
    expression("cmp", [&] {
        message_.put_be32(NFTA_CMP_SREG, NFT_REG_1).put_be32(NFTA_CMP_OP, operation);
        message_.nest(NFTA_CMP_DATA, [&] { message_.put(NFTA_DATA_VALUE, value, size); });
    });
    text_ += describe_compare(operation, {static_cast<const char *>(value), size});
}

void Expressions::load(const void *value, uint32_t size) {
    expression("immediate", [&] {
        message_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
        message_.nest(NFTA_IMMEDIATE_DATA, [&] { message_.put(NFTA_DATA_VALUE, value, size); });
    });
    text_ += describe_load({static_cast<const char *>(value), size});
}

void Expressions::set_meta(uint32_t key, const void *value, uint32_t size) {
    load(value, size);
    expression("meta",
               [&] { message_.put_be32(NFTA_META_KEY, key).put_be32(NFTA_META_SREG, NFT_REG_1); });
    text_ += describe_set_meta(key);
}

void Expressions::set_link_header(uint32_t offset, const void *value, uint32_t size) {
    load(value, size);
    expression("payload", [&] {
        message_.put_be32(NFTA_PAYLOAD_SREG, NFT_REG_1)
            .put_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_LL_HEADER)
            .put_be32(NFTA_PAYLOAD_OFFSET, offset)
            .put_be32(NFTA_PAYLOAD_LEN, size);
    });
    text_ += describe_set_payload(NFT_PAYLOAD_LL_HEADER, offset, size);
}

void Expressions::verdict(int32_t code, const std::string &chain) {
    expression("immediate", [&] {
        message_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        message_.nest(NFTA_IMMEDIATE_DATA, [&] {
            message_.nest(NFTA_DATA_VERDICT, [&] {
                message_.put_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
                if (!chain.empty()) {
                    message_.put_text(NFTA_VERDICT_CHAIN, chain);
                }
            });
        });
    });
    text_ += describe_verdict(code, chain);
}

void Expressions::masquerade() {
    expression("masq", [] {});
    text_ += describe_masquerade();
}

std::string text_of(const std::function<void(Expressions &)> &body) {
    netlink::Message nowhere(0, 0);
    Expressions expressions(nowhere);
    body(expressions);
    return expressions.text();
}

} // namespace k2s::cni::nft
