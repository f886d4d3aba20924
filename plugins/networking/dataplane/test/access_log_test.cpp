// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <cstdint>

#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/filesystem/operations.hpp>
#include <k2s/sdk/read_file.hpp>

#include "dataplane/access_log.hpp"

using namespace k2s::dataplane;
namespace fs = boost::filesystem;
using Format = AccessLogSettings::Format;

namespace {

class Notes final : public Observer {
  public:
    void on_log(LogLevel, std::string_view message, std::initializer_list<LogField>) override {
        texts.emplace_back(message);
    }
    std::vector<std::string> texts;
};

AccessRecord sample() {
    AccessRecord record;
    record.start = std::chrono::sys_days(std::chrono::year(2026) / 2 / 3) + std::chrono::hours(4) +
                   std::chrono::minutes(5) + std::chrono::milliseconds(6007);
    record.client = "10.1.2.3:5000";
    record.method = "GET";
    record.target = "http://example.com/a";
    record.protocol = "HTTP/1.1";
    record.route = "direct";
    record.user_agent = "curl/8";
    record.status = 200;
    record.bytes_in = 3;
    record.bytes_out = 1234;
    record.duration = std::chrono::microseconds(567);
    return record;
}

std::string line(const AccessRecord &record, Format format) {
    std::string out;
    format_access(out, record, format);
    return out;
}

std::string read_file(const std::string &path) {
    std::string text;
    k2s::read_file(path, SIZE_MAX, text);
    return text;
}

struct Folder {
    Folder() : path(fs::temp_directory_path() / fs::unique_path("k2s-log-%%%%-%%%%")) {
        fs::create_directory(path);
    }
    ~Folder() {
        boost::system::error_code ignored;
        fs::remove_all(path, ignored);
    }
    std::string file(const char *name) const { return (path / name).string(); }
    fs::path path;
};

AccessLogSettings to_file(const std::string &path) {
    AccessLogSettings settings;
    settings.format = Format::common;
    settings.to = AccessLogSettings::To::file;
    settings.file = path;
    return settings;
}

} // namespace

BOOST_AUTO_TEST_SUITE(access_log)

BOOST_AUTO_TEST_CASE(the_three_formats) {
    AccessRecord record = sample();
    BOOST_CHECK_EQUAL(line(record, Format::common),
                      "10.1.2.3 - - [03/Feb/2026:04:05:06 +0000] \"GET http://example.com/a "
                      "HTTP/1.1\" 200 1234\n");
    BOOST_CHECK_EQUAL(line(record, Format::combined),
                      "10.1.2.3 - - [03/Feb/2026:04:05:06 +0000] \"GET http://example.com/a "
                      "HTTP/1.1\" 200 1234 \"-\" \"curl/8\"\n");
    BOOST_CHECK_EQUAL(line(record, Format::json),
                      "{\"time\":\"2026-02-03T04:05:06.007Z\",\"client\":\"10.1.2.3:5000\","
                      "\"method\":\"GET\",\"target\":\"http://example.com/a\","
                      "\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes_in\":3,\"bytes_out\":1234,"
                      "\"us\":567,\"route\":\"direct\",\"user_agent\":\"curl/8\"}\n");
    record = {};
    record.client = "[2001:db8::1]:80";
    BOOST_CHECK_EQUAL(line(record, Format::common),
                      "2001:db8::1 - - [01/Jan/1970:00:00:00 +0000] \"- -\" - 0\n");
}

BOOST_AUTO_TEST_CASE(hostile_bytes_stay_inside_their_record) {
    AccessRecord record = sample();
    const std::string evil("\" 200\n\r\x1b[2J\\\0\x7f\xff{}", 17);
    record.target = record.user_agent = record.referer = record.problem = evil;
    for (const Format format : {Format::common, Format::combined, Format::json}) {
        const std::string text = line(record, format);
        BOOST_CHECK_EQUAL(text.find('\n'), text.size() - 1);
        for (const char c : text.substr(0, text.size() - 1)) {
            BOOST_CHECK(c >= 0x20 && c < 0x7f);
        }
    }
    BOOST_CHECK(line(record, Format::common)
                    .find("\"GET \\\" 200\\x0a\\x0d\\x1b[2J\\\\\\x00\\x7f\\xff{} HTTP/1.1\" 200") !=
                std::string::npos);
    BOOST_CHECK(
        line(record, Format::json)
            .find("\"target\":\"\\\" 200\\u000a\\u000d\\u001b[2J\\\\\\u0000\\u007f\\u00ff{}\"") !=
        std::string::npos);
}

BOOST_AUTO_TEST_CASE(words_of_the_configuration) {
    BOOST_CHECK(AccessLogSettings::parse("json", "none", "").has_value());
    BOOST_CHECK(AccessLogSettings::parse("common", "file", "x").has_value());
    BOOST_CHECK(!AccessLogSettings::parse("xml", "none", ""));
    BOOST_CHECK(!AccessLogSettings::parse("json", "syslog", ""));
    const auto no_file = AccessLogSettings::parse("json", "file", "");
    BOOST_REQUIRE(!no_file);
    BOOST_CHECK_EQUAL(no_file.error().code, K2S_E_CONFIG);
}

