// SPDX-License-Identifier: MIT
#include "loader/library.hpp"

#include <memory>

#include "loader/load_mode.hpp"

namespace k2s::core {
namespace {

constexpr int k_newest_known_major = 9;

} // namespace

Result<Library> load_library(const boost::filesystem::path &path, const std::string &name) {
    auto library = std::make_unique<boost::dll::shared_library>();
    try {
        library->load(path, k_load_mode);
    } catch (const std::exception &failed) { // only the exception carries the loader's own words
        return fail(K2S_E_CONFIG, "{}: cannot be loaded: {}", name, failed.what());
    }
    // Mapped for good, also when the entry is missing: its static constructors have run.
    const auto &mapped = *library.release();
    if (mapped.has(K2S_PLUGIN_ENTRY)) {
        using Entry = std::remove_pointer_t<k2s_plugin_entry_v1_fn>;
        return Library{&mapped.get<Entry>(K2S_PLUGIN_ENTRY)};
    }
    for (int major = 2; major <= k_newest_known_major; ++major) {
        if (mapped.has(fmt::format("k2s_plugin_entry_v{}", major))) {
            return fail(K2S_E_UNSUPPORTED,
                        "{}: was built for version {}.x of the plugin ABI, this host has {}.{}: "
                        "install a build of the plugin for this host, or a newer host",
                        name, major, K2S_ABI_MAJOR, K2S_ABI_MINOR);
        }
    }
    return fail(K2S_E_CONFIG, "{}: is no K2s plugin: it does not export {}", name,
                K2S_PLUGIN_ENTRY);
}

} // namespace k2s::core
