// SPDX-License-Identifier: MIT
#include "services/services.hpp"

#include <utility>

#include "util/environment.hpp"

namespace k2s::core {

namespace {

bool wants_checks() {
#ifdef NDEBUG
    const auto asked = environment("K2S_DEBUG_THREADS");
    return asked && *asked != "0";
#else
    return true;
#endif
}

} // namespace

Services::Services(Ports given)
    : ports(std::move(given)), executor(Executor::Limits{},
                                        [this](std::string_view who, std::string_view text) {
                                            log(K2S_LOG_ERROR, who, text);
                                        }),
      check_threads_(wants_checks()) {}

std::unique_ptr<PluginScope> Services::make_scope(PluginScopeSpec spec) {
    return std::make_unique<PluginScope>(*this, std::move(spec));
}

void Services::log(int32_t level, std::string_view plugin, std::string_view message,
                   std::span<const k2s_field> fields) const noexcept {
    if (!ports.log) {
        return;
    }
    const int32_t threshold = ports.log_threshold != nullptr
                                  ? static_cast<const volatile int32_t &>(*ports.log_threshold)
                                  : K2S_LOG_WARN;
    if (level < threshold) {
        return;
    }
    try {
        ports.log(level, plugin, message, fields);
    } catch (...) {
        // Writing a record never fails for the caller.
    }
}

} // namespace k2s::core
