// SPDX-License-Identifier: MIT
#include "iso_names.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace k2s::cloudinitisobuilder {
namespace {

constexpr size_t k_primary_limit =
    30; // name and extension together, without the dot (ECMA-119 7.5)
constexpr size_t k_extension_limit = 8;

std::string d_characters(std::string_view text) {
    std::string out;
    for (const unsigned char c : text) {
        if (c >= 'a' && c <= 'z') {
            out += static_cast<char>(c - 'a' + 'A');
        } else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            out += static_cast<char>(c);
        } else if (c < 0x80 || c >= 0xc0) { // one '_' for a multi-byte character, not one per byte
            out += '_';
        }
    }
    return out;
}

std::string primary_name(std::string_view name, std::set<std::string> &used) {
    const size_t dot = name.rfind('.');
    const bool split = dot != std::string_view::npos && dot != 0;
    const std::string extension =
        split ? d_characters(name.substr(dot + 1)).substr(0, k_extension_limit) : std::string();
    const std::string stem = d_characters(name.substr(0, split ? dot : name.size()));
    for (unsigned copy = 0;; ++copy) {
        const std::string mark = copy == 0 ? std::string() : "_" + std::to_string(copy);
        const size_t room = k_primary_limit - extension.size() - mark.size();
        std::string made = stem.substr(0, room) + mark + "." + extension + ";1";
        if (used.insert(made).second) {
            return made;
        }
    }
}

std::u16string joliet_name(std::string_view name, std::set<std::u16string> &used) {
    std::u16string wide = utf16(name).value_or(std::u16string());
    for (char16_t &unit : wide) {
        // What the Joliet specification forbids in a name.
        if (unit < 0x20 ||
            std::u16string_view(u"*/:;?\\").find(unit) != std::u16string_view::npos) {
            unit = u'_';
        }
    }
    const size_t dot = wide.rfind(u'.');
    const bool split = dot != std::u16string::npos && dot != 0 && wide.size() - dot <= 9;
    const std::u16string extension = split ? wide.substr(dot) : std::u16string();
    const std::u16string stem = wide.substr(0, split ? dot : wide.size());
    for (unsigned copy = 0;; ++copy) {
        const std::string digits = copy == 0 ? std::string() : "_" + std::to_string(copy);
        const std::u16string mark(digits.begin(), digits.end());
        std::u16string cut = stem.substr(0, k_joliet_limit - extension.size() - mark.size());
        if (cut.size() < stem.size() && !cut.empty() && cut.back() >= 0xd800 &&
            cut.back() < 0xdc00) {
            cut.pop_back(); // never half of a surrogate pair
        }
        std::u16string made = cut + mark + extension;
        if (used.insert(made).second) {
            return made;
        }
    }
}

template <class View> bool less(View left, View right) {
    using Char = typename View::value_type;
    const auto parts = [](View text) {
        const size_t end = std::min(text.size(), text.rfind(Char(';')));
        const size_t dot = text.substr(0, end).rfind(Char('.'));
        return dot == View::npos
                   ? std::pair(text.substr(0, end), View())
                   : std::pair(text.substr(0, dot), text.substr(dot + 1, end - dot - 1));
    };
    const auto compare = [](View a, View b) {
        for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
            const uint32_t x = i < a.size() ? static_cast<uint32_t>(a[i]) : 0x20;
            const uint32_t y = i < b.size() ? static_cast<uint32_t>(b[i]) : 0x20;
            if (x != y) {
                return x < y ? -1 : 1;
            }
        }
        return 0;
    };
    const auto [left_name, left_extension] = parts(left);
    const auto [right_name, right_extension] = parts(right);
    const int by_name = compare(left_name, right_name);
    return by_name != 0 ? by_name < 0 : compare(left_extension, right_extension) < 0;
}

} // namespace

std::optional<std::u16string> utf16(std::string_view text) {
    std::u16string out;
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const size_t length = lead < 0x80   ? 1
                              : lead < 0xc2 ? 0
                              : lead < 0xe0 ? 2
                              : lead < 0xf0 ? 3
                              : lead < 0xf5 ? 4
                                            : 0;
        if (length == 0 || length > text.size() - i) {
            return std::nullopt;
        }
        uint32_t point = length == 1 ? lead : lead & (0x7fU >> length);
        for (size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80) {
                return std::nullopt;
            }
            point = point << 6 | (next & 0x3fU);
        }
        constexpr uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return std::nullopt;
        }
        if (point < 0x10000) {
            out += static_cast<char16_t>(point);
        } else {
            out += static_cast<char16_t>(0xd7c0 + (point >> 10));
            out += static_cast<char16_t>(0xdc00 + (point & 0x3ff));
        }
        i += length;
    }
    return out;
}

std::vector<IsoName> make_names(const std::vector<std::string> &names) {
    std::set<std::string> primary;
    std::set<std::u16string> joliet;
    std::vector<IsoName> made;
    made.reserve(names.size());
    for (const std::string &name : names) {
        made.push_back({primary_name(name, primary), joliet_name(name, joliet)});
    }
    return made;
}

bool primary_less(std::string_view left, std::string_view right) {
    return less(left, right);
}

bool joliet_less(std::u16string_view left, std::u16string_view right) {
    return less(left, right);
}

} // namespace k2s::cloudinitisobuilder
