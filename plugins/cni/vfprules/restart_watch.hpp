// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "vfprules/vfprules.hpp"

namespace k2s::vfprules {

/// Notices that a service runs in another process than before. Losing the rules takes a restart, so
/// that a service which only ended says nothing yet.
class RestartWatch final : public LossWatch {
  public:
    /// `process` is the id of the service's process, 0 while there is none.
    RestartWatch(std::function<uint32_t()> process, std::chrono::milliseconds pause);
    Expected<bool> wait(const std::function<bool()> &cancelled) override;

  private:
    std::function<uint32_t()> process_;
    std::chrono::milliseconds pause_;
    uint32_t last_;
};

} // namespace k2s::vfprules
