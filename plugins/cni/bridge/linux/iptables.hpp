// SPDX-License-Identifier: MIT
#pragma once

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
    IptablesMasquerade(const Runner &run, const Request &request);

    Result<void> add(const std::vector<Prefix> &addresses) const;
    /// Also without knowing the addresses; fine when there is nothing.
    Result<void> remove() const;
    const std::string &chain() const { return chain_; }

  private:
    Result<Ended> iptables(bool v4, std::vector<std::string> arguments) const;

    const Runner &run_;
    std::string chain_, comment_;
};

} // namespace k2s::cni
