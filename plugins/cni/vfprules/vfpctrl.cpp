// SPDX-License-Identifier: MIT
#include "vfprules/vfpctrl.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace k2s::vfprules {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view k_blanks = " \t\r";
    const auto first = text.find_first_not_of(k_blanks);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(k_blanks) - first + 1);
}

template <class Call> void each_line(std::string_view text, Call &&call) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        call(trimmed(text.substr(0, end)));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

/// The value of a line "Key : value".
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !iequals(trimmed(line.substr(0, colon)), key)) {
        return std::nullopt;
    }
    return trimmed(line.substr(colon + 1));
}

/// Pieces that consist of the given characters.
std::vector<std::string> pieces(std::string_view text, std::string_view characters) {
    std::vector<std::string> found;
    while (true) {
        const auto first = text.find_first_of(characters);
        if (first == std::string_view::npos) {
            return found;
        }
        text.remove_prefix(first);
        const auto end = std::min(text.find_first_not_of(characters), text.size());
        found.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

bool is_mac(const std::string &text) {
    constexpr std::size_t k_size = 17;
    if (text.size() != k_size) {
        return false;
    }
    for (std::size_t i = 0; i < k_size; ++i) {
        if ((text[i] == '-') != (i % 3 == 2)) {
            return false;
        }
    }
    return true;
}

} // namespace

std::vector<Listed> read_rules(std::string_view output) {
    std::vector<Listed> rules;
    bool inside = false;
    each_line(output, [&](std::string_view line) {
        if (const auto id = value_of(line, "RULE")) {
            rules.push_back({std::string(*id), {}});
            inside = true;
        } else if (line.empty()) {
            inside = false;
        } else if (inside) {
            rules.back().text += std::string(line) + "\n";
        }
    });
    return rules;
}

std::optional<std::string> read_port_name(std::string_view output, std::string_view id) {
    std::optional<std::string> name;
    std::string last;
    each_line(output, [&](std::string_view line) {
        if (const auto value = value_of(line, "Port name")) {
            last = *value;
        } else if (const auto friendly = value_of(line, "Port Friendly name");
                   friendly && iequals(*friendly, id) && !last.empty()) {
            name = last;
        }
    });
    return name;
}

bool agrees(const Listed &listed, const Rule &rule) {
    bool priority = true;
    each_line(listed.text, [&](std::string_view line) {
        if (const auto value = value_of(line, "Priority")) {
            priority = *value == std::to_string(rule.route.priority);
        }
    });
    bool any_address = false, address = false, any_mac = false, mac = false;
    const std::string wanted = text_of(rule.gateway.mac);
    for (const auto &piece : pieces(listed.text, "0123456789abcdefABCDEF-")) {
        if (is_mac(piece) && piece != "00-00-00-00-00-00") { // zeros: the source's, which stays
            any_mac = true;
            mac = mac || iequals(piece, wanted);
        }
    }
    for (const auto &piece : pieces(listed.text, "0123456789abcdefABCDEF:.")) {
        if (const auto found = Address::parse(piece)) {
            any_address = true;
            address = address || *found == rule.route.destination.address;
        }
    }
    return priority && (address || !any_address) && (mac || !any_mac);
}

std::string rule_text(const Rule &rule) {
    return fmt::format("{0} {0} * * * {1} * 128 * {2} transpose *,0/*,0 modify 00-00-00-00-00-00 "
                       "{3}",
                       rule.route.name, rule.route.destination.text(), rule.route.priority,
                       text_of(rule.gateway.mac));
}

} // namespace k2s::vfprules
