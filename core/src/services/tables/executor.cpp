// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"
#include "util/utf8.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_longest_name = 64;

std::chrono::milliseconds milliseconds_of(uint64_t value) noexcept {
    return std::chrono::milliseconds(std::min(value, k_longest_wait_ms));
}

/// Two pointers: fits into a Task without an allocation.
Task bound(k2s_task_fn task, void *context) {
    return [task, context] { task(context); };
}

int32_t K2S_CALL post(const k2s_host *host, k2s_task_fn task, void *context) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "post", nullptr, [&](const Call &call) -> Status {
        if (task == nullptr) {
            return call.misuse("the task is NULL");
        }
        return call.scope.strand().post(bound(task, context));
    });
}

int32_t K2S_CALL timer(const k2s_host *host, uint64_t delay_ms, uint64_t period_ms,
                       k2s_task_fn task, void *context, k2s_handle *out) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "timer", nullptr, [&](const Call &call) -> Status {
        if (task == nullptr || out == nullptr) {
            return call.misuse("task or out is NULL");
        }
        *out = 0;
        auto handle = call.scope.services().executor.add_timer(
            call.scope.party().strand, milliseconds_of(delay_ms), milliseconds_of(period_ms),
            bound(task, context));
        if (!handle) {
            return std::move(handle.error());
        }
        *out = *handle;
        return K2S_OK;
    });
}

int32_t K2S_CALL cancel(const k2s_host *host, k2s_handle timer) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "cancel", nullptr, [&](const Call &call) -> Status {
        return call.scope.services().executor.cancel_timer(call.scope.strand(), timer,
                                                           after_ms(k_longest_wait_ms));
    });
}

int32_t K2S_CALL offload(const k2s_host *host, k2s_task_fn task, void *context) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "offload", nullptr, [&](const Call &call) -> Status {
        if (task == nullptr) {
            return call.misuse("the task is NULL");
        }
        return call.scope.services().executor.offload(call.scope.party().strand,
                                                      bound(task, context));
    });
}

int32_t K2S_CALL lend(const k2s_host *host, k2s_str name, k2s_task_fn run, k2s_task_fn interrupt,
                      void *context, k2s_handle *out) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "lend", nullptr, [&](const Call &call) -> Status {
        if (run == nullptr || interrupt == nullptr || out == nullptr) {
            return call.misuse("run, interrupt or out is NULL");
        }
        *out = 0;
        if (!readable(name, k_longest_name) || name.len == 0 || !valid_utf8(view(name)) ||
            view(name).find('\0') != std::string_view::npos) {
            return call.misuse("the name is not 1 to 64 bytes of UTF-8");
        }
        auto handle = call.scope.threads().lend(std::string(view(name)), bound(run, context),
                                                bound(interrupt, context));
        if (!handle) {
            return std::move(handle.error());
        }
        *out = *handle;
        return K2S_OK;
    });
}

int32_t K2S_CALL join(const k2s_host *host, k2s_handle thread, uint64_t deadline_ms) noexcept {
    return entry(host, K2S_EXECUTOR_ID, "join", nullptr, [&](const Call &call) -> Status {
        const int32_t status = call.scope.threads().join(thread, after_ms(deadline_ms));
        if (status == K2S_E_STATE) {
            call.misuse("a lent thread cannot join itself");
        }
        return status;
    });
}

} // namespace

extern constexpr k2s_executor executor{
    sizeof(k2s_executor), 0, post, timer, cancel, offload, lend, join};

} // namespace k2s::core::tables
