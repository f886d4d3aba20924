// SPDX-License-Identifier: MIT
/// \file
/// Notices from one to many; see abi/draft/events.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/base.h>

#include "services/deadline.hpp"
#include "services/strand.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// [any-thread]
class Events {
  public:
    static constexpr std::size_t k_max_topic = 128;
    static constexpr std::size_t k_max_json = 64 * 1024;
    static constexpr std::size_t k_max_subscriptions = 1024; ///< per plugin
    static constexpr std::size_t k_queue = 256;              ///< notices per subscription

    using Deliver = std::function<void(std::string_view topic, std::string_view json)>;

    explicit Events(std::size_t queue = k_queue) : queue_(queue) {}
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    /// K2S_E_USAGE for a bad topic or JSON.
    static Result<void> check(std::string_view topic, std::string_view json);
    /// The same.
    Result<void> publish(std::string_view topic, std::string_view json);

    /// `dropped`, when given, runs for each notice that is lost because the queue was full.
    Result<k2s_handle> subscribe(const std::shared_ptr<Strand> &strand, std::string_view topic,
                                 Deliver deliver, std::function<void()> dropped = {});

    /// As k2s_events::unsubscribe; K2S_E_TIMEOUT when a delivery still runs at the deadline.
    int32_t unsubscribe(const Strand &strand, k2s_handle subscription, Deadline deadline);

    std::vector<k2s_handle> handles_of(const Strand &strand) const;

    /// Notices lost by the strand's present subscriptions.
    uint64_t dropped(const Strand &strand) const;

  private:
    struct Subscription;
    struct Notice;
    static void deliver(const std::shared_ptr<Subscription> &subscription);

    const std::size_t queue_;
    mutable std::mutex mutex_;
    std::map<k2s_handle, std::shared_ptr<Subscription>> subscriptions_;
};

} // namespace k2s::core
