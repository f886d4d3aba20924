// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

k2s_str to_str(std::string_view text) {
    return {text.data(), text.size()};
}

int32_t K2S_CALL publish(const k2s_host *host, k2s_str topic, k2s_str json,
                         k2s_error *error) noexcept {
    return entry(host, K2S_EVENTS_ID, "publish", error, [&](const Call &call) -> Status {
        if (!readable(topic) || !readable(json)) {
            return call.misuse("topic or json is NULL or too long");
        }
        return to_status(call.scope.services().events.publish(view(topic), view(json)));
    });
}

int32_t K2S_CALL subscribe(const k2s_host *host, k2s_str topic, k2s_event_fn deliver, void *context,
                           k2s_handle *out) noexcept {
    return entry(host, K2S_EVENTS_ID, "subscribe", nullptr, [&](const Call &call) -> Status {
        if (!readable(topic) || deliver == nullptr || out == nullptr) {
            return call.misuse("topic, deliver or out is NULL");
        }
        *out = 0;
        Services &services = call.scope.services();
        // Opened with the first subscription, so that "no notice lost" is a visible 0.
        k2s_handle dropped = 0;
        {
            const std::lock_guard held(call.scope.opening());
            if (call.scope.closed()) {
                return K2S_E_STATE;
            }
            auto counter = services.metrics.open(
                call.scope.id(), {.kind = MetricKind::counter,
                                  .name = "events_dropped_total",
                                  .help = "Notices lost because the plugin's queue was full.",
                                  .labels = {},
                                  .bounds = {}});
            dropped = counter.value_or(0);
        }
        auto subscription = services.events.subscribe(
            call.scope.party().strand, view(topic),
            [deliver, context](std::string_view name, std::string_view json) {
                deliver(context, to_str(name), to_str(json));
            },
            [&metrics = services.metrics, dropped] { metrics.add(dropped, 1); });
        if (!subscription) {
            return subscription.error().code == K2S_E_USAGE
                       ? call.misuse(subscription.error().message)
                       : std::move(subscription.error());
        }
        *out = *subscription;
        return K2S_OK;
    });
}

int32_t K2S_CALL unsubscribe(const k2s_host *host, k2s_handle subscription) noexcept {
    return entry(host, K2S_EVENTS_ID, "unsubscribe", nullptr, [&](const Call &call) -> Status {
        return call.scope.services().events.unsubscribe(call.scope.strand(), subscription,
                                                        after_ms(k_longest_wait_ms));
    });
}

} // namespace

extern constexpr k2s_events events{sizeof(k2s_events), 0, publish, subscribe, unsubscribe};

} // namespace k2s::core::tables
