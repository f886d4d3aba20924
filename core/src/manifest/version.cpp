// SPDX-License-Identifier: MIT
#include "manifest/version.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace k2s::core {
namespace {

constexpr std::size_t k_max_text = 256;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_identifier_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// Takes the part up to the next dot off `rest`.
std::string_view next_part(std::string_view &rest) {
    const auto dot = rest.find('.');
    const auto part = rest.substr(0, dot);
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    return part;
}

std::optional<uint64_t> read_number(std::string_view text) {
    if (!is_number(text) || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) {
        return std::nullopt;
    }
    return value;
}

/// Dot-separated identifiers; numeric ones of a pre-release have no leading zero.
bool identifiers_are_valid(std::string_view text, bool pre) {
    for (std::size_t begin = 0;;) {
        const auto dot = text.find('.', begin);
        const auto part = text.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
        if (part.empty() || !std::all_of(part.begin(), part.end(), is_identifier_char)) {
            return false;
        }
        if (pre && part.size() > 1 && part.front() == '0' && is_number(part)) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        begin = dot + 1;
    }
}

std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
    // No leading zeros, so the longer one is the larger; this has no overflow.
    if (a.size() != b.size()) {
        return a.size() <=> b.size();
    }
    return a <=> b;
}

std::weak_ordering compare_pre(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) {
        return a.empty() <=> b.empty(); // a release is higher than its pre-releases
    }
    while (!a.empty() && !b.empty()) {
        const auto x = next_part(a);
        const auto y = next_part(b);
        const bool x_number = is_number(x);
        const bool y_number = is_number(y);
        std::weak_ordering order = std::weak_ordering::equivalent;
        if (x_number && y_number) {
            order = compare_numbers(x, y);
        } else if (x_number != y_number) {
            order = x_number ? std::weak_ordering::less : std::weak_ordering::greater;
        } else {
            order = x <=> y;
        }
        if (order != 0) {
            return order;
        }
    }
    return !a.empty() <=> !b.empty();
}

std::unexpected<Error> bad_version(std::string_view text) {
    return fail(
        K2S_E_CONFIG,
        "\"{}\" is not a semantic version; write MAJOR.MINOR.PATCH as in 1.2.3 or 1.2.3-rc.1",
        text.substr(0, 80));
}

/// The first version that is no longer compatible with `version`. A pre-release, so that those of
/// the next incompatible version are out as well. Nothing when the number cannot grow.
std::optional<Version> caret_bound(const Version &version) {
    Version bound;
    if (version.major > 0) {
        bound.major = version.major + 1;
    } else if (version.minor > 0) {
        bound.minor = version.minor + 1;
    } else {
        bound.patch = version.patch + 1;
    }
    if (bound.major == 0 && bound.minor == 0 && bound.patch == 0) {
        return std::nullopt;
    }
    bound.pre = "0";
    return bound;
}

} // namespace

std::weak_ordering Version::operator<=>(const Version &other) const {
    if (const auto order = major <=> other.major; order != 0) {
        return order;
    }
    if (const auto order = minor <=> other.minor; order != 0) {
        return order;
    }
    if (const auto order = patch <=> other.patch; order != 0) {
        return order;
    }
    return compare_pre(pre, other.pre);
}

std::string Version::text() const {
    auto result = fmt::format("{}.{}.{}", major, minor, patch);
    if (!pre.empty()) {
        result += '-';
        result += pre;
    }
    if (!build.empty()) {
        result += '+';
        result += build;
    }
    return result;
}

Result<Version> parse_version(std::string_view text) {
    if (text.size() > k_max_text) {
        return bad_version(text);
    }
    Version version;
    auto rest = text;
    if (const auto plus = rest.find('+'); plus != std::string_view::npos) {
        version.build = rest.substr(plus + 1);
        rest = rest.substr(0, plus);
        if (!identifiers_are_valid(version.build, false)) {
            return bad_version(text);
        }
    }
    if (const auto dash = rest.find('-'); dash != std::string_view::npos) {
        version.pre = rest.substr(dash + 1);
        rest = rest.substr(0, dash);
        if (!identifiers_are_valid(version.pre, true)) {
            return bad_version(text);
        }
    }
    if (std::count(rest.begin(), rest.end(), '.') != 2) {
        return bad_version(text);
    }
    for (uint64_t *field : {&version.major, &version.minor, &version.patch}) {
        const auto number = read_number(next_part(rest));
        if (!number) {
            return bad_version(text);
        }
        *field = *number;
    }
    return version;
}

bool VersionRange::contains(const Version &version) const {
    bool pre_admitted = version.pre.empty();
    for (const auto &[relation, bound] : comparators_) {
        const auto order = version <=> bound;
        bool holds = false;
        switch (relation) {
        case Relation::less:
            holds = order < 0;
            break;
        case Relation::less_equal:
            holds = order <= 0;
            break;
        case Relation::equal:
            holds = order == 0;
            break;
        case Relation::greater_equal:
            holds = order >= 0;
            break;
        case Relation::greater:
            holds = order > 0;
            break;
        }
        if (!holds) {
            return false;
        }
        pre_admitted =
            pre_admitted || (!bound.pre.empty() && bound.major == version.major &&
                             bound.minor == version.minor && bound.patch == version.patch);
    }
    return pre_admitted;
}

Result<VersionRange> parse_version_range(std::string_view text) {
    using Relation = VersionRange::Relation;
    struct Prefix {
        std::string_view sign;
        Relation relation;
    };
    // The longer signs first.
    static constexpr Prefix k_prefixes[] = {
        {"<=", Relation::less_equal}, {">=", Relation::greater_equal}, {"<", Relation::less},
        {">", Relation::greater},     {"=", Relation::equal},
    };

    if (text.size() > k_max_text) {
        return fail(K2S_E_CONFIG, "a version range may have {} characters at most", k_max_text);
    }
    std::vector<VersionRange::Comparator> comparators;
    bool any = false;
    for (auto rest = text; !rest.empty();) {
        if (rest.front() == ' ') {
            rest.remove_prefix(1);
            continue;
        }
        auto word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(word.size());
        any = true;
        if (word == "*") {
            continue;
        }
        const bool caret = word.front() == '^';
        auto relation = Relation::equal;
        if (caret) {
            word.remove_prefix(1);
        } else {
            for (const auto &prefix : k_prefixes) {
                if (word.starts_with(prefix.sign)) {
                    relation = prefix.relation;
                    word.remove_prefix(prefix.sign.size());
                    break;
                }
            }
        }
        auto version = parse_version(word);
        if (!version) {
            return fail(K2S_E_CONFIG,
                        "\"{}\" is not a version range; write comparators separated by spaces, as "
                        "in \">=1.0.0 <2.0.0\", \"^1.2.0\" or \"1.2.3\"",
                        text.substr(0, 80));
        }
        if (caret) {
            const auto bound = caret_bound(*version);
            comparators.push_back({Relation::greater_equal, std::move(*version)});
            if (bound) {
                comparators.push_back({Relation::less, *bound});
            }
        } else {
            comparators.push_back({relation, std::move(*version)});
        }
    }
    if (!any) {
        return fail(K2S_E_CONFIG, "a version range is empty; write \"*\" for any version");
    }
    return VersionRange(std::move(comparators));
}

} // namespace k2s::core
