// SPDX-License-Identifier: MIT
#include "../layers.hpp"

namespace k2s::zap {

// On Linux a layer is its folder, and what is mounted of it is found by users_of().
struct LayerStore::State {};

LayerStore::LayerStore(const Options &) : state_{nullptr} {}
LayerStore::~LayerStore() = default;

void LayerStore::acquire_privileges(std::vector<std::string> &) {}

std::vector<fs::path> LayerStore::find(const Target &) const {
    return {};
}

std::vector<std::string> LayerStore::built_on(const Target &) const {
    return {};
}

std::expected<bool, Error> LayerStore::destroy(const fs::path &) {
    return false;
}

std::expected<void, Error> LayerStore::knows_next_start() {
    return std::unexpected(Error{K2S_E_UNSUPPORTED,
                                 "-on-reboot is for Windows: Linux removes files "
                                 "that are in use; leave it out"});
}

std::expected<void, Error> LayerStore::at_next_start(const fs::path &) const {
    return knows_next_start();
}

} // namespace k2s::zap
