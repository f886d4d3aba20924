// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "spec/failure.hpp"

namespace k2s::cni {

/// The first failure of several steps that are all taken.
class Steps {
  public:
    void add(Result<void> done) {
        if (outcome_) {
            outcome_ = std::move(done);
        }
    }
    Result<void> outcome() { return std::move(outcome_); }

  private:
    Result<void> outcome_;
};

} // namespace k2s::cni
