// SPDX-License-Identifier: MIT
#include "log/logger.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "config/config.hpp"
#include "log/rotating_file.hpp"
#include "log/system.hpp"
#include "util/environment.hpp"
#include "util/log_root.hpp"

namespace k2s::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto k_between_notices = std::chrono::seconds(10);
constexpr auto k_retry_file = std::chrono::seconds(10);
constexpr std::size_t k_max_id = 64;

bool valid_id(std::string_view id) {
    return !id.empty() && id.size() <= k_max_id && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

} // namespace

const std::string &correlation_id() {
    static const std::string id = [] {
        if (auto given = environment("K2S_CORRELATION_ID"); given && valid_id(*given)) {
            return *given;
        }
        std::string made = random_hex(16);
        set_environment("K2S_CORRELATION_ID", made);
        return made;
    }();
    return id;
}

struct Logger::State {
    mutable std::mutex mutex;
    std::string tool;
    LogSettings settings;
    bool text_on_stderr = false;
    bool colours = false;
    std::unique_ptr<RotatingFile> file;
    fs::path file_path;
    bool use_state_dir = false; ///< the tool's folder below the log root is closed to this user
    Clock::time_point retry_file{};
    std::atomic<uint64_t> dropped{0};
    uint64_t unreported = 0; ///< dropped since the file last took a record
    Clock::time_point next_notice{};

    void apply(LogSettings wanted) {
        if (wanted.root != settings.root || wanted.max_bytes != settings.max_bytes ||
            wanted.files != settings.files || wanted.to_file != settings.to_file) {
            file.reset();
            file_path.clear();
            use_state_dir = false;
            retry_file = {};
        }
        settings = std::move(wanted);
        text_on_stderr = settings.format == LogFormat::text ||
                         (settings.format == LogFormat::automatic && stderr_is_terminal());
        colours = text_on_stderr && stderr_takes_colours();
    }

    Record own_record(int32_t level, std::string_view message) const {
        Record record;
        record.time_us = wall_clock_us();
        record.level = level;
        record.pid = process_id();
        record.tool = tool;
        record.component = "log";
        record.correlation = correlation_id();
        record.message = message;
        return record;
    }

    void say_on_stderr(int32_t level, std::string_view message) {
        std::string line;
        const Record record = own_record(level, message);
        text_on_stderr ? append_text(line, record, colours) : append_json(line, record);
        write_stderr(line);
    }

    Result<void> open_file() {
        Result<LogRoot> own; // a root of our own configuration may change with a reload
        if (!settings.root.empty()) {
            own = resolve_log_root(settings.root, Surroundings::real());
        }
        const Result<LogRoot> &root = settings.root.empty() ? log_root() : own;
        if (!root) {
            return std::unexpected(root.error());
        }
        fs::path folder = root->path / path_from_utf8(tool);
        if (use_state_dir) {
            auto state = state_dir();
            if (!state) {
                return pass(state);
            }
            folder = *state / "log" / path_from_utf8(tool);
            if (auto ready = ensure_writable_folder(*state / "log"); !ready) {
                return ready;
            }
        }
        if (auto made = make_private_folder(folder); !made) {
            return made;
        }
        file_path = folder / path_from_utf8(tool + ".log");
        file = std::make_unique<RotatingFile>(
            RotatingFile::Options{.path = file_path,
                                  .max_bytes = settings.max_bytes,
                                  .keep = settings.files,
                                  .lock_timeout = std::chrono::milliseconds(2000)});
        if (!root->notice.empty()) {
            // Somebody asked for that folder, so they should see it; else the file is told.
            std::string line;
            append_json(line,
                        own_record(root->configured ? k_level_warn : k_level_info, root->notice));
            if (root->configured) {
                say_on_stderr(k_level_warn, root->notice);
            }
            return file->write(line);
        }
        return {};
    }

    Result<void> try_file(std::string_view line) {
        if (!file) {
            if (auto opened = open_file(); !opened) {
                file.reset();
                return opened;
            }
        }
        return file->write(line);
    }

    void to_file(std::string_view line) {
        if (!file && Clock::now() < retry_file) {
            ++dropped;
            ++unreported;
            return;
        }
        auto written = try_file(line);
        if (!written && written.error().code == K2S_E_PERMISSION && !use_state_dir) {
            // Another user owns the tool's folder: root ran the same tool before, say.
            use_state_dir = true;
            file.reset();
            written = try_file(line);
        }
        if (written) {
            if (unreported > 0) {
                std::string note;
                append_json(note, own_record(k_level_warn, fmt::format("{} records could not be "
                                                                       "written to this file",
                                                                       unreported)));
                if (file->write(note)) {
                    unreported = 0;
                }
            }
            return;
        }
        ++dropped;
        ++unreported;
        if (!file) {
            retry_file = Clock::now() + k_retry_file;
        }
        if (Clock::now() >= next_notice) {
            next_notice = Clock::now() + k_between_notices;
            say_on_stderr(k_level_warn, fmt::format("{}; {} log records were dropped so far",
                                                    written.error().message, dropped.load()));
        }
    }
};

Logger::Logger(std::string tool, LogSettings settings)
    : threshold_(settings.level), state_(std::make_unique<State>()) {
    state_->tool = std::move(tool);
    state_->apply(std::move(settings));
    correlation_id();
}

Logger::~Logger() = default;

void Logger::reconfigure(LogSettings settings) {
    const std::lock_guard lock(state_->mutex);
    set_level(settings.level);
    state_->apply(std::move(settings));
}

void Logger::write(int32_t level, std::string_view component, std::string_view message,
                   std::span<const Field> fields) noexcept {
    if (!enabled(level)) {
        return;
    }
    try {
        Record record;
        record.time_us = wall_clock_us();
        record.level = level;
        record.pid = process_id();
        record.tool = state_->tool;
        record.component = component;
        record.correlation = correlation_id();
        record.message = message;
        record.fields = fields;
        std::string json;
        append_json(json, record);
        const std::lock_guard lock(state_->mutex);
        if (state_->settings.to_stderr) {
            std::string text;
            if (state_->text_on_stderr) {
                append_text(text, record, state_->colours);
            }
            if (!write_stderr(state_->text_on_stderr ? text : json)) {
                ++state_->dropped;
            }
        }
        if (state_->settings.to_file) {
            state_->to_file(json);
        }
    } catch (...) { // out of memory: logging must not end the program
        ++state_->dropped;
    }
}

uint64_t Logger::dropped() const noexcept {
    return state_->dropped.load();
}

std::string Logger::file() const {
    const std::lock_guard lock(state_->mutex);
    return path_to_utf8(state_->file_path);
}

LogSettings log_settings(const Config &config) {
    LogSettings settings;
    if (config.is_plain()) {
        return settings;
    }
    const nlohmann::json &log = *config.find("/log");
    const nlohmann::json &level = log.at("level");
    settings.level = level.is_string()
                         ? parse_level(level.get<std::string>()).value_or(k_level_info)
                         : level.get<int32_t>();
    const auto format = log.at("format").get<std::string>();
    settings.format = format == "text"   ? LogFormat::text
                      : format == "json" ? LogFormat::json
                                         : LogFormat::automatic;
    settings.root = log.at("root").get<std::string>();
    settings.max_bytes = log.at("max_bytes").get<uint64_t>();
    settings.files = log.at("files").get<uint32_t>();
    settings.to_file = log.at("file").get<bool>();
    settings.to_stderr = log.at("stderr").get<bool>();
    return settings;
}

} // namespace k2s::core
