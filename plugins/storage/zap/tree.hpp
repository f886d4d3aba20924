// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "dir.hpp"

namespace k2s::zap {

struct TreeOptions {
    uint32_t threads = 1;
    std::function<bool()> cancelled;
    std::function<void(uint64_t items)> progress;
};

struct TreeReport {
    uint64_t files = 0;
    uint64_t directories = 0;
    uint64_t bytes = 0;    ///< measure() only
    bool at_least = false; ///< measure(): some folders are nested too deeply to be counted
    bool cancelled = false;
    uint64_t failures = 0;
    std::vector<std::string> reasons; ///< of the first few failures, with their paths
};

/// Removes the directory `name` in `parent` with all that is in it. Memory and open files do not
/// depend on the size of the tree.
TreeReport remove_tree(const Dir &parent, const Name &name, const TreeOptions &options);

/// Counts the same. Reads only.
TreeReport measure_tree(const Dir &parent, const Name &name, const TreeOptions &options);

} // namespace k2s::zap
