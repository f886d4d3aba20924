// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <windows.h>

namespace k2s::cni::hcn {

/// With or without braces, in either case.
std::optional<GUID> parse_guid(std::string_view text);
/// As HNS and K2s have them in texts: lower case, no braces.
std::string text_of(const GUID &guid);
GUID new_guid();

} // namespace k2s::cni::hcn
