// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

#include "access_record.hpp"
#include "net.hpp"
#include "observer.hpp"

namespace k2s::dataplane {

struct AccessLogSettings {
    enum class Format : uint8_t { common, combined, json };
    enum class To : uint8_t { nowhere, file, journald };
    Format format = Format::combined;
    To to = To::nowhere;
    std::string file;                      // UTF-8
    uint64_t max_bytes = 64 * 1024 * 1024; // then the file is put aside
    unsigned keep = 5;                     // as FILE.1, FILE.2 …
    std::string identifier = "k2s";        // SYSLOG_IDENTIFIER
    std::string journal_socket = "/run/systemd/journal/socket";

    /// From the words of the configuration. Errors: K2S_E_CONFIG.
    static std::expected<AccessLogSettings, Error>
    parse(std::string_view format, std::string_view to, std::string_view file);
};

/// Appends `record` to `out` as one line, the line feed included. Hostile bytes are escaped: no
/// record can look like two, or change a terminal.
void format_access(std::string &out, const AccessRecord &record, AccessLogSettings::Format format);

/// Where access records go; belongs to the io_context's thread. Records are collected and written
/// together, after k_flush at the latest.
class AccessLog {
  public:
    static constexpr auto k_flush = Milliseconds(500);
    static constexpr size_t k_buffer = 64 * 1024;

    /// What becomes of the records of this instance. Null for To::nowhere.
    static std::expected<std::shared_ptr<AccessLog>, Error>
    open(net::io_context &io, const AccessLogSettings &settings,
         std::shared_ptr<Observer> observer);

    virtual ~AccessLog() = default;
    AccessLog(const AccessLog &) = delete;
    AccessLog &operator=(const AccessLog &) = delete;

    virtual void write(const AccessRecord &record) = 0;

    /// Writes what is collected, at once.
    virtual void flush() = 0;

  protected:
    AccessLog() = default;
};

} // namespace k2s::dataplane
