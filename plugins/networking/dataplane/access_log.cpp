// SPDX-License-Identifier: MIT
#include "access_log.hpp"

#include <utility>

#include "access_sink.hpp"

namespace k2s::dataplane {
namespace {

/// Reports the first failure and the recovery, not every record that is lost in between.
class Trouble {
  public:
    Trouble(std::shared_ptr<Observer> observer, std::string target)
        : observer_(std::move(observer)), target_(std::move(target)) {}

    void note(const error_code &ec) {
        if (ec && !lost_) {
            observer_->on_log(LogLevel::error,
                              "the access log cannot be written: requests go on, but are not "
                              "recorded until it can be",
                              {{"access_log", target_}, {"error", ec.message()}});
        } else if (!ec && lost_) {
            observer_->on_log(LogLevel::warn, "the access log is written again",
                              {{"access_log", target_}});
        }
        lost_ = static_cast<bool>(ec);
    }

  private:
    std::shared_ptr<Observer> observer_;
    std::string target_;
    bool lost_ = false;
};

class FileLog final : public AccessLog, public std::enable_shared_from_this<FileLog> {
  public:
    FileLog(net::io_context &io, const AccessLogSettings &settings,
            std::unique_ptr<AppendFile> file, std::shared_ptr<Observer> observer)
        : settings_(settings), file_(std::move(file)), timer_(io),
          trouble_(std::move(observer), settings.file) {
        buffer_.reserve(k_buffer);
    }
    ~FileLog() override { flush(); }

    void write(const AccessRecord &record) override {
        format_access(buffer_, record, settings_.format);
        if (buffer_.size() >= k_buffer) {
            flush();
        } else if (!waiting_) {
            flush_later();
        }
    }

    void flush() override {
        if (buffer_.empty()) {
            return;
        }
        const bool full = file_ && file_->regular() && file_->size() != 0 &&
                          file_->size() + buffer_.size() > settings_.max_bytes;
        error_code ec = full ? rotate() : error_code();
        if (!file_) { // an earlier rotation could not open the new file
            ec = reopen();
        }
        if (file_) {
            size_t written = 0;
            const error_code failed = file_->append(buffer_, written);
            ec = failed ? failed : ec;
        }
        trouble_.note(ec);
        buffer_.clear(); // also what could not be written: memory is bounded
    }

  private:
    void flush_later() {
        waiting_ = true;
        timer_.expires_after(k_flush);
        timer_.async_wait([weak = weak_from_this()](const error_code &ec) {
            const auto self = weak.lock();
            if (self && !ec) {
                self->waiting_ = false;
                self->flush();
            }
        });
    }

    std::string aside(unsigned number) const {
        return settings_.file + "." + std::to_string(number);
    }

    error_code rotate() {
        file_.reset();
        for (unsigned i = settings_.keep; i > 1; --i) {
            replace_file(aside(i - 1), aside(i)); // most often there is none yet
        }
        const error_code moved = replace_file(settings_.file, aside(1));
        const error_code opened = reopen();
        return moved ? moved : opened;
    }

    error_code reopen() {
        auto file = AppendFile::open(settings_.file);
        if (!file) {
            return file.error();
        }
        file_ = std::move(*file);
        return {};
    }

    const AccessLogSettings settings_;
    std::unique_ptr<AppendFile> file_;
    Timer timer_;
    Trouble trouble_;
    std::string buffer_;
    bool waiting_ = false;
};

/// journald's native protocol: KEY=value lines in one datagram for each record. The values are
/// escaped, so none has a line feed.
class JournalLog final : public AccessLog {
  public:
    JournalLog(const AccessLogSettings &settings, std::unique_ptr<DatagramSink> sink,
               std::shared_ptr<Observer> observer)
        : settings_(settings), sink_(std::move(sink)),
          trouble_(std::move(observer), settings.journal_socket) {}

    void write(const AccessRecord &record) override {
        datagram_ = "PRIORITY=6\nSYSLOG_IDENTIFIER=" + settings_.identifier +
                    "\nK2S_STATUS=" + std::to_string(record.status) +
                    "\nK2S_BYTES_IN=" + std::to_string(record.bytes_in) +
                    "\nK2S_BYTES_OUT=" + std::to_string(record.bytes_out) +
                    "\nK2S_US=" + std::to_string(record.duration.count()) + "\nMESSAGE=";
        format_access(datagram_, record, settings_.format);
        trouble_.note(sink_->send(datagram_));
    }

    void flush() override {}

  private:
    const AccessLogSettings settings_;
    std::unique_ptr<DatagramSink> sink_;
    Trouble trouble_;
    std::string datagram_;
};

} // namespace

std::expected<AccessLogSettings, Error>
AccessLogSettings::parse(std::string_view format, std::string_view to, std::string_view file) {
    const auto wrong = [](std::string message) {
        return std::unexpected(Error{K2S_E_CONFIG, "access_log: " + std::move(message)});
    };
    AccessLogSettings settings;
    settings.file = file;
    if (format == "common") {
        settings.format = Format::common;
    } else if (format == "json") {
        settings.format = Format::json;
    } else if (format != "combined") {
        return wrong("format is none of common, combined, json");
    }
    if (to == "file") {
        settings.to = To::file;
    } else if (to == "journald") {
        settings.to = To::journald;
    } else if (to != "none") {
        return wrong("to is none of none, file, journald");
    }
    if (settings.to == To::file && file.empty()) {
        return wrong("file is missing; name the file to write to");
    }
    return settings;
}

std::expected<std::shared_ptr<AccessLog>, Error>
AccessLog::open(net::io_context &io, const AccessLogSettings &settings,
                std::shared_ptr<Observer> observer) {
    if (settings.to == AccessLogSettings::To::nowhere) {
        return nullptr;
    }
    if (settings.to == AccessLogSettings::To::file) {
        auto file = AppendFile::open(settings.file);
        if (!file) {
            return std::unexpected(Error{
                K2S_E_CONFIG, "cannot write the access log \"" + settings.file + "\": " +
                                  file.error().message() + "; choose another access_log.file"});
        }
        return std::make_shared<FileLog>(io, settings, std::move(*file), std::move(observer));
    }
    auto sink = DatagramSink::open(settings.journal_socket);
    if (!sink) {
        return std::unexpected(
            Error{K2S_E_CONFIG, "the access log cannot go to journald: " + sink.error().message() +
                                    "; set access_log.to to file or none"});
    }
    return std::make_shared<JournalLog>(settings, std::move(*sink), std::move(observer));
}

} // namespace k2s::dataplane
