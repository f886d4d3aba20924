// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bridge/program.hpp"
#include "spec/address.hpp"
#include "spec/request.hpp"

namespace k2s::cni {

/// ipMasq with "ipMasqBackend": "iptables", for machines whose other rules are there. The chains
/// and comments are the reference's. Runs iptables: its own tables are no interface of the
/// kernel's.
class IptablesMasquerade {
  public:
    /// For GC there is no container.
    IptablesMasquerade(const Runner &run, const std::string &network,
                       const std::string &container_id);

    Result<void> add(const std::vector<Prefix> &addresses) const;
    /// Those of one interface, as far as its addresses are known; the container's others share the
    /// chain, which goes with the last of them. With its `last` interface all that it has.
    Result<void> remove(const std::vector<Prefix> &addresses, bool last) const;
    /// Of this network's, all but those of the containers of `valid`. Which interface a rule is for
    /// it does not say.
    Result<void> remove_others(const std::vector<ValidAttachment> &valid) const;
    /// Fails when a rule that `add` makes is missing.
    Result<void> check(const std::vector<Prefix> &addresses) const;
    const std::string &chain() const { return chain_; }

  private:
    using Rule = std::vector<std::string>; // the words of a line of `iptables -S`
    Result<Ended> iptables(bool v4, std::vector<std::string> arguments) const;
    Result<std::vector<Rule>> list(bool v4) const;
    bool jumps(const Rule &rule) const;
    Result<void> remove_from(bool v4, const std::vector<Rule> &rules,
                             const std::function<bool(const Rule &)> &is_ours) const;

    const Runner &run_;
    std::string network_, chain_, comment_;
};

} // namespace k2s::cni
