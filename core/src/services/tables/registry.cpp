// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_longest_name = 128;

/// How long withdraw waits for a lessee whose strand is busy. The ABI gives it no deadline, and for
/// ever would turn two plugins that wait for each other into a hang without a name.
constexpr uint64_t k_withdraw_ms = 10'000;

int32_t K2S_CALL provide(const k2s_host *host, k2s_str contract, k2s_contract value,
                         k2s_handle *out, k2s_error *error) noexcept {
    return entry(host, K2S_REGISTRY_ID, "provide", error, [&](const Call &call) -> Status {
        call.expect_strand();
        if (out == nullptr || !readable(contract, k_longest_name)) {
            return call.misuse("out or the contract's name is NULL, or the name is too long");
        }
        *out = 0;
        if (value.table == nullptr ||
            *static_cast<const uint32_t *>(value.table) < sizeof(uint32_t)) {
            return call.misuse("the contract's table is NULL or has no struct_size");
        }
        auto provided =
            call.scope.services().registry.provide(call.scope.party(), view(contract), value);
        if (!provided) {
            return std::move(provided.error());
        }
        *out = *provided;
        return K2S_OK;
    });
}

int32_t K2S_CALL withdraw(const k2s_host *host, k2s_handle provided) noexcept {
    return entry(host, K2S_REGISTRY_ID, "withdraw", nullptr, [&](const Call &call) -> Status {
        call.expect_strand();
        auto done = call.scope.services().registry.withdraw(call.scope.party(), provided,
                                                            after_ms(k_withdraw_ms));
        if (!done && done.error().code == K2S_E_TIMEOUT) {
            // The function has no k2s_error to name the blocker in.
            call.scope.services().log(K2S_LOG_ERROR, call.scope.id(), done.error().message);
        }
        return to_status(std::move(done));
    });
}

int32_t K2S_CALL acquire(const k2s_host *host, k2s_str contract,
                         void(K2S_CALL *revoked)(void *context), void *context, k2s_contract *value,
                         k2s_handle *lease, k2s_error *error) noexcept {
    return entry(host, K2S_REGISTRY_ID, "acquire", error, [&](const Call &call) -> Status {
        call.expect_strand();
        if (!readable(contract, k_longest_name) || value == nullptr || lease == nullptr) {
            return call.misuse("value, lease or the contract's name is NULL");
        }
        *value = {};
        *lease = 0;
        if (revoked == nullptr) {
            return call.misuse("revoked is NULL: who leases a contract has to hear of its end");
        }
        auto leased = call.scope.services().registry.acquire(
            call.scope.party(), view(contract), [revoked, context] { revoked(context); });
        if (!leased) {
            return std::move(leased.error());
        }
        *value = leased->value;
        *lease = leased->handle;
        return K2S_OK;
    });
}

int32_t K2S_CALL release(const k2s_host *host, k2s_handle lease) noexcept {
    return entry(host, K2S_REGISTRY_ID, "release", nullptr, [&](const Call &call) -> Status {
        call.expect_strand();
        return call.scope.services().registry.release(call.scope.party(), lease);
    });
}

} // namespace

extern constexpr k2s_registry registry{
    sizeof(k2s_registry), 0, provide, withdraw, acquire, release};

} // namespace k2s::core::tables
