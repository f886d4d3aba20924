// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "log/level.hpp"
#include "log/record.hpp"
#include "util/result.hpp"

namespace k2s::core {

class Config;

enum class LogFormat : uint8_t { automatic, text, json };

/// The section `log` of the configuration; the values here are its defaults.
struct LogSettings {
    int32_t level = k_level_info;
    LogFormat format =
        LogFormat::automatic;    ///< of standard error: text on a terminal, else JSON lines
    std::string root;            ///< empty: the rules of log_root()
    uint64_t max_bytes = 500000; ///< of one file, before it is rotated
    uint32_t files = 5;          ///< older files kept
    bool to_file = true;
    bool to_stderr = true;
};

/// From a checked configuration. `level` of the command line (--log-level) goes in by --set.
LogSettings log_settings(const Config &config);

/// Writes records to standard error and to `<log root>/<tool>/<tool>.log`. Making one opens
/// nothing: the folder and file are found with the first record. [any-thread]
class Logger {
  public:
    /// `tool` names folder and file: one of our exe names.
    Logger(std::string tool, LogSettings settings);
    Logger(const Logger &) = delete;
    Logger &operator=(const Logger &) = delete;
    ~Logger();

    /// Records below this are not written. The pointer is valid as long as the logger; read it with
    /// one relaxed load (the ABI's gate).
    const int32_t *threshold() const noexcept { return &threshold_; }
    bool enabled(int32_t level) const noexcept {
        return level >= std::atomic_ref<int32_t>(threshold_).load(std::memory_order_relaxed);
    }
    void set_level(int32_t level) noexcept {
        std::atomic_ref<int32_t>(threshold_).store(level, std::memory_order_relaxed);
    }

    /// Takes the other settings of a reload too. A new root or size counts from the next record on.
    void reconfigure(LogSettings settings);

    /// Never throws, never waits longer than a few seconds, drops and counts instead.
    void write(int32_t level, std::string_view component, std::string_view message,
               std::span<const Field> fields) noexcept;

    void write(int32_t level, std::string_view component, std::string_view message,
               std::initializer_list<Field> fields = {}) noexcept {
        if (enabled(level)) {
            write(level, component, message, std::span<const Field>(fields.begin(), fields.size()));
        }
    }

    /// Records that a sink could not take.
    uint64_t dropped() const noexcept;

    /// The file being written; empty before the first record or when there is none.
    std::string file() const;

  private:
    struct State;
    mutable int32_t threshold_;
    std::unique_ptr<State> state_;
};

/// One id for everything that one user action causes: K2S_CORRELATION_ID of the environment when it
/// is 1 to 64 of [A-Za-z0-9._-], else 128 new random bits. Either way it is set in the environment,
/// so that child processes hand it on. First called when the logger is made, before threads start.
const std::string &correlation_id();

} // namespace k2s::core
