// SPDX-License-Identifier: MIT
#include "nft/describe.hpp"

#include <arpa/inet.h>

#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/attributes.hpp"

namespace k2s::cni::nft {
namespace {

using netlink::each;

std::string hex(std::string_view bytes) {
    std::string text;
    for (const unsigned char byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

uint32_t number(const nlattr *attribute) {
    return ntohl(netlink::value_of<uint32_t>(attribute));
}

/// The bytes of a NFTA_DATA_VALUE.
std::string value_in(const nlattr *data) {
    std::string bytes;
    each(data, [&](uint16_t type, const nlattr *attribute) {
        if (type == NFTA_DATA_VALUE) {
            bytes = netlink::bytes_of(attribute);
        }
    });
    return bytes;
}

/// The numbers of an expression by attribute, as far as they are numbers.
struct Numbers {
    explicit Numbers(const nlattr *data) {
        each(data, [&](uint16_t type, const nlattr *attribute) {
            if (type < std::size(at) && netlink::bytes_of(attribute).size() == sizeof(uint32_t)) {
                at[type] = number(attribute);
                has[type] = true;
            }
        });
    }
    uint32_t at[8] = {};
    bool has[8] = {};
};

std::string describe_data(const nlattr *data, uint16_t wanted) {
    std::string bytes;
    each(data, [&](uint16_t type, const nlattr *attribute) {
        if (type == wanted) {
            bytes = value_in(attribute);
        }
    });
    return bytes;
}

std::string immediate_in(const nlattr *data) {
    std::string text;
    each(data, [&](uint16_t outer, const nlattr *value) {
        if (outer != NFTA_IMMEDIATE_DATA) {
            return;
        }
        each(value, [&](uint16_t middle, const nlattr *verdict) {
            if (middle == NFTA_DATA_VALUE) {
                text = describe_load(value_in(value));
            }
            if (middle != NFTA_DATA_VERDICT) {
                return;
            }
            uint32_t code = 0;
            std::string chain;
            each(verdict, [&](uint16_t type, const nlattr *attribute) {
                if (type == NFTA_VERDICT_CODE) {
                    code = number(attribute);
                } else if (type == NFTA_VERDICT_CHAIN) {
                    chain = netlink::text_of(attribute);
                }
            });
            text = describe_verdict(static_cast<int32_t>(code), chain);
        });
    });
    return text;
}

std::string describe_expression(const std::string &name, const nlattr *data) {
    if (name == "masq") {
        return describe_masquerade();
    }
    if (data == nullptr) {
        return name + "; ";
    }
    const Numbers numbers(data);
    if (name == "meta") {
        return numbers.has[NFTA_META_SREG] ? describe_set_meta(numbers.at[NFTA_META_KEY])
                                           : describe_meta(numbers.at[NFTA_META_KEY]);
    }
    if (name == "payload") {
        const auto describe =
            numbers.has[NFTA_PAYLOAD_SREG] ? describe_set_payload : describe_payload;
        return describe(numbers.at[NFTA_PAYLOAD_BASE], numbers.at[NFTA_PAYLOAD_OFFSET],
                        numbers.at[NFTA_PAYLOAD_LEN]);
    }
    if (name == "bitwise") {
        return describe_mask(describe_data(data, NFTA_BITWISE_MASK));
    }
    if (name == "cmp") {
        return describe_compare(numbers.at[NFTA_CMP_OP], describe_data(data, NFTA_CMP_DATA));
    }
    return name == "immediate" ? immediate_in(data) : name + "; ";
}

} // namespace

std::string describe_meta(uint32_t key) {
    return fmt::format("meta {}; ", key);
}

std::string describe_payload(uint32_t base, uint32_t offset, uint32_t size) {
    return fmt::format("payload {} {} {}; ", base, offset, size);
}

std::string describe_mask(std::string_view mask) {
    return fmt::format("and {}; ", hex(mask));
}

std::string describe_compare(uint32_t operation, std::string_view value) {
    return fmt::format("cmp {} {}; ", operation, hex(value));
}

std::string describe_verdict(int32_t code, std::string_view chain) {
    return fmt::format("verdict {} {}; ", code, chain);
}

std::string describe_masquerade() {
    return "masq; ";
}

std::string describe_load(std::string_view value) {
    return fmt::format("load {}; ", hex(value));
}

std::string describe_set_meta(uint32_t key) {
    return fmt::format("set meta {}; ", key);
}

std::string describe_set_payload(uint32_t base, uint32_t offset, uint32_t size) {
    return fmt::format("set payload {} {} {}; ", base, offset, size);
}

std::string describe_expressions(const nlattr *list) {
    std::string text;
    each(list, [&](uint16_t, const nlattr *element) {
        std::string name;
        const nlattr *data = nullptr;
        each(element, [&](uint16_t type, const nlattr *attribute) {
            if (type == NFTA_EXPR_NAME) {
                name = netlink::text_of(attribute);
            } else if (type == NFTA_EXPR_DATA) {
                data = attribute;
            }
        });
        text += describe_expression(name, data);
    });
    return text;
}

} // namespace k2s::cni::nft
