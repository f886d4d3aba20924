// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "plan/plan.hpp"

namespace k2s::network {

/// Notices that routes, addresses or interfaces of this machine change, from `open` on.
class Changes {
  public:
    /// `library` (Windows, for tests): instead of iphlpapi.dll.
    static Expected<std::unique_ptr<Changes>> open(const std::string &library = {});
    virtual ~Changes() = default;

    /// True: something has changed since the last call. False at the deadline. [may-block]
    virtual Expected<bool> wait(std::chrono::milliseconds deadline) = 0;
};

} // namespace k2s::network
