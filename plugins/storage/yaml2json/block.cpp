// SPDX-License-Identifier: MIT
#include "block.hpp"

namespace k2s::yaml2json {
namespace {

constexpr std::string_view k_breaks = "\r\n";
constexpr std::string_view k_blanks = " \r\n";

/// Whether a header stands at the end of the text, and with a '+'.
bool ends_with_header(std::string_view text, bool &keeps) noexcept {
    text = text.substr(0, text.find_last_not_of(" \t") + 1);
    const size_t indicator = text.find_last_not_of("+-123456789");
    if (indicator == std::string_view::npos || (text[indicator] != '|' && text[indicator] != '>')) {
        return false;
    }
    keeps = text.substr(indicator).contains('+');
    return true;
}

/// What the header in the line before `begin` says.
bool keeps_breaks(std::string_view text, size_t begin) noexcept {
    auto line = text.substr(0, begin);
    line = line.substr(0, line.find_last_not_of(k_breaks) + 1);
    line = line.substr(line.find_last_of(k_breaks) + 1);
    bool keeps = false;
    // A comment may follow, which may look like a header itself.
    for (size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
        if (ends_with_header(line.substr(0, at), keeps)) {
            return keeps;
        }
    }
    return ends_with_header(line, keeps) && keeps;
}

} // namespace

bool is_empty_block(std::string_view text, size_t begin) noexcept {
    return text.find_first_not_of(k_blanks, begin) == std::string_view::npos &&
           !keeps_breaks(text, begin);
}

void drop_added_break(std::string_view raw, std::string &text) {
    const auto last = raw.substr(raw.find_last_of(k_breaks) + 1);
    if (text.ends_with('\n') && last.find_first_not_of(" \t") != std::string_view::npos) {
        text.pop_back();
    }
}

} // namespace k2s::yaml2json
