// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include <k2s/abi/draft/config.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/host.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/stdio.h>
#include <k2s/sdk/error.hpp>

namespace k2s {

/// One structured field of a log record. Borrows the texts.
struct Field : k2s_field {
    Field(std::string_view name, std::string_view value) noexcept
        : k2s_field{to_abi(name), to_abi(value), 0, 0, K2S_FIELD_TEXT, 0} {}
    Field(std::string_view name, const char *value) noexcept
        : Field(name, std::string_view(value)) {}
    Field(std::string_view name, const std::string &value) noexcept
        : Field(name, std::string_view(value)) {}
    Field(std::string_view name, bool value) noexcept
        : k2s_field{to_abi(name), {}, value, 0, K2S_FIELD_BOOL, 0} {}
    Field(std::string_view name, double value) noexcept
        : k2s_field{to_abi(name), {}, 0, value, K2S_FIELD_REAL, 0} {}
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
    Field(std::string_view name, T value) noexcept
        : k2s_field{to_abi(name), {}, static_cast<int64_t>(value), 0, K2S_FIELD_INT, 0} {}
};

/// k2s.log. Below the threshold a call costs one load and one compare.
class Log {
  public:
    Log() = default;
    Log(const k2s_host *host, const k2s_log *table) noexcept : host_(host), table_(table) {}

    bool enabled(int32_t level) const noexcept {
        return table_ != nullptr &&
               level >= *static_cast<const volatile int32_t *>(table_->threshold);
    }

    void write(int32_t level, std::string_view message, const Field *fields,
               size_t count) const noexcept {
        if (enabled(level)) {
            table_->write(host_, level, to_abi(message), fields, count, sizeof(Field));
        }
    }
    void write(int32_t level, std::string_view message,
               std::initializer_list<Field> fields = {}) const noexcept {
        write(level, message, fields.begin(), fields.size());
    }

    void debug(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(K2S_LOG_DEBUG, message, fields);
    }
    void info(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(K2S_LOG_INFO, message, fields);
    }
    void warn(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(K2S_LOG_WARN, message, fields);
    }
    void error(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(K2S_LOG_ERROR, message, fields);
    }

  private:
    const k2s_host *host_ = nullptr;
    const k2s_log *table_ = nullptr;
};

/// The host as one plugin sees it. Copies are cheap; valid until the plugin is destroyed.
class Host {
  public:
    explicit Host(const k2s_host *host) noexcept
        : host_(host), log_(host, with_slot<k2s_log>(K2S_LOG_ID, &k2s_log::write)) {}

    const k2s_host *get() const noexcept { return host_; }
    const Log &log() const noexcept { return log_; }
    std::string_view version() const noexcept { return from_abi(host_->version); }

    /// The interface table with this id, or nullptr when this host does not offer it.
    template <class Table> const Table *find(std::string_view id) const noexcept {
        return static_cast<const Table *>(host_->get(host_, to_abi(id)));
    }

    /// The same, when the table reaches as far as `slot`: an older host's may be shorter.
    template <class Table, class Slot>
    const Table *with_slot(std::string_view id, Slot Table::*slot) const noexcept {
        const auto *table = find<Table>(id);
        if (table == nullptr) {
            return nullptr;
        }
        const auto *end = reinterpret_cast<const char *>(&(table->*slot) + 1);
        const auto needed = static_cast<uint64_t>(end - reinterpret_cast<const char *>(table));
        return table->struct_size >= needed ? table : nullptr;
    }

    /// JSON of this plugin's settings at an RFC 6901 pointer; empty when nothing is there.
    std::string config(std::string_view pointer) const {
        std::string text;
        const auto *table = with_slot<k2s_config>(K2S_CONFIG_ID, &k2s_config::read);
        const k2s_sink sink = string_sink(text);
        if (table == nullptr || table->read(host_, to_abi(pointer), &sink, nullptr) < 0) {
            text.clear();
        }
        return text;
    }

    /// An environment variable of the process; empty when it is not set, too.
    std::string environment(std::string_view name) const {
        std::string value;
        const auto *table = with_slot<k2s_stdio>(K2S_STDIO_ID, &k2s_stdio::environment);
        const k2s_sink sink = string_sink(value);
        if (table == nullptr || table->environment(host_, to_abi(name), &sink) < 0) {
            value.clear();
        }
        return value;
    }

    /// True once the running command was asked to stop.
    bool cancelled() const noexcept {
        const auto *table = with_slot<k2s_stdio>(K2S_STDIO_ID, &k2s_stdio::cancelled);
        return table != nullptr && table->cancelled(host_) != 0;
    }

    /// A sink that appends to `text`, which must outlive it.
    static k2s_sink string_sink(std::string &text) noexcept {
        return {sizeof(k2s_sink), 0, &text, [](void *context, k2s_bytes data) -> int32_t {
                    return guarded(nullptr, {}, [&] {
                        static_cast<std::string *>(context)->append(from_bytes(data));
                        return K2S_OK;
                    });
                }};
    }

  private:
    const k2s_host *host_;
    Log log_;
};

} // namespace k2s
