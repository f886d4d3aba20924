// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

/// Removes container layers and other large trees. README.md has the rules; everything is behind
/// zap().
namespace k2s::zap {

struct Options {
    std::string folder;              ///< UTF-8 (bytes on Linux), as the user wrote it
    std::vector<std::string> roots;  ///< the folder must lie in one of them; none: in a layer store
    bool force = false;              ///< also outside of the roots, mount points and what is in use
    bool dry_run = false;            ///< counts only
    bool on_reboot = false;          ///< Windows: what cannot be removed goes with the next start
    uint32_t threads = 0;            ///< 0: one for each processor, at most k_max_threads
    uint64_t wait_ms = 3'000;        ///< for a folder in use to become free
    uint64_t layer_ms = 300'000;     ///< for the system to destroy one layer
    std::string library_folder;      ///< where vmcompute.dll is looked for; empty: the system's
    std::function<bool()> cancelled; ///< asked often, by any thread
    std::function<void(uint64_t items)> progress; ///< told often, by any thread
};

constexpr uint32_t k_max_threads = 8;

struct Report {
    std::string folder; ///< as it was resolved
    uint64_t files = 0; ///< all that is not a directory, links included
    uint64_t directories = 0;
    uint64_t bytes = 0; ///< on disk; a file with several links counts for its share. Dry run only.
    bool at_least = false;              ///< the dry run met folders too deep to count
    std::vector<std::string> unmounted; ///< or, in a dry run, what would be
    std::vector<std::string> in_use;    ///< dry run or forced: who uses the folder
    std::vector<std::string> layers;    ///< destroyed by the system, in this order
    std::vector<std::string> warnings;
    bool removed = false;
};

/// Errors: K2S_E_USAGE (no folder), K2S_E_NOT_FOUND, K2S_E_PERMISSION (protected, outside of the
/// roots, refused by the system), K2S_E_BUSY (in use: nothing was changed), K2S_E_TIMEOUT,
/// K2S_E_PARTIAL (the message names what is left), K2S_E_CANCELLED.
std::expected<Report, Error> zap(const Options &options);

} // namespace k2s::zap
