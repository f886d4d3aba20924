// SPDX-License-Identifier: MIT
#include "util/directories.hpp"

namespace k2s::core {
namespace {

std::vector<fs::path> candidates(const fs::path &folder) {
    return {folder / "k2s.yaml", folder / "k2s.yml", folder / "k2s.json"};
}

} // namespace

std::vector<fs::path> system_config_files(const Surroundings &where) {
    return candidates(where.system_config);
}

std::vector<fs::path> user_config_files(const Surroundings &where) {
    const auto folder = user_config_dir(where);
    return folder ? candidates(*folder) : std::vector<fs::path>{};
}

} // namespace k2s::core
