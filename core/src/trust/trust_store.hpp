// SPDX-License-Identifier: MIT
/// \file
/// Whose signatures count: keys with an owner, the plugins they may sign and an end, and those that
/// count no more. One JSON file, written by `k2s plugin trust …`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/crypto.hpp"

namespace k2s::core::trust {

enum class Policy : std::uint8_t {
    off,     ///< signatures are not looked at
    warn,    ///< what is not signed well is loaded, and said
    enforce, ///< and is not loaded
};

std::string_view policy_name(Policy policy);
std::optional<Policy> parse_policy(std::string_view name);

struct TrustedKey {
    PublicKey key{};
    std::string owner;
    /// "acme": the plugins acme and acme-…; "*": every plugin.
    std::vector<std::string> prefixes;
    std::string expires; ///< "2027-12-31", the last day (UTC) that it counts; empty: no end

    bool may_sign(std::string_view plugin) const;
};

struct Revocation {
    PublicKey key{};
    std::string reason;
};

/// What stands in front of a key's digits in messages and on command lines.
std::string key_id(const PublicKey &key);

struct TrustStore {
    std::optional<Policy> policy; ///< the tree's default
    std::vector<TrustedKey> keys;
    std::vector<Revocation> revoked;

    const TrustedKey *find(const PublicKey &key) const;
    const Revocation *revocation(const PublicKey &key) const;
};

constexpr std::size_t k_trust_store_max = 1024 * 1024;
constexpr std::size_t k_most_keys = 1024;

/// Strict, as manifests are read. `name` starts each message. K2S_E_CONFIG.
Result<TrustStore> parse_trust_store(std::string_view json, std::string_view name);
std::string format_trust_store(const TrustStore &store);

/// The first second (since 1970) at which a key with this last day counts no more; nothing for text
/// that is no date.
std::optional<std::int64_t> end_of_day(std::string_view date);

} // namespace k2s::core::trust
