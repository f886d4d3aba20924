// SPDX-License-Identifier: MIT
/// \file
/// What every function of a table does with what it is given.
#pragma once

#include <string_view>
#include <utility>

#include <k2s/abi/base.h>
#include <k2s/abi/host.h>
#include <k2s/sdk/error.hpp>

#include "services/plugin_scope.hpp"
#include "util/result.hpp"

namespace k2s::core::tables {

/// No text of the ABI is longer; what is longer is a wrong length.
inline constexpr uint64_t k_longest_text = 16 * 1024 * 1024;

inline bool readable(k2s_str text, uint64_t longest = k_longest_text) noexcept {
    return text.len <= longest && (text.ptr != nullptr || text.len == 0);
}

/// Only of readable text.
inline std::string_view view(k2s_str text) noexcept {
    return text.len == 0 ? std::string_view{}
                         : std::string_view(text.ptr, static_cast<std::size_t>(text.len));
}

inline bool writable(const k2s_sink *sink) noexcept {
    return sink != nullptr && K2S_HAS(sink, write) && sink->write != nullptr;
}

inline int32_t write(const k2s_sink &sink, std::string_view data) {
    const int32_t status =
        sink.write(sink.context, {reinterpret_cast<const uint8_t *>(data.data()), data.size()});
    return status < 0 ? status : K2S_OK;
}

inline Status to_status(Result<void> result) {
    return result ? Status(K2S_OK) : Status(std::move(result.error()));
}

/// One call of a plugin, "k2s.events/1" and "publish". The body gets the Call and returns a Status.
class Call {
  public:
    Call(PluginScope &plugin, std::string_view interface, std::string_view function) noexcept
        : scope(plugin), interface_(interface), function_(function) {}

    /// The plugin broke a rule: logged, and told to the caller.
    Error misuse(std::string_view what) const {
        scope.violation(name(), what);
        return {K2S_E_USAGE, name() + ": " + std::string(what)};
    }

    void expect_strand() const { scope.expect_strand(name()); }

    PluginScope &scope;

  private:
    std::string name() const { return std::string(interface_).append(" ").append(function_); }

    std::string_view interface_;
    std::string_view function_;
};

template <class Body>
int32_t entry(const k2s_host *host, std::string_view interface, std::string_view function,
              k2s_error *error, Body &&body) noexcept {
    PluginScope *const scope = PluginScope::of(host);
    if (scope == nullptr) {
        return report(error, K2S_E_USAGE, interface, "the host is NULL");
    }
    return guarded(error, interface,
                   [&]() -> Status { return body(Call(*scope, interface, function)); });
}

} // namespace k2s::core::tables