BOOST_AUTO_TEST_CASE(records_reach_the_file_in_time_and_at_the_end) {
    const Folder folder;
    net::io_context io;
    const auto notes = std::make_shared<Notes>();
    const auto settings = to_file(folder.file("access"));
    auto log = AccessLog::open(io, settings, notes);
    BOOST_REQUIRE(log.has_value());
    (*log)->write(sample());
    BOOST_CHECK_EQUAL(read_file(settings.file), ""); // collected
    io.run_for(std::chrono::seconds(3));
    BOOST_CHECK_EQUAL(read_file(settings.file), line(sample(), Format::common));
    (*log)->write(sample());
    log->reset();
    const std::string both = line(sample(), Format::common) + line(sample(), Format::common);
    BOOST_CHECK_EQUAL(read_file(settings.file), both);

    log = AccessLog::open(io, settings, notes); // appends
    (*log)->write(sample());
    (*log)->flush();
    BOOST_CHECK_EQUAL(read_file(settings.file), both + line(sample(), Format::common));
    BOOST_CHECK(notes->texts.empty());
}

BOOST_AUTO_TEST_CASE(a_full_file_is_put_aside_and_few_are_kept) {
    const Folder folder;
    net::io_context io;
    auto settings = to_file(folder.file("access"));
    const std::string one = line(sample(), Format::common);
    settings.max_bytes = 2 * one.size();
    settings.keep = 2;
    const auto log = AccessLog::open(io, settings, std::make_shared<Notes>());
    BOOST_REQUIRE(log.has_value());
    for (int i = 0; i < 9; ++i) {
        (*log)->write(sample());
        (*log)->flush();
    }
    BOOST_CHECK_EQUAL(read_file(settings.file), one);
    BOOST_CHECK_EQUAL(read_file(settings.file + ".1"), one + one);
    BOOST_CHECK_EQUAL(read_file(settings.file + ".2"), one + one);
    BOOST_CHECK(!fs::exists(settings.file + ".3"));
}

BOOST_AUTO_TEST_CASE(opening_it_again_finds_the_file_that_others_renamed) {
    const Folder folder;
    net::io_context io;
    const auto settings = to_file(folder.file("access"));
    auto log = AccessLog::open(io, settings, std::make_shared<Notes>());
    BOOST_REQUIRE(log.has_value());
    (*log)->write(sample());
    fs::rename(settings.file, settings.file + ".old");
    log = AccessLog::open(io, settings, std::make_shared<Notes>()); // as a reload does
    (*log)->write(sample());
    (*log)->flush();
    BOOST_CHECK_EQUAL(read_file(settings.file), line(sample(), Format::common));
    BOOST_CHECK_EQUAL(read_file(settings.file + ".old"), line(sample(), Format::common));
}

BOOST_AUTO_TEST_CASE(targets_that_cannot_be_opened) {
    net::io_context io;
    const Folder folder;
    for (const std::string &path : {folder.file("no/such/folder"), folder.path.string()}) {
        const auto log = AccessLog::open(io, to_file(path), std::make_shared<Notes>());
        BOOST_REQUIRE(!log);
        BOOST_CHECK_EQUAL(log.error().code, K2S_E_CONFIG);
        BOOST_CHECK(log.error().message.find(path) != std::string::npos);
    }
    AccessLogSettings journal;
    journal.to = AccessLogSettings::To::journald;
    journal.journal_socket = folder.file("nobody");
    const auto log = AccessLog::open(io, journal, std::make_shared<Notes>());
    BOOST_REQUIRE(!log);
    BOOST_CHECK_EQUAL(log.error().code, K2S_E_CONFIG);
    BOOST_CHECK(log.error().message.find("journald") != std::string::npos);
    BOOST_CHECK(AccessLog::open(io, {}, std::make_shared<Notes>()).value() == nullptr);
}

#ifdef __linux__

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_once_and_forgotten_when_it_is_over) {
    const Folder folder;
    fs::create_symlink("/dev/full", folder.path / "access");
    net::io_context io;
    const auto notes = std::make_shared<Notes>();
    const auto log = AccessLog::open(io, to_file(folder.file("access")), notes);
    BOOST_REQUIRE(log.has_value());
    for (int i = 0; i < 5; ++i) {
        (*log)->write(sample());
        (*log)->flush();
    }
    BOOST_REQUIRE_EQUAL(notes->texts.size(), 1U);
    BOOST_CHECK(notes->texts[0].find("cannot be written") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(journald_gets_a_datagram_for_each_record) {
    const Folder folder;
    net::io_context io;
    net::local::datagram_protocol::socket journal(
        io, net::local::datagram_protocol::endpoint(folder.file("journal")));
    AccessLogSettings settings;
    settings.to = AccessLogSettings::To::journald;
    settings.journal_socket = folder.file("journal");
    settings.identifier = "k2s-test";
    settings.format = Format::common;
    const auto notes = std::make_shared<Notes>();
    const auto log = AccessLog::open(io, settings, notes);
    BOOST_REQUIRE(log.has_value());
    AccessRecord record = sample();
    record.target = "x\nPRIORITY=0"; // may not become a field of its own
    (*log)->write(record);
    std::string datagram(4096, '\0');
    datagram.resize(journal.receive(net::buffer(datagram)));
    BOOST_CHECK_EQUAL(datagram, "PRIORITY=6\nSYSLOG_IDENTIFIER=k2s-test\nK2S_STATUS=200\n"
                                "K2S_BYTES_IN=3\nK2S_BYTES_OUT=1234\nK2S_US=567\nMESSAGE=" +
                                    line(record, Format::common));
    journal.close();
    for (int i = 0; i < 3; ++i) {
        (*log)->write(record);
    }
    BOOST_CHECK_EQUAL(notes->texts.size(), 1U);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
