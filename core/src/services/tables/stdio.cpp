// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_longest_name = 4096;

int64_t K2S_CALL read(const k2s_host *host, uint8_t *buffer, uint64_t size) noexcept {
    int64_t got = 0;
    const int32_t status =
        entry(host, K2S_STDIO_ID, "read", nullptr, [&](const Call &call) -> Status {
            if (buffer == nullptr && size != 0) {
                return call.misuse("the buffer is NULL");
            }
            got = call.scope.services().stdio.read(buffer, size);
            return K2S_OK;
        });
    return status < 0 ? status : got;
}

uint32_t K2S_CALL columns(const k2s_host *host, uint32_t stream) noexcept {
    return host == nullptr ? 0 : Stdio::columns(stream);
}

int32_t K2S_CALL environment(const k2s_host *host, k2s_str name, const k2s_sink *out) noexcept {
    return entry(host, K2S_STDIO_ID, "environment", nullptr, [&](const Call &call) -> Status {
        if (!readable(name, k_longest_name) || name.len == 0 ||
            view(name).find_first_of(std::string_view("=\0", 2)) != std::string_view::npos) {
            return call.misuse("this is no name of a variable");
        }
        if (!writable(out)) {
            return call.misuse("the sink is NULL or incomplete");
        }
        const auto value = Stdio::environment(view(name));
        return value ? write(*out, *value) : K2S_E_NOT_FOUND;
    });
}

uint32_t K2S_CALL cancelled(const k2s_host *host) noexcept {
    const PluginScope *const scope = PluginScope::of(host);
    return scope != nullptr && scope->services().cancellation.requested() ? 1 : 0;
}

} // namespace

extern constexpr k2s_stdio stdio{sizeof(k2s_stdio), 0, read, columns, environment, cancelled};

} // namespace k2s::core::tables
