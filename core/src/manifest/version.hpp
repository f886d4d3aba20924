// SPDX-License-Identifier: MIT
/// \file
/// Semantic versions (semver.org 2.0.0) and the ranges that manifests ask for.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace k2s::core {

struct Version {
    uint64_t major = 0;
    uint64_t minor = 0;
    uint64_t patch = 0;
    std::string pre;   ///< "alpha.1"; empty for a release
    std::string build; ///< "5114f85"; has no part in the order

    /// Precedence of semver.org section 11; build metadata is ignored.
    std::weak_ordering operator<=>(const Version &other) const;
    bool operator==(const Version &other) const { return (*this <=> other) == 0; }

    std::string text() const;
};

/// A full version, "1.2.3", "1.2.3-rc.1+abc". No leading "v", no missing parts.
Result<Version> parse_version(std::string_view text);

/// All comparators must hold, e.g. ">=1.0.0 <2.0.0". A pre-release is contained only when one of
/// the comparators names a pre-release of the same major.minor.patch, so that ">=1.0.0 <2.0.0"
/// does not admit 2.0.0-alpha.
class VersionRange {
  public:
    enum class Relation : uint8_t { less, less_equal, equal, greater_equal, greater };
    struct Comparator {
        Relation relation;
        Version version;
    };

    explicit VersionRange(std::vector<Comparator> comparators)
        : comparators_(std::move(comparators)) {}

    bool contains(const Version &version) const;

  private:
    std::vector<Comparator> comparators_;
};

/// Space-separated comparators: `1.2.3` and `=1.2.3` exact, `<` `<=` `>` `>=`, and the caret,
/// `^1.2.3`: compatible, i.e. the same first number that is not zero. `*` is any release.
Result<VersionRange> parse_version_range(std::string_view text);

} // namespace k2s::core
