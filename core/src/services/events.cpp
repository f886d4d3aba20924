// SPDX-License-Identifier: MIT
#include "services/events.hpp"

#include <condition_variable>
#include <deque>
#include <utility>

#include <nlohmann/json.hpp>

#include "services/handle.hpp"

namespace k2s::core {

namespace {

/// Notices that one turn on the strand delivers at most; then other tasks of the plugin come first.
constexpr int k_batch = 32;

/// Words of [a-z0-9_-], joined with dots.
bool is_topic(std::string_view topic) {
    if (topic.size() > Events::k_max_topic || topic.starts_with('.') || topic.ends_with('.') ||
        topic.find("..") != std::string_view::npos) {
        return false;
    }
    return topic.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.") ==
           std::string_view::npos;
}

bool matches(std::string_view wanted, std::string_view topic) {
    return wanted.empty() || (topic.starts_with(wanted) &&
                              (topic.size() == wanted.size() || topic[wanted.size()] == '.'));
}

} // namespace

struct Events::Notice {
    std::string topic;
    std::string json;
};

struct Events::Subscription {
    std::shared_ptr<Strand> strand;
    std::string topic;
    Deliver deliver;
    std::function<void()> on_drop;

    std::mutex mutex; ///< the rest
    std::condition_variable idle;
    std::deque<std::shared_ptr<const Notice>> queue;
    uint64_t dropped = 0;
    bool posted = false; ///< a task that empties the queue is on its way
    bool running = false;
    bool ended = false;
};

Result<void> Events::check(std::string_view topic, std::string_view json) {
    if (topic.empty() || !is_topic(topic)) {
        return fail(K2S_E_USAGE,
                    "\"{}\" is no topic: words of a-z 0-9 _ - joined with dots, at "
                    "most {} characters",
                    topic.substr(0, k_max_topic), k_max_topic);
    }
    if (json.size() > k_max_json) {
        return fail(K2S_E_USAGE, "the notice \"{}\" has {} bytes, more than {}", topic, json.size(),
                    k_max_json);
    }
    if (!nlohmann::json::accept(json.begin(), json.end())) {
        return fail(K2S_E_USAGE, "the notice \"{}\" is not JSON", topic);
    }
    return {};
}

Result<void> Events::publish(std::string_view topic, std::string_view json) {
    if (auto good = check(topic, json); !good) {
        return good;
    }
    std::vector<std::shared_ptr<Subscription>> receivers;
    {
        const std::lock_guard held(mutex_);
        for (const auto &[handle, subscription] : subscriptions_) {
            if (matches(subscription->topic, topic)) {
                receivers.push_back(subscription);
            }
        }
    }
    if (receivers.empty()) {
        return {};
    }
    const auto notice =
        std::make_shared<const Notice>(Notice{std::string(topic), std::string(json)});
    for (const auto &receiver : receivers) {
        bool post = false;
        bool dropped = false;
        {
            const std::lock_guard held(receiver->mutex);
            if (receiver->ended) {
                continue;
            }
            if (receiver->queue.size() >= queue_) {
                receiver->queue.pop_front();
                ++receiver->dropped;
                dropped = true;
            }
            receiver->queue.push_back(notice);
            post = !std::exchange(receiver->posted, true);
        }
        if (dropped && receiver->on_drop) {
            receiver->on_drop();
        }
        if (post) {
            receiver->strand->post_internal([receiver] { deliver(receiver); });
        }
    }
    return {};
}

void Events::deliver(const std::shared_ptr<Subscription> &subscription) {
    Subscription &self = *subscription;
    std::unique_lock held(self.mutex);
    for (int count = 0; !self.ended && !self.queue.empty(); ++count) {
        if (count == k_batch) {
            held.unlock();
            self.strand->post_internal([subscription] { deliver(subscription); });
            return;
        }
        const std::shared_ptr<const Notice> notice = std::move(self.queue.front());
        self.queue.pop_front();
        self.running = true;
        held.unlock();
        try {
            self.deliver(notice->topic, notice->json);
        } catch (...) {
            self.strand->report_violation("an exception left the delivery of a notice");
        }
        held.lock();
        self.running = false;
        self.idle.notify_all();
    }
    self.posted = false;
}

Result<k2s_handle> Events::subscribe(const std::shared_ptr<Strand> &strand, std::string_view topic,
                                     Deliver deliver, std::function<void()> dropped) {
    if (!is_topic(topic)) {
        return fail(K2S_E_USAGE, "\"{}\" is no topic", topic.substr(0, k_max_topic));
    }
    auto subscription = std::make_shared<Subscription>();
    subscription->strand = strand;
    subscription->topic = topic;
    subscription->deliver = std::move(deliver);
    subscription->on_drop = std::move(dropped);

    const std::lock_guard held(mutex_);
    if (strand->closed()) {
        return fail(K2S_E_STATE, "plugin \"{}\" is being destroyed", strand->plugin());
    }
    std::size_t own = 0;
    for (const auto &[handle, other] : subscriptions_) {
        own += other->strand == strand ? 1 : 0;
    }
    if (own >= k_max_subscriptions) {
        return fail(K2S_E_NO_MEMORY, "plugin \"{}\" has {} subscriptions already", strand->plugin(),
                    own);
    }
    const k2s_handle handle = make_handle(HandleKind::subscription);
    subscriptions_.emplace(handle, std::move(subscription));
    return handle;
}

int32_t Events::unsubscribe(const Strand &strand, k2s_handle handle, Deadline deadline) {
    std::shared_ptr<Subscription> subscription;
    {
        const std::lock_guard held(mutex_);
        const auto found = subscriptions_.find(handle);
        if (found == subscriptions_.end() || found->second->strand.get() != &strand) {
            return K2S_E_NOT_FOUND;
        }
        subscription = found->second;
    }
    {
        std::unique_lock held(subscription->mutex);
        subscription->ended = true;
        subscription->queue.clear();
        // On the strand a delivery can only be running when it is the caller.
        if (!strand.is_current() && !subscription->idle.wait_until(
                                        held, deadline, [&] { return !subscription->running; })) {
            return K2S_E_TIMEOUT;
        }
    }
    const std::lock_guard held(mutex_);
    subscriptions_.erase(handle);
    return K2S_OK;
}

std::vector<k2s_handle> Events::handles_of(const Strand &strand) const {
    std::vector<k2s_handle> handles;
    const std::lock_guard held(mutex_);
    for (const auto &[handle, subscription] : subscriptions_) {
        if (subscription->strand.get() == &strand) {
            handles.push_back(handle);
        }
    }
    return handles;
}

uint64_t Events::dropped(const Strand &strand) const {
    uint64_t sum = 0;
    const std::lock_guard held(mutex_);
    for (const auto &[handle, subscription] : subscriptions_) {
        if (subscription->strand.get() == &strand) {
            const std::lock_guard own(subscription->mutex);
            sum += subscription->dropped;
        }
    }
    return sum;
}

} // namespace k2s::core
