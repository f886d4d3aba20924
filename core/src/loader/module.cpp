// SPDX-License-Identifier: MIT
#include "loader/module.hpp"

#include <mutex>
#include <vector>

#include "loader/load_mode.hpp"
#include "util/path.hpp"

namespace k2s::core {

Result<void *> load_module(const boost::filesystem::path &path, const std::string &entry) {
    // Never unloaded, also not at the end of the process.
    static std::mutex changing;
    static auto &loaded = *new std::vector<boost::dll::shared_library>;
    try {
        boost::dll::shared_library library(path, k_load_mode);
        const auto found = reinterpret_cast<void *>(&library.get<void()>(entry));
        const std::lock_guard lock(changing);
        loaded.push_back(std::move(library));
        return found;
    } catch (const std::exception &failed) {
        return fail(K2S_E_CONFIG,
                    "a part of this installation is missing or broken: '{}': {}; "
                    "install the tree again",
                    path_text(path), failed.what());
    }
}

} // namespace k2s::core
