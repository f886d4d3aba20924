// SPDX-License-Identifier: MIT
/// \file
/// Which plugins can be used, in which order, and why not: decided from manifests alone, before any
/// code is loaded. One bad plugin never takes another down, unless that one needs it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "manifest/manifest.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// A plugin as found on disk.
struct Candidate {
    Manifest manifest;
    std::string file;    ///< its plugin.json, for messages
    bool enabled = true; ///< by configuration
};

/// What became of one candidate.
struct Verdict {
    std::optional<Error> refused;   ///< why it cannot be used; none: it can
    std::vector<std::size_t> needs; ///< candidates whose contracts it uses, required or optional
};

struct Resolution {
    std::vector<Verdict> verdicts;  ///< one per candidate, same order
    std::vector<std::size_t> order; ///< usable candidates, providers before their users
};

/// Candidates are given in order of precedence: of two that claim the same id, contract, feature or
/// command the first keeps it and the second is refused, naming both. `reserved` are the first
/// words of the host's own commands. `trusted`, asked only when two claim the same, puts those
/// first of which it says so: nobody takes a name from a plugin that is signed.
Resolution resolve(std::span<const Candidate> candidates, std::span<const std::string> reserved,
                   const std::function<bool(std::size_t)> &trusted = {});

/// The reasons as text lines, for `k2s plugin explain`.
std::vector<std::string> explain(std::span<const Candidate> candidates,
                                 const Resolution &resolution, std::size_t index);

} // namespace k2s::core
