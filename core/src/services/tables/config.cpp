// SPDX-License-Identifier: MIT
#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"
#include "util/utf8.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_longest_pointer = 4096;

uint64_t K2S_CALL generation(const k2s_host *host) noexcept {
    uint64_t value = 0;
    entry(host, K2S_CONFIG_ID, "generation", nullptr, [&](const Call &call) -> Status {
        value = call.scope.services().ports.config_generation(call.scope.id());
        return K2S_OK;
    });
    return value;
}

int32_t K2S_CALL read(const k2s_host *host, k2s_str pointer, const k2s_sink *out,
                      k2s_error *error) noexcept {
    return entry(host, K2S_CONFIG_ID, "read", error, [&](const Call &call) -> Status {
        if (!readable(pointer, k_longest_pointer) || !valid_utf8(view(pointer)) ||
            (pointer.len != 0 && pointer.ptr[0] != '/')) {
            return call.misuse("the pointer is not one of RFC 6901 (empty, or starts with /)");
        }
        if (!writable(out)) {
            return call.misuse("the sink is NULL or incomplete");
        }
        Result<std::string> text =
            call.scope.services().ports.config(call.scope.id(), view(pointer));
        return text ? Status(write(*out, *text)) : Status(std::move(text.error()));
    });
}

} // namespace

extern constexpr k2s_config config{sizeof(k2s_config), 0, generation, read};

} // namespace k2s::core::tables
