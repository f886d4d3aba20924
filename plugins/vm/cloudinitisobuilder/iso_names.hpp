// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace k2s::cloudinitisobuilder {

/// One file's names in the image's two directory trees. (The third, of Rock Ridge, is the UTF-8
/// name itself.)
struct IsoName {
    std::string primary;   ///< ECMA-119 level 2 with version: `USER_DATA.;1`
    std::u16string joliet; ///< at most 64 UTF-16 units
};

/// Names for all files, in the order given. Within each tree they are unique, whatever was cut or
/// replaced; the same names in the same order always give the same result. `names` are valid UTF-8.
std::vector<IsoName> make_names(const std::vector<std::string> &names);

/// The order of directory records (ECMA-119 9.3): name, then extension, padded with blanks.
bool primary_less(std::string_view left, std::string_view right);
bool joliet_less(std::u16string_view left, std::u16string_view right);

/// Empty when `text` is not valid UTF-8.
std::optional<std::u16string> utf16(std::string_view text);

/// The most UTF-16 units that Joliet gives to a name.
inline constexpr size_t k_joliet_limit = 64;

} // namespace k2s::cloudinitisobuilder
