// SPDX-License-Identifier: MIT
/// \file
/// The C functions that stand for an isolated plugin.
#include <algorithm>

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/drain.h>
#include <k2s/abi/draft/lifecycle.h>
#include <k2s/abi/services.h>
#include <k2s/sdk/error.hpp>

#include "isolation/remote_plugin.hpp"

namespace k2s::core::isolation {

namespace {

constexpr std::string_view k_domain = "isolation";

RemotePlugin &plugin(void *self) {
    return *static_cast<RemotePlugin *>(self);
}

std::chrono::milliseconds ms(uint64_t value) {
    constexpr uint64_t k_year = 365ull * 24 * 3600 * 1000;
    return std::chrono::milliseconds(std::min(value, k_year));
}

template <class Body> int32_t entry(k2s_error *error, Body &&body) noexcept {
    return guarded(error, k_domain, std::forward<Body>(body));
}

Status write_text(const k2s_sink *out, Result<std::string> text) {
    if (!text) {
        return std::move(text.error());
    }
    return out->write(out->context,
                      {reinterpret_cast<const uint8_t *>(text->data()), text->size()});
}

const k2s_commands k_commands{
    sizeof(k2s_commands), 0,
    [](void *self, const k2s_invocation *call, k2s_error *error) -> int32_t {
        return entry(error, [&] { return plugin(self).run(*call); });
    }};

const k2s_services k_services{
    sizeof(k2s_services),
    0,
    [](void *self, k2s_str feature, k2s_str instance, k2s_str settings, k2s_handle *out,
       k2s_error *error) -> int32_t {
        return entry(error, [&] {
            return plugin(self).start(from_abi(feature), from_abi(instance), from_abi(settings),
                                      *out);
        });
    },
    [](void *self, k2s_handle service, k2s_str settings, k2s_error *error) -> int32_t {
        return entry(error, [&] { return plugin(self).reload(service, from_abi(settings)); });
    },
    [](void *self, k2s_handle service, uint64_t deadline_ms, k2s_error *error) -> int32_t {
        return entry(error, [&] { return plugin(self).stop(service, ms(deadline_ms)); });
    },
    [](void *self, k2s_handle service, const k2s_sink *out, k2s_error *error) -> int32_t {
        return entry(error, [&] { return write_text(out, plugin(self).status(service)); });
    }};

const k2s_health k_health{sizeof(k2s_health), 0, [](void *self, k2s_error *error) -> int32_t {
                              return entry(error, [&] { return plugin(self).health(); });
                          }};

const k2s_reconfigure k_reconfigure{sizeof(k2s_reconfigure), 0,
                                    [](void *self, k2s_error *error) -> int32_t {
                                        return entry(error, [&] { return plugin(self).changed(); });
                                    }};

const k2s_lifecycle k_lifecycle{
    sizeof(k2s_lifecycle), 0,
    [](void *self, uint32_t step, uint64_t deadline_ms, k2s_error *error) -> int32_t {
        return entry(error, [&] { return plugin(self).step(step, ms(deadline_ms)); });
    }};

const k2s_diagnostics k_diagnostics{
    sizeof(k2s_diagnostics), 0, [](void *self, const k2s_sink *out, k2s_error *error) -> int32_t {
        return entry(error, [&] { return write_text(out, plugin(self).diagnostics()); });
    }};

const k2s_drain k_drain{
    sizeof(k2s_drain), 0,
    [](void *self, k2s_handle service, uint64_t deadline_ms, k2s_error *error) -> int32_t {
        return entry(error, [&] { return plugin(self).begin_drain(service, ms(deadline_ms)); });
    }};

} // namespace

const void *remote_table(std::string_view id) noexcept {
    const void *const tables[] = {&k_commands,  &k_services,    &k_health, &k_reconfigure,
                                  &k_lifecycle, &k_diagnostics, &k_drain};
    const auto *found = std::find(std::begin(k_offers), std::end(k_offers), id);
    return found == std::end(k_offers) ? nullptr : tables[found - k_offers];
}

} // namespace k2s::core::isolation
