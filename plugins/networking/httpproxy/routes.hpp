// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "common/host_matcher.hpp"
#include "config.hpp"
#include "upstream.hpp"

namespace k2s::httpproxy {

/// Which way a request takes, and why.
struct Route {
    enum class Kind : uint8_t { direct, upstream, block };
    Kind kind = Kind::direct;
    const Upstream *upstream = nullptr; // set for Kind::upstream
    size_t rule = 0;                    // 1, 2, …: the rule that decided; 0: none did
    std::string_view item;              // what of that rule, or of the bypass list, matched
};

/// The operator's rules by destination: the first that matches decides.
class Routes {
  public:
    static constexpr size_t k_max_rules = 1000;
    static constexpr size_t k_max_items = 1000; // of one rule

    /// Errors name the rule. Reads the files that the rules name.
    static std::expected<Routes, Error> parse(const std::vector<Config::RouteRule> &rules);

    /// Nothing when no rule matches.
    std::optional<Route> find(const Subject &subject) const;

    /// For a target that goes out directly although it was given by name: the block rule that
    /// matches one of its addresses and stands before the rule that decided (0: none did). So a
    /// name that resolves into a blocked network does not get around the rule.
    Route find_block(const Address &address, uint16_t port, size_t decided_by) const;

    bool empty() const noexcept { return rules_.empty(); }

  private:
    struct Rule {
        HostMatcher match;
        Route::Kind kind = Route::Kind::direct;
        std::optional<Upstream> upstream;
    };

    static std::expected<Rule, Error> parse_rule(const Config::RouteRule &given);

    std::vector<Rule> rules_;
};

} // namespace k2s::httpproxy
