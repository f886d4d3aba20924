// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "spec/failure.hpp"
#include "spec/files.hpp"
#include "vfprules/vfprules.hpp"

namespace k2s::cni {

/// The route rules of pods' ports, applied in this process. A port is an HNS endpoint's id or, on
/// Linux, the host's interface towards the pod.
class PortRules {
  public:
    /// Hears of a route whose gateway this machine does not have. That is no failure: a cluster
    /// may be without that network.
    using Skipped = std::function<void(const vfprules::Route &)>;

    /// Ports get rules when `options` names a file with them that is there.
    explicit PortRules(vfprules::Options options = {}, Skipped skipped = {})
        : options_(std::move(options)), skipped_(std::move(skipped)) {}

    bool wanted() const { return is_file(options_.rules_file); }
    Result<void> apply(const std::string &port) const;
    /// Whether the rules of a port that got some are as they have to be.
    Result<void> check(const std::string &port) const;
    /// Of a port that is gone, whether it had rules or not.
    void forget(const std::string &port) const { vfprules::forget(port, options_); }
    /// All ports that got rules, of whichever network.
    std::vector<std::string> remembered() const { return vfprules::remembered(options_); }

  private:
    vfprules::Options options_;
    Skipped skipped_;
};

} // namespace k2s::cni
