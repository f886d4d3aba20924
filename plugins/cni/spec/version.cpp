// SPDX-License-Identifier: MIT
#include "spec/version.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace k2s::cni {

Result<std::string> supported_version(std::string_view said) {
    if (said.empty()) {
        said = k_versions.front();
    }
    if (std::ranges::find(k_versions, said) == k_versions.end()) {
        return std::unexpected(
            Failure{k_incompatible_version, "incompatible CNI versions",
                    fmt::format("config is \"{}\", plugin supports {}", said, k_versions)});
    }
    return std::string(said);
}

bool older(std::string_view version, std::string_view than) {
    return std::ranges::find(k_versions, version) < std::ranges::find(k_versions, than);
}

} // namespace k2s::cni
