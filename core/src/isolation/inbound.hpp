// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>

#include "isolation/connection.hpp"
#include "services/plugin_scope.hpp"

namespace k2s::core::isolation {

/// Counts what may happen per second; more than that is refused until the next one.
class Rate {
  public:
    explicit Rate(unsigned per_second) : per_second_(per_second) {}

    /// Whether one more may happen now.
    bool take();
    /// How many were refused in the second that ended last; once.
    unsigned refused();

  private:
    const unsigned per_second_;
    std::chrono::steady_clock::time_point second_{};
    unsigned taken_ = 0;
    unsigned refused_ = 0;
    unsigned to_tell_ = 0;
};

/// What one worker asks of the host by itself: records, settings, notices, bars. Everything goes
/// through the scope of the plugin, so it is attributed and taken back as if the plugin ran here.
class Inbound {
  public:
    explicit Inbound(PluginScope &scope) : scope_(scope) {}
    Inbound(const Inbound &) = delete;
    Inbound &operator=(const Inbound &) = delete;

    /// Once more; false when the frame is nonsense. [the reader's thread]
    bool take(Connection &from, const Frame &frame);

    /// Takes back what the worker has; nothing may come from it any more.
    void release();

  private:
    static constexpr unsigned k_records = 2000; ///< per second
    static constexpr unsigned k_notices = 2000;

    bool answer_config(Connection &from, const Frame &frame);
    bool log(Unpacker in);
    bool publish(Unpacker in);
    bool subscribe(Connection &from);
    bool bar(Kind kind, Unpacker in);

    PluginScope &scope_;
    Rate records_{k_records};
    Rate notices_{k_notices};
    k2s_handle subscription_ = 0;
    std::map<uint64_t, k2s_handle> bars_; ///< by the worker's number
};

} // namespace k2s::core::isolation
