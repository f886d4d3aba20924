// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../guard.hpp"
#include "mountinfo.hpp"

namespace k2s::zap {

/// Finds out which overlay mounts a folder is part of. Their layers are compared as folders, not as
/// texts: container engines name them by links (`overlay/l/X`) and, when the list gets long,
/// relative to a folder that nobody notes. What cannot be found out counts as used.
class Overlays {
  public:
    /// Of what we see ourselves.
    explicit Overlays(const Target &target);

    /// And what `process` sees; once for each other mount namespace.
    void add(const std::string &process);

    /// A text for each overlay that the folder is, or may be, a part of. Those that are only
    /// mounted within the folder do not count: they go with it.
    [[nodiscard]] std::vector<std::string> users() const;

  private:
    struct View; ///< the mounts of a namespace, and a process that sees them
    struct Point {
        std::shared_ptr<const View> view;
        std::string path;
    };
    struct Overlay {
        std::vector<std::string> layers;
        std::vector<std::string> own;
        std::vector<Point> points;
    };
    enum class Found : uint8_t { nowhere, elsewhere, within };

    void note(const std::shared_ptr<const View> &view);
    [[nodiscard]] bool holds(int layer, const std::vector<Mount> &mounts) const;
    [[nodiscard]] Found look(const View &view, const std::string &path) const;
    [[nodiscard]] Found look_everywhere(const Overlay &overlay, const std::string &path) const;
    [[nodiscard]] Found look_from(const View &view, const std::string &base,
                                  const std::vector<std::string> &layers) const;
    [[nodiscard]] Found look_relative(const Overlay &overlay) const;
    [[nodiscard]] bool may_hold(const std::string &lost) const;
    [[nodiscard]] std::string use_of(const Overlay &overlay) const;

    std::string folder_;
    uint64_t device_ = 0; ///< with inode_ the folder's identity
    uint64_t inode_ = 0;
    std::string mounted_;        ///< the file system that it lies in, as mountinfo names it, and
    std::string in_file_system_; ///< its path there; empty: unknown
    std::shared_ptr<const View> self_;
    std::map<std::string, Overlay> overlays_; ///< by their device
};

} // namespace k2s::zap
