// SPDX-License-Identifier: MIT
#include "trust/trust_store.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "manifest/json_text.hpp"
#include "manifest/reader.hpp"
#include "util/hex.hpp"

namespace k2s::core::trust {

namespace {

using nlohmann::json;

constexpr int64_t k_format = 1;
constexpr std::size_t k_id_digits = 16;
constexpr std::size_t k_most_prefixes = 64;
constexpr std::array<std::pair<std::string_view, Policy>, 3> k_policies = {{
    {"off", Policy::off},
    {"warn", Policy::warn},
    {"enforce", Policy::enforce},
}};

bool read_key(Reader &reader, json &value, PublicKey &to) {
    std::string text;
    if (!reader.text(value, text)) {
        return false;
    }
    const auto key = from_hex<K2S_ED25519_KEY_SIZE>(text);
    if (!key) {
        return reader.problem("expected a public key as 64 lower-case hexadecimal digits");
    }
    to = *key;
    return true;
}

bool read_prefix(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return to == "*" || is_name(to, 63, false, "-") ||
           reader.problem(
               fmt::format("expected the beginning of plugin ids or \"*\", found {}", quote(to)));
}

constexpr FieldTable<TrustedKey, 4> k_key_fields = {{
    {"key", true, [](Reader &r, json &v, TrustedKey &k) { return read_key(r, v, k.key); }},
    {"owner", true, [](Reader &r, json &v, TrustedKey &k) { return r.filled(v, k.owner); }},
    {"prefixes", true,
     [](Reader &r, json &v, TrustedKey &k) {
         return r.list(v, k_most_prefixes,
                       [&](json &item) { return read_prefix(r, item, k.prefixes.emplace_back()); });
     }},
    {"expires", false,
     [](Reader &r, json &v, TrustedKey &k) {
         return r.text(v, k.expires) &&
                (end_of_day(k.expires) || r.problem("expected a date such as \"2027-12-31\""));
     }},
}};

constexpr FieldTable<Revocation, 2> k_revoked_fields = {{
    {"key", true, [](Reader &r, json &v, Revocation &k) { return read_key(r, v, k.key); }},
    {"reason", true, [](Reader &r, json &v, Revocation &k) { return r.text(v, k.reason); }},
}};

constexpr FieldTable<TrustStore, 4> k_store_fields = {{
    {"trust", true,
     [](Reader &r, json &v, TrustStore &) {
         int64_t format = 0;
         return r.integer(v, k_format, k_format, format);
     }},
    {"policy", false,
     [](Reader &r, json &v, TrustStore &s) { return r.word(v, k_policies, s.policy.emplace()); }},
    {"keys", true,
     [](Reader &r, json &v, TrustStore &s) {
         return r.objects(v, k_most_keys, k_key_fields, s.keys);
     }},
    {"revoked", false,
     [](Reader &r, json &v, TrustStore &s) {
         return r.objects(v, k_most_keys, k_revoked_fields, s.revoked);
     }},
}};

template <class T> const T *find_in(const std::vector<T> &list, const PublicKey &key) {
    const auto found = std::ranges::find(list, key, &T::key);
    return found == list.end() ? nullptr : &*found;
}

} // namespace

std::string_view policy_name(Policy policy) {
    return k_policies[static_cast<std::size_t>(policy)].first;
}

std::optional<Policy> parse_policy(std::string_view name) {
    for (const auto &[word, policy] : k_policies) {
        if (word == name) {
            return policy;
        }
    }
    return std::nullopt;
}

bool TrustedKey::may_sign(std::string_view plugin) const {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) {
        return prefix == "*" || plugin == prefix ||
               (plugin.starts_with(prefix) &&
                (prefix.ends_with('-') || plugin[prefix.size()] == '-'));
    });
}

std::string key_id(const PublicKey &key) {
    return to_hex(key).substr(0, k_id_digits);
}

const TrustedKey *TrustStore::find(const PublicKey &key) const {
    return find_in(keys, key);
}

const Revocation *TrustStore::revocation(const PublicKey &key) const {
    return find_in(revoked, key);
}

Result<TrustStore> parse_trust_store(std::string_view text, std::string_view name) {
    auto tree = parse_json(text, name, {.bytes = k_trust_store_max});
    if (!tree) {
        return pass(tree);
    }
    TrustStore store;
    Reader reader(name);
    if (!reader.object(*tree, k_store_fields, store)) {
        return std::unexpected(reader.error());
    }
    return store;
}

std::string format_trust_store(const TrustStore &store) {
    nlohmann::ordered_json tree{{"trust", k_format}};
    if (store.policy) {
        tree["policy"] = policy_name(*store.policy);
    }
    tree["keys"] = nlohmann::ordered_json::array();
    for (const auto &key : store.keys) {
        auto &entry = tree["keys"].emplace_back(nlohmann::ordered_json{
            {"owner", key.owner}, {"key", to_hex(key.key)}, {"prefixes", key.prefixes}});
        if (!key.expires.empty()) {
            entry["expires"] = key.expires;
        }
    }
    if (!store.revoked.empty()) {
        tree["revoked"] = nlohmann::ordered_json::array();
        for (const auto &revoked : store.revoked) {
            tree["revoked"].push_back({{"key", to_hex(revoked.key)}, {"reason", revoked.reason}});
        }
    }
    return tree.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<std::int64_t> end_of_day(std::string_view date) {
    const auto number = [&](std::size_t at, std::size_t size) {
        int value = -1;
        const char *end = date.data() + at + size;
        return std::from_chars(date.data() + at, end, value).ptr == end ? value : -1;
    };
    if (date.size() != 10 || date[4] != '-' || date[7] != '-') {
        return std::nullopt;
    }
    const int year = number(0, 4);
    const int month = number(5, 2);
    const int day = number(8, 2);
    const std::chrono::year_month_day when{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (year < 1970 || month < 0 || day < 0 || !when.ok()) {
        return std::nullopt;
    }
    return (std::chrono::sys_days(when) + std::chrono::days(1)).time_since_epoch() /
           std::chrono::seconds(1);
}

} // namespace k2s::core::trust
