// SPDX-License-Identifier: MIT
#include "services/plugin_scope.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "services/handle.hpp"
#include "services/services.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core {

namespace {

constexpr unsigned k_max_violations = 100;

/// When no log was given.
constexpr int32_t k_default_threshold = K2S_LOG_WARN;

} // namespace

PluginScope::PluginScope(Services &services, PluginScopeSpec spec)
    : services_(services), id_(std::move(spec.id)),
      party_{services.executor.make_strand(
                 id_,
                 [&services](std::string_view plugin, std::string_view text) {
                     services.log(K2S_LOG_ERROR, plugin, text);
                 }),
             std::move(spec.provides), std::move(spec.required)} {
    strand().check_tasks(services.check_threads());
    log_ = tables::make_log(services.ports.log_threshold != nullptr ? services.ports.log_threshold
                                                                    : &k_default_threshold);
    host_.struct_size = sizeof(host_);
    host_.abi_minor = K2S_ABI_MINOR;
    host_.context = this;
    host_.version = {services.ports.version.data(), services.ports.version.size()};
    host_.get = tables::get;
}

PluginScope::~PluginScope() {
    try {
        for (const std::string &blocker : release_all(std::chrono::seconds(1), Pending::drop)) {
            services_.log(K2S_LOG_ERROR, id_, blocker);
        }
    } catch (...) {
        // No memory: what is left behind can only be named, not helped.
    }
}

PluginScope *PluginScope::of(const k2s_host *host) noexcept {
    return host == nullptr ? nullptr : static_cast<PluginScope *>(host->context);
}

const void *PluginScope::find_interface(std::string_view id) const noexcept {
    if (id == K2S_LOG_ID) {
        return &log_;
    }
    return tables::find(services_.ports, id);
}

void PluginScope::violation(std::string_view function, std::string_view what) noexcept {
    const unsigned count = violations_.fetch_add(1, std::memory_order_relaxed);
    if (count >= k_max_violations) {
        return;
    }
    try {
        const bool last = count + 1 == k_max_violations;
        services_.log(K2S_LOG_ERROR, id_,
                      fmt::format("broke a rule of the plugin ABI: {}: {}{}", function, what,
                                  last ? " (further ones are not logged)" : ""));
    } catch (...) {
        // No memory for the message.
    }
}

void PluginScope::expect_strand(std::string_view function) noexcept {
    if (services_.check_threads() && !strand().is_current()) {
        violation(function, "is [strand], but was called on a thread that is not on it");
    }
}

std::vector<std::string> PluginScope::release_all(std::chrono::milliseconds deadline_ms,
                                                  Pending pending) {
    const Deadline deadline = after(deadline_ms);
    std::vector<std::string> blockers;
    {
        const std::lock_guard held(opening_); // an open() that saw the open scope is done by now
        strand().close();
    }
    threads_.close();

    const StrandGuard guard(strand(), "release", deadline);
    if (!guard) {
        blockers.push_back(fmt::format("plugin \"{}\" is busy with {}", id_, strand().holder()));
        return blockers;
    }
    std::vector<k2s_handle> handles = services_.registry.handles_of(strand());
    for (const auto &more : {services_.events.handles_of(strand()),
                             services_.executor.timers_of(strand()), threads_.handles()}) {
        handles.insert(handles.end(), more.begin(), more.end());
    }
    std::sort(handles.begin(), handles.end(),
              [](k2s_handle a, k2s_handle b) { return handle_age(a) > handle_age(b); });
    for (const k2s_handle handle : handles) {
        release_one(handle, deadline, blockers);
    }
    const std::size_t offloaded =
        services_.executor.finish_offloaded(strand(), pending == Pending::run, deadline);
    if (offloaded != 0) {
        blockers.push_back(
            fmt::format("plugin \"{}\": {} offloaded tasks have not ended", id_, offloaded));
    }
    if (pending == Pending::drop) {
        strand().drop_pending();
    } else if (!strand().run_pending(deadline)) {
        blockers.push_back(fmt::format("plugin \"{}\": posted tasks have not all run", id_));
    }
    services_.progress.end_all(this);
    services_.metrics.remove_plugin(id_);
    return blockers;
}

void PluginScope::release_one(k2s_handle handle, Deadline deadline,
                              std::vector<std::string> &blockers) {
    switch (handle_kind(handle)) {
    case HandleKind::provided:
        if (auto done = services_.registry.withdraw(party_, handle, deadline);
            !done && done.error().code == K2S_E_TIMEOUT) {
            blockers.push_back(std::move(done.error().message));
        }
        return;
    case HandleKind::lease:
        services_.registry.release(party_, handle);
        return;
    case HandleKind::subscription:
        services_.events.unsubscribe(strand(), handle, deadline);
        return;
    case HandleKind::timer:
        services_.executor.cancel_timer(strand(), handle, deadline);
        return;
    case HandleKind::thread: {
        const std::string name = threads_.name_of(handle);
        const int32_t joined = threads_.join(handle, deadline);
        if (joined == K2S_E_TIMEOUT || joined == K2S_E_STATE) {
            blockers.push_back(fmt::format(
                "plugin \"{}\": thread \"{}\" does not end after its interrupt", id_, name));
        }
        return;
    }
    case HandleKind::bar:
        return; // all together, by owner
    }
}

} // namespace k2s::core
