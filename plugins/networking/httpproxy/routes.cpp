// SPDX-License-Identifier: MIT
#include "routes.hpp"

#include "common/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

std::expected<Routes::Rule, Error> Routes::parse_rule(const Config::RouteRule &given) {
    const auto wrong = [](std::string message) {
        return std::unexpected(Error{K2S_E_CONFIG, std::move(message)});
    };
    Rule rule;
    if (given.match.empty() || given.match.size() > k_max_items) {
        return wrong("match needs from 1 to " + std::to_string(k_max_items) + " items");
    }
    for (const std::string &item : given.match) {
        if (!rule.match.add(trim(item), true)) {
            return wrong("match: \"" + item.substr(0, 100) +
                         "\" can never match; write a host, .suffix, *.suffix, address, "
                         "address/prefix, :port or <local>, each host also with a port");
        }
    }
    const bool has_credentials = !given.credentials.empty() || !given.credentials_file.empty();
    if (iequals(given.via, "direct") || iequals(given.via, "block")) {
        rule.kind = iequals(given.via, "block") ? Route::Kind::block : Route::Kind::direct;
        if (has_credentials || !given.ca_file.empty()) {
            return wrong("credentials and roots belong to an upstream, not to \"" + given.via +
                         "\"");
        }
        return rule;
    }
    if (given.via.find("://") == std::string::npos) {
        return wrong("via must be direct, block or the URL of a proxy (http://, https://, "
                     "socks5://)");
    }
    if (given.via.find('@') != std::string::npos) {
        return wrong("via may not hold credentials; use credentials_file or credentials_env");
    }
    rule.kind = Route::Kind::upstream;
    auto upstream =
        make_upstream({given.via, given.credentials, given.credentials_file, given.ca_file});
    if (!upstream) {
        return std::unexpected(std::move(upstream.error()));
    }
    rule.upstream = std::move(*upstream);
    return rule;
}

std::expected<Routes, Error> Routes::parse(const std::vector<Config::RouteRule> &rules) {
    Routes routes;
    if (rules.size() > k_max_rules) {
        return std::unexpected(Error{
            K2S_E_CONFIG, "routes: there are " + std::to_string(rules.size()) + " rules; at most " +
                              std::to_string(k_max_rules) + " are read"});
    }
    for (const Config::RouteRule &given : rules) {
        auto rule = parse_rule(given);
        if (!rule) {
            rule.error().message = "rule " + std::to_string(routes.rules_.size() + 1) +
                                   " of routes: " + rule.error().message;
            return std::unexpected(std::move(rule.error()));
        }
        routes.rules_.push_back(std::move(*rule));
    }
    return routes;
}

std::optional<Route> Routes::find(const Subject &subject) const {
    for (size_t i = 0; i < rules_.size(); ++i) {
        if (const std::string *item = rules_[i].match.match(subject)) {
            const auto &upstream = rules_[i].upstream;
            return Route{rules_[i].kind, upstream ? &*upstream : nullptr, i + 1, *item};
        }
    }
    return std::nullopt;
}

Route Routes::find_block(const Address &address, uint16_t port, size_t decided_by) const {
    const size_t end = decided_by == 0 ? rules_.size() : decided_by - 1;
    for (size_t i = 0; i < end; ++i) {
        const std::string *item = rules_[i].match.match_address(address, port);
        if (item == nullptr) {
            continue;
        }
        // An earlier rule that lets the address through wins, as it would for the literal address.
        return {rules_[i].kind == Route::Kind::block ? Route::Kind::block : Route::Kind::direct,
                nullptr, i + 1, *item};
    }
    return {};
}

} // namespace k2s::httpproxy
