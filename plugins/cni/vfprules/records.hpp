// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vfprules/vfprules.hpp"

namespace k2s::vfprules {

/// Which ports got rules, and their names: one small file per port, so that calls for different
/// ports do not disturb each other. It is what tells after a restart of the Host Network Service
/// which rules are lost.
class Records {
  public:
    explicit Records(const Options &options);

    std::vector<std::string> ports() const;
    /// nullopt: the port is not remembered.
    std::optional<std::vector<std::string>> names(const std::string &port) const;
    Expected<void> write(const std::string &port, const std::vector<std::string> &names) const;
    void forget(const std::string &port) const;

  private:
    std::string path(const std::string &port) const;
    std::string folder_;
};

} // namespace k2s::vfprules
