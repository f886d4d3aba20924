// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace k2s::cni {

/// How to take back what was done so far. Unless it is kept, that happens at its end, the last
/// first.
class Journal {
  public:
    Journal() = default;
    Journal(const Journal &) = delete;
    Journal &operator=(const Journal &) = delete;
    ~Journal() {
        while (!undo_.empty()) {
            undo_.back()();
            undo_.pop_back();
        }
    }

    void on_failure(std::function<void()> undo) { undo_.push_back(std::move(undo)); }
    void keep() { undo_.clear(); }

  private:
    std::vector<std::function<void()>> undo_;
};

} // namespace k2s::cni
