// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "guard.hpp"

namespace k2s::zap {

/// The layers of a folder in the order in which they go: those built on others first, else by
/// number, the highest first. A folder that is a layer itself gives its own name.
std::vector<fs::path>
layer_order(const std::vector<std::pair<fs::path, std::vector<fs::path>>> &layers);

/// What the system keeps about layers beside their files (Windows). Made once per run.
class LayerStore {
  public:
    explicit LayerStore(const Options &options);
    ~LayerStore();
    LayerStore(const LayerStore &) = delete;
    LayerStore &operator=(const LayerStore &) = delete;

    /// Rights that removing needs and that a process has to ask for; warnings when it lacks some.
    void acquire_privileges(std::vector<std::string> &warnings);

    /// The layers in the folder, in their order; none where the system does not know of layers.
    [[nodiscard]] std::vector<fs::path> find(const Target &target) const;

    /// Layers beside the folder that are built on it.
    [[nodiscard]] std::vector<std::string> built_on(const Target &target) const;

    /// Lets the system destroy one layer. Its text and HRESULT are in the error; a system without
    /// that function returns false, and the folder is an ordinary one.
    std::expected<bool, Error> destroy(const fs::path &layer);

    /// Whether the system can remove anything at its next start.
    [[nodiscard]] static std::expected<void, Error> knows_next_start();

    /// Has what is left of the folder removed at the next start of the system.
    [[nodiscard]] std::expected<void, Error> at_next_start(const fs::path &folder) const;

  private:
    struct State;
    State *state_;
};

} // namespace k2s::zap
