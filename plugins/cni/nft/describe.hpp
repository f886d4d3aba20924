// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <linux/netlink.h>

namespace k2s::cni::nft {

/// One expression as text, the same whether we make it or the kernel lists it.
std::string describe_meta(uint32_t key);
std::string describe_payload(uint32_t base, uint32_t offset, uint32_t size);
std::string describe_mask(std::string_view mask);
std::string describe_compare(uint32_t operation, std::string_view value);
std::string describe_verdict(int32_t code, std::string_view chain);
std::string describe_masquerade();
std::string describe_load(std::string_view value);
std::string describe_set_meta(uint32_t key);
std::string describe_set_payload(uint32_t base, uint32_t offset, uint32_t size);

/// NFTA_RULE_EXPRESSIONS of a listing.
std::string describe_expressions(const nlattr *list);

} // namespace k2s::cni::nft
