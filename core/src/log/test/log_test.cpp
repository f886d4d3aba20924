// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE log
#include <boost/test/included/unit_test.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <thread>

#include <boost/filesystem.hpp>
#include <nlohmann/json.hpp>

#include "child.hpp"
#include "log/logger.hpp"
#include "log/rotating_file.hpp"
#include "log/system.hpp"
#include "util/environment.hpp"
#include "util/read_file.hpp"
#include "util/utf8.hpp"

using namespace k2s::core;
using nlohmann::json;
using namespace std::literals;

namespace {

struct TemporaryFolder {
    fs::path path = fs::temp_directory_path() / fs::unique_path("k2s-log-%%%%-%%%%-%%%%");
    TemporaryFolder() { fs::create_directories(path); }
    ~TemporaryFolder() {
        boost::system::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

std::vector<std::string> lines_of(const fs::path &file) {
    std::ifstream in(file.c_str(), std::ios::binary);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::vector<fs::path> parts_of(const fs::path &file) {
    std::vector<fs::path> parts;
    for (const auto &entry : fs::directory_iterator(file.parent_path())) {
        const std::string name = path_to_utf8(entry.path().filename());
        if (name.starts_with(path_to_utf8(file.filename())) && !name.ends_with(".lock")) {
            parts.push_back(entry.path());
        }
    }
    return parts;
}

std::string line_of(int writer, int number) {
    // Of different lengths, so that a torn or mixed line cannot look like a good one.
    return fmt::format("{} {} {}\n", writer, number,
                       std::string(static_cast<std::size_t>((writer * 7 + number) % 90), 'x'));
}

std::string json_record(const Record &record) {
    std::string out;
    append_json(out, record);
    BOOST_TEST(out.size() <= k_max_record);
    BOOST_TEST(out.ends_with("}\n"));
    BOOST_TEST(std::count(out.begin(), out.end(), '\n') == 1);
    BOOST_TEST(valid_utf8(out));
    return out;
}

std::string text_record(const Record &record, bool colour = false) {
    std::string out;
    append_text(out, record, colour);
    BOOST_TEST(out.size() <= k_max_record);
    BOOST_TEST(std::count(out.begin(), out.end(), '\n') == 1);
    return out;
}

} // namespace

// What the program does when many_processes_lose_no_line starts it again; no test of its own.
BOOST_AUTO_TEST_CASE(writer, *boost::unit_test::disabled()) {
    const auto &suite = boost::unit_test::framework::master_test_suite();
    const std::vector<std::string> arguments(suite.argv + 1, suite.argv + suite.argc);
    BOOST_REQUIRE(arguments.size() == 5U); // FOLDER NUMBER LINES BYTES KEEP
    RotatingFile file({.path = path_from_utf8(arguments[0]) / "many.log",
                       .max_bytes = std::stoull(arguments[3]),
                       .keep = static_cast<uint32_t>(std::stoul(arguments[4])),
                       .lock_timeout = 60s}); // a loaded test machine is no reason to lose a line
    const int number = std::stoi(arguments[1]);
    for (int line = 0; line < std::stoi(arguments[2]); ++line) {
        const auto written = file.write(line_of(number, line));
        BOOST_REQUIRE_MESSAGE(written, (written ? "" : written.error().message));
    }
}

BOOST_AUTO_TEST_CASE(levels) {
    const std::pair<const char *, int> good[] = {
        {"debug", -4},  {"INFO", 0}, {"Warn", 4}, {"warning", 4}, {"error", 8},     {"debug+4", 0},
        {"ERROR-2", 6}, {"-4", -4},  {"+3", 3},   {"12", 12},     {"warning+1", 5}, {"info-0", 0},
    };
    for (const auto &[text, level] : good) {
        const auto parsed = parse_level(text);
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(parsed.value_or(-999) == level);
        }
    }
    for (const char *bad : {"", "loud", "debug+", "debug+x", "infos", "1.5", "99999999999",
                            "debug 4", "+", "+-3", "info+-1", "\xFF"}) {
        const auto parsed = parse_level(bad);
        BOOST_TEST_CONTEXT(bad) {
            BOOST_TEST(!parsed);
            BOOST_TEST(valid_utf8(parsed.error().message));
        }
    }
    const std::pair<int, const char *> names[] = {{-4, "DEBUG"}, {-6, "DEBUG-2"}, {-1, "DEBUG+3"},
                                                  {0, "INFO"},   {2, "INFO+2"},   {4, "WARN"},
                                                  {8, "ERROR"},  {20, "ERROR+12"}};
    for (const auto &[level, name] : names) {
        BOOST_TEST(level_name(level) == name);
        BOOST_TEST(parse_level(name).value() == level);
    }
}

BOOST_AUTO_TEST_CASE(times) {
    const std::pair<int64_t, const char *> cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1709210096123456, "2024-02-29T12:34:56.123456Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {4102444800000001, "2100-01-01T00:00:00.000001Z"},
    };
    for (const auto &[time, text] : cases) {
        std::string out;
        append_time(out, time);
        BOOST_TEST(out == text);
    }
    BOOST_TEST(wall_clock_us() > 1700000000000000);
}

BOOST_AUTO_TEST_CASE(records_as_json_and_text) {
    const Field fields[] = {{"text", "two words"sv},
                            {"plain", "word"sv},
                            {"int", int64_t{-5}},
                            {"big", UINT64_MAX},
                            {"real", 0.5},
                            {"flag", true},
                            {"raw", JsonText{"{\"a\":\n [1]}"}},
                            {"bad", JsonText{"{oops"}},
                            {"level", "clash"sv},
                            {"nan", std::nan("")},
                            {"inf", -std::numeric_limits<double>::infinity()},
                            {"empty", ""sv}};
    Record record;
    record.level = 2;
    record.pid = 42;
    record.tool = "httpproxy";
    record.component = "listener";
    record.correlation = "abc";
    record.message = "new \"connection\"\r\n\x1b[31m\x7f\xC2\x9B\xFF gr\xC3\xBC\xC3\x9F";
    record.fields = fields;
    BOOST_TEST(
        json_record(record) ==
        R"({"time":"1970-01-01T00:00:00.000000Z","level":"INFO+2","msg":"new \"connection\"\r\n)"
        R"(\u001b[31m\u007f\u009b)"
        "\xEF\xBF\xBD gr\xC3\xBC\xC3\x9F"
        R"(","tool":"httpproxy","component":"listener","pid":42,"correlation_id":"abc",)"
        R"("text":"two words","plain":"word","int":-5,"big":18446744073709551615,"real":0.5,)"
        R"("flag":true,"raw":{"a":[1]},"bad":"{oops","field_level":"clash","nan":"NaN",)"
        R"("inf":"-Infinity","empty":""})"
        "\n");
    BOOST_TEST(
        text_record(record) ==
        "1970-01-01T00:00:00.000000Z INFO+2 listener: new \"connection\"\\r\\n\\u001b[31m"
        "\\u007f\\u009b\xEF\xBF\xBD gr\xC3\xBC\xC3\x9F text=\"two words\" plain=word int=-5 "
        "big=18446744073709551615 real=0.5 flag=true raw={\"a\":[1]} bad=\"{oops\" level=clash "
        "nan=\"NaN\" inf=\"-Infinity\" empty=\"\"\n");
    record.level = 8;
    record.fields = {};
    record.message = "m";
    BOOST_TEST(text_record(record, true) ==
               "1970-01-01T00:00:00.000000Z \x1b[31mERROR\x1b[0m listener: m\n");
}

BOOST_AUTO_TEST_CASE(records_are_bounded) {
    Record record;
    for (const char filler : {'x', '\x01', '\xFF', '"'}) {
        const std::string huge(100000, filler);
        record.message = huge;
        BOOST_TEST(!json::parse(json_record(record))["msg"].get<std::string>().empty());
        text_record(record);
        std::vector<Field> many(200, Field{"key", std::string_view(huge).substr(0, 500)});
        many.push_back({huge, JsonText{huge}});
        record.message = "short";
        record.fields = many;
        const json parsed = json::parse(json_record(record));
        BOOST_TEST(parsed["truncated"] == true);
        BOOST_TEST(text_record(record).ends_with(" truncated=true\n"));
        record.fields = {};
    }
}

BOOST_AUTO_TEST_CASE(rotation_keeps_a_bounded_number) {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "a" / "tool.log"; // the folder is made
    const std::string line = std::string(99, 'l') + "\n";
    {
        RotatingFile file({.path = path, .max_bytes = 1000, .keep = 3});
        for (int number = 0; number < 100; ++number) {
            BOOST_REQUIRE(file.write(line));
        }
    }
    BOOST_TEST(parts_of(path).size() == 4U);
    for (const fs::path &part : parts_of(path)) {
        BOOST_TEST(fs::file_size(part) == 1000U);
    }
    {
        RotatingFile fewer({.path = path, .max_bytes = 1000, .keep = 1});
        BOOST_REQUIRE(fewer.write(line));
        BOOST_REQUIRE(
            fewer.write(std::string(5000, 'b') + "\n")); // longer than a file: still whole
    }
    BOOST_TEST(parts_of(path).size() == 2U);
    BOOST_TEST(lines_of(path).back().size() == 5000U);
    RotatingFile none({.path = path, .max_bytes = 1000, .keep = 0});
    BOOST_REQUIRE(none.write(line));
    BOOST_TEST(lines_of(path).size() == 1U);
}

BOOST_AUTO_TEST_CASE(writers_follow_what_happens_to_the_file) {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "tool.log";
    RotatingFile one({.path = path, .max_bytes = 100000, .keep = 2});
    RotatingFile two({.path = path, .max_bytes = 50, .keep = 2});
    BOOST_REQUIRE(one.write("first line, long enough to be rotated away by the next\n"));
    BOOST_REQUIRE(two.write("second\n")); // rotates
    BOOST_REQUIRE(one.write("third\n"));
    BOOST_TEST(lines_of(path) == (std::vector<std::string>{"second", "third"}),
               boost::test_tools::per_element());
    fs::rename(path, folder.path / "away.log"); // by hand or by another tool
    BOOST_REQUIRE(one.write("fourth\n"));
    BOOST_TEST(lines_of(path) == (std::vector<std::string>{"fourth"}),
               boost::test_tools::per_element());
    // What a killed process left without a newline does not swallow the next line.
    {
        std::ofstream torn(path.c_str(), std::ios::binary | std::ios::app);
        torn << "torn";
    }
    RotatingFile three({.path = path, .max_bytes = 100000, .keep = 2});
    BOOST_REQUIRE(three.write("fifth\n"));
    BOOST_TEST(lines_of(path) == (std::vector<std::string>{"fourth", "torn", "fifth"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_an_error) {
    const TemporaryFolder folder;
    fs::create_directories(folder.path / "tool.log");
    RotatingFile directory({.path = folder.path / "tool.log"});
    BOOST_TEST(!directory.write("x\n"));
#ifndef _WIN32
    fs::create_symlink("/dev/null", folder.path / "link.log");
    RotatingFile link({.path = folder.path / "link.log"});
    BOOST_TEST(!link.write("x\n"));
#endif
}

#ifdef __linux__
BOOST_AUTO_TEST_CASE(a_full_disk_tears_no_line) {
    if (!fs::exists("/dev/shm") || ::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: needs root to mount a small file system");
        return;
    }
    const TemporaryFolder folder;
    const std::string mount =
        "mount -t tmpfs -o size=64k k2s " + folder.path.native() + " 2>/dev/null";
    if (std::system(mount.c_str()) != 0) {
        BOOST_TEST_MESSAGE("skipped: mount is not permitted here");
        return;
    }
    {
        RotatingFile file({.path = folder.path / "tool.log", .max_bytes = 1000000, .keep = 2});
        const std::string line = std::string(998, 'l') + "\n";
        int good = 0;
        for (int number = 0; number < 100; ++number) {
            good += file.write(line) ? 1 : 0;
        }
        BOOST_TEST(good > 0);
        BOOST_TEST(good < 100);
        const auto lines = lines_of(folder.path / "tool.log");
        BOOST_TEST(lines.size() == static_cast<std::size_t>(good));
        for (const std::string &one : lines) {
            BOOST_TEST(one.size() == 998U);
        }
    }
    BOOST_TEST(std::system(("umount " + folder.path.native()).c_str()) == 0);
}
#endif

BOOST_AUTO_TEST_CASE(a_lock_that_stays_taken_delays_but_does_not_block) {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "tool.log";
    RotatingFile file({.path = path, .keep = 1, .lock_timeout = 200ms});
    BOOST_REQUIRE(file.write("before\n"));
    const HeldLock held(path_from_utf8(path_to_utf8(path) + ".lock"));
    const auto start = std::chrono::steady_clock::now();
    const auto written = file.write("x\n");
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().code == K2S_E_TIMEOUT);
    BOOST_TEST(!file.write("y\n")); // at once: the next attempt is seconds away
    BOOST_TEST((std::chrono::steady_clock::now() - start < 5s));
    BOOST_TEST(lines_of(path).size() == 1U);
}

BOOST_AUTO_TEST_CASE(many_processes_lose_no_line) {
#ifdef _WIN32
    constexpr int k_writers = 40; // wine's server does all locking in one thread
#else
    constexpr int k_writers = 200;
#endif
    constexpr int k_lines = 100;
    const TemporaryFolder folder;
    const std::string program = path_to_utf8(executable_path().value());
    std::vector<intptr_t> children;
    for (int writer = 0; writer < k_writers; ++writer) {
        children.push_back(start_child(program, {"--run_test=writer", "--report_level=no", "--",
                                                 path_to_utf8(folder.path), std::to_string(writer),
                                                 std::to_string(k_lines), "20000", "1000"}));
        BOOST_REQUIRE(children.back() > 0);
    }
    for (const intptr_t child : children) {
        BOOST_TEST(wait_child(child) == 0);
    }
    std::map<std::string, int> seen;
    const auto parts = parts_of(folder.path / "many.log");
    BOOST_TEST(parts.size() > 5U); // it did rotate meanwhile
    for (const fs::path &part : parts) {
        BOOST_TEST(fs::file_size(part) <= 20000U);
        for (const std::string &line : lines_of(part)) {
            ++seen[line + "\n"];
        }
    }
    BOOST_TEST(seen.size() == static_cast<std::size_t>(k_writers * k_lines));
    int wrong = 0;
    for (int writer = 0; writer < k_writers; ++writer) {
        for (int number = 0; number < k_lines; ++number) {
            const auto found = seen.find(line_of(writer, number));
            wrong += found == seen.end() || found->second != 1 ? 1 : 0;
        }
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(the_logger_writes_its_file) {
    const TemporaryFolder folder;
    LogSettings settings;
    settings.root = path_to_utf8(folder.path / "root");
    settings.to_stderr = false;
    settings.level = k_level_warn;
    Logger logger("tool", settings);
    BOOST_TEST(*logger.threshold() == k_level_warn);
    BOOST_TEST(!logger.enabled(k_level_info));
    logger.write(k_level_info, "c", "below");
    BOOST_TEST(logger.file() == "");
    BOOST_TEST(!fs::exists(folder.path / "root")); // nothing is made before it is needed
    logger.write(k_level_error, "c", "one", {{"key", int64_t{7}}});
    logger.set_level(k_level_debug);
    logger.write(k_level_debug, "c", "two");
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&logger] {
            for (int count = 0; count < 50; ++count) {
                logger.write(k_level_info, "thread", "line");
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    const fs::path file = folder.path / "root" / "tool" / "tool.log";
    BOOST_TEST(path_from_utf8(logger.file()) == file);
    const auto lines = lines_of(file);
    BOOST_REQUIRE(lines.size() == 202U);
    const json first = json::parse(lines[0]);
    BOOST_TEST(first["msg"] == "one");
    BOOST_TEST(first["level"] == "ERROR");
    BOOST_TEST(first["tool"] == "tool");
    BOOST_TEST(first["component"] == "c");
    BOOST_TEST(first["key"] == 7);
    BOOST_TEST(first["pid"] == process_id());
    BOOST_TEST(first["correlation_id"] == correlation_id());
    BOOST_TEST(logger.dropped() == 0U);
#ifndef _WIN32
    BOOST_TEST((fs::status(file).permissions() & fs::others_all) == fs::no_perms);
    BOOST_TEST((fs::status(file.parent_path()).permissions() & fs::others_all) == fs::no_perms);
#endif
    // A reload may move it.
    settings.root = path_to_utf8(folder.path / "other");
    logger.reconfigure(settings);
    logger.write(k_level_error, "c", "moved");
    BOOST_TEST(lines_of(folder.path / "other" / "tool" / "tool.log").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_logger_without_a_file_counts) {
    const TemporaryFolder folder;
    fs::create_directories(folder.path / "root" / "tool" / "tool.log"); // in the way
    LogSettings settings;
    settings.root = path_to_utf8(folder.path / "root");
    settings.to_stderr = false;
    Logger logger("tool", settings);
    logger.write(k_level_error, "c", "lost");
    logger.write(k_level_error, "c", "lost too");
    BOOST_TEST(logger.dropped() == 2U);
    fs::remove(folder.path / "root" / "tool" / "tool.log");
    logger.write(k_level_error, "c", "kept");
    const auto lines = lines_of(folder.path / "root" / "tool" / "tool.log");
    BOOST_REQUIRE(lines.size() == 2U);
    BOOST_TEST(json::parse(lines[0])["msg"] == "kept");
    BOOST_TEST(json::parse(lines[1])["msg"] == "2 records could not be written to this file");
}

BOOST_AUTO_TEST_CASE(correlation_is_handed_on) {
    BOOST_TEST(correlation_id().size() == 32U);
    BOOST_TEST(environment("K2S_CORRELATION_ID").value() == correlation_id());
    BOOST_TEST(random_hex(16) != random_hex(16));
}
