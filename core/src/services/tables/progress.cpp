// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_longest_title = 4096;

int32_t K2S_CALL begin(const k2s_host *host, k2s_str title, uint64_t total, uint32_t unit,
                       k2s_handle *out) noexcept {
    return entry(host, K2S_PROGRESS_ID, "begin", nullptr, [&](const Call &call) -> Status {
        if (!readable(title, k_longest_title) || out == nullptr || unit > K2S_UNIT_BYTES) {
            return call.misuse("title or out is NULL, or there is no such unit");
        }
        *out = 0;
        const std::lock_guard held(call.scope.opening());
        if (call.scope.closed()) {
            return K2S_E_STATE;
        }
        *out = call.scope.services().progress.begin(&call.scope, view(title), total, unit);
        return *out != 0 ? K2S_OK : K2S_E_NO_MEMORY;
    });
}

void K2S_CALL advance(const k2s_host *host, k2s_handle bar, uint64_t done) noexcept {
    if (PluginScope *const scope = PluginScope::of(host)) {
        scope->services().progress.advance(scope, bar, done);
    }
}

void K2S_CALL end(const k2s_host *host, k2s_handle bar) noexcept {
    if (PluginScope *const scope = PluginScope::of(host)) {
        scope->services().progress.end(scope, bar);
    }
}

} // namespace

extern constexpr k2s_progress progress{sizeof(k2s_progress), 0, begin, advance, end};

} // namespace k2s::core::tables
