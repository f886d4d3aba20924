// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "spec/failure.hpp"

namespace k2s::cni {

/// Those of the reference; flannel's configuration of K2s still says 0.2.0.
constexpr std::array<std::string_view, 7> k_versions{"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                     "0.4.0", "1.0.0", "1.1.0"};

/// "cniVersion" of a configuration; an absent one is 0.1.0. Fails with code 1.
Result<std::string> supported_version(std::string_view said);

/// Both have to be of k_versions.
bool older(std::string_view version, std::string_view than);

} // namespace k2s::cni
