// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace k2s::cni {

/// SHA-512 (FIPS 180-4) in lower-case hexadecimal. The reference names chains and rules by it;
/// mapping libcrypto for these few hundred bytes would cost more than all the rest of the start.
std::string sha512_hex(std::string_view data);

} // namespace k2s::cni
