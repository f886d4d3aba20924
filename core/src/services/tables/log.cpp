// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "services/services.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::core::tables {

namespace {

constexpr uint64_t k_max_fields = 64;
constexpr uint64_t k_max_stride = 4096;

/// A plugin of a later minor may have longer fields, but never shorter ones.
constexpr uint64_t k_min_stride = sizeof(k2s_field);

k2s_str readable_or_empty(k2s_str text) noexcept {
    return readable(text) ? text : k2s_str{};
}

void K2S_CALL write(const k2s_host *host, int32_t level, k2s_str message, const k2s_field *fields,
                    uint64_t count, uint64_t stride) noexcept {
    entry(host, K2S_LOG_ID, "write", nullptr, [&](const Call &call) -> Status {
        if (!readable(message)) {
            return call.misuse("the message is NULL or too long");
        }
        std::array<k2s_field, k_max_fields> copies;
        uint64_t used = 0;
        if (count != 0) {
            if (fields == nullptr || stride < k_min_stride || stride > k_max_stride ||
                stride % alignof(k2s_field) != 0) {
                call.misuse("fields is NULL or the stride is wrong");
            } else {
                used = std::min(count, k_max_fields);
                if (used < count) {
                    call.misuse("more than 64 fields");
                }
            }
        }
        const auto *next = reinterpret_cast<const char *>(fields);
        for (uint64_t i = 0; i < used; ++i, next += stride) {
            std::memcpy(&copies[i], next, sizeof(k2s_field));
            copies[i].key = readable_or_empty(copies[i].key);
            copies[i].text = readable_or_empty(copies[i].text);
        }
        call.scope.services().log(level, call.scope.id(), view(message),
                                  std::span(copies.data(), static_cast<std::size_t>(used)));
        return K2S_OK;
    });
}

} // namespace

k2s_log make_log(const int32_t *threshold) noexcept {
    return {sizeof(k2s_log), 0, threshold, write};
}

} // namespace k2s::core::tables
