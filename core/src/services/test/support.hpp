// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "services/services.hpp"

namespace k2s::core::test {

using namespace std::chrono_literals;

/// Something that one thread waits for and another does; gives up after five seconds.
class Latch {
  public:
    void open() {
        const std::lock_guard held(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    bool wait(std::chrono::milliseconds most = 5s) {
        std::unique_lock held(mutex_);
        return changed_.wait_for(held, most, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

/// A list that threads append to.
class Trace {
  public:
    void add(std::string entry) {
        const std::lock_guard held(mutex_);
        entries_.push_back(std::move(entry));
        changed_.notify_all();
    }
    std::vector<std::string> entries() const {
        const std::lock_guard held(mutex_);
        return entries_;
    }
    /// All entries joined with a space, once there are `count`; gives up after five seconds.
    std::string text(std::size_t count = 0) {
        std::unique_lock held(mutex_);
        changed_.wait_for(held, 5s, [&] { return entries_.size() >= count; });
        std::string joined;
        for (const std::string &entry : entries_) {
            joined += (joined.empty() ? "" : " ") + entry;
        }
        return joined;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> entries_;
};

inline k2s_str str(std::string_view text) {
    return {text.data(), text.size()};
}

/// Services whose log goes into a Trace as "plugin: message", and scopes on them.
struct Fixture {
    Trace log;
    int32_t threshold = K2S_LOG_DEBUG;
    Services services{ports()};

    Ports ports() {
        Ports given;
        given.version = "2.0.0";
        given.log_threshold = &threshold;
        given.log = [this](int32_t, std::string_view plugin, std::string_view message,
                           std::span<const k2s_field>) {
            log.add(std::string(plugin).append(": ").append(message));
        };
        given.config = [](std::string_view plugin,
                          std::string_view pointer) -> Result<std::string> {
            if (pointer == "/missing") {
                return fail(K2S_E_NOT_FOUND, "{}: no setting {}", plugin, pointer);
            }
            return std::string("{\"of\":\"").append(plugin).append("\"}");
        };
        given.config_generation = [](std::string_view) { return uint64_t{7}; };
        given.process = [](std::string_view, const ProcessRequest &request) {
            if (request.out) {
                request.out("output");
            }
            ProcessOutcome outcome;
            outcome.exit_code = static_cast<int32_t>(request.argv.size());
            outcome.timed_out = request.deadline == 1ms;
            return Result<ProcessOutcome>(outcome);
        };
        return given;
    }

    std::unique_ptr<PluginScope> scope(std::string id, std::vector<DeclaredContract> provides = {},
                                       std::vector<DeclaredContract> required = {}) {
        return services.make_scope({std::move(id), std::move(provides), std::move(required)});
    }

    bool logged(std::string_view part) {
        for (const std::string &entry : log.entries()) {
            if (entry.find(part) != std::string::npos) {
                return true;
            }
        }
        return false;
    }
};

template <class Table> const Table *table(const PluginScope &scope, std::string_view id) {
    return static_cast<const Table *>(scope.host()->get(scope.host(), str(id)));
}

} // namespace k2s::core::test
