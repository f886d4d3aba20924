// SPDX-License-Identifier: MIT
#include "loader/module.hpp"

#include <memory>

#include "loader/load_mode.hpp"
#include "util/path.hpp"

namespace k2s::core {

Result<void *> load_module(const boost::filesystem::path &path, const std::string &entry) {
    auto library = std::make_unique<boost::dll::shared_library>();
    try {
        library->load(path, k_load_mode);
        return reinterpret_cast<void *>(&library.release()->get<void()>(entry));
    } catch (const std::exception &failed) {
        return fail(K2S_E_CONFIG, "a part of this installation is missing or broken: '{}': {}; "
                                  "install the tree again",
                    path_text(path), failed.what());
    }
}

} // namespace k2s::core
