// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/commands.h>
#include <k2s/sdk/error.hpp>

namespace k2s {

/// One run of a command: its typed values and where its output goes. Valid during the call.
class Invocation {
  public:
    explicit Invocation(const k2s_invocation *call) noexcept : call_(call) {}

    std::string_view command() const noexcept { return from_abi(call_->command); }
    bool dry_run() const noexcept { return call_->dry_run != 0; }

    /// The option or argument with this name, or nullptr when it has neither value nor default.
    const k2s_value *find(std::string_view name) const noexcept {
        const auto *bytes = reinterpret_cast<const char *>(call_->values);
        for (uint64_t i = 0; i < call_->value_count; ++i) {
            const auto *value =
                reinterpret_cast<const k2s_value *>(bytes + i * call_->value_stride);
            if (from_abi(value->name) == name) {
                return value;
            }
        }
        return nullptr;
    }

    std::string text(std::string_view name, std::string_view otherwise = {}) const {
        const auto *value = find(name);
        return std::string(value != nullptr ? from_abi(value->text) : otherwise);
    }
    int64_t integer(std::string_view name, int64_t otherwise = 0) const noexcept {
        const auto *value = find(name);
        return value != nullptr ? value->integer : otherwise;
    }
    bool flag(std::string_view name) const noexcept { return integer(name) != 0; }
    std::vector<std::string> list(std::string_view name) const {
        std::vector<std::string> items;
        if (const auto *value = find(name)) {
            for (uint64_t i = 0; i < value->item_count; ++i) {
                items.emplace_back(from_abi(value->items[i]));
            }
        }
        return items;
    }
    /// True when the value came from the command line or the environment, not from a default.
    bool given(std::string_view name) const noexcept {
        const auto *value = find(name);
        return value != nullptr && value->origin != K2S_FROM_DEFAULT;
    }

    /// Raw bytes to standard output. False: the reader is gone, the command should end.
    bool out(std::string_view data) const noexcept { return put(call_->out, data); }
    /// Text for a person to standard error.
    bool err(std::string_view text) const noexcept { return put(call_->err, text); }
    /// The command's result as JSON; the host renders it as --format says.
    bool data(std::string_view json) const noexcept { return put(call_->data, json); }

  private:
    static bool put(const k2s_sink *sink, std::string_view data) noexcept {
        return sink != nullptr && sink->write(sink->context, to_bytes(data)) >= 0;
    }

    const k2s_invocation *call_;
};

} // namespace k2s
