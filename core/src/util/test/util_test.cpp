// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE util
#include <boost/test/included/unit_test.hpp>

#include <fstream>
#include <map>

#include <boost/filesystem.hpp>

#include "util/directories.hpp"
#include "util/environment.hpp"
#include "util/log_root.hpp"
#include "util/privilege.hpp"
#include "util/read_file.hpp"
#include "util/real.hpp"
#include "util/utf8.hpp"

using namespace k2s::core;
using namespace std::literals;

namespace {

struct TemporaryFolder {
    fs::path path = fs::temp_directory_path() / fs::unique_path("k2s-util-%%%%-%%%%-%%%%");
    TemporaryFolder() { fs::create_directories(path); }
    ~TemporaryFolder() {
        boost::system::error_code ignored;
        fs::remove_all(long_path(path), ignored);
    }
};

void write(const fs::path &file, std::string_view content) {
    fs::create_directories(long_path(file.parent_path()));
    std::ofstream out(long_path(file).c_str(), std::ios::binary);
    out << content;
    out.close();
    BOOST_REQUIRE(out.good());
}

struct Fixture {
    TemporaryFolder folder;
    std::map<std::string, std::string> variables;
    Surroundings where;

    Fixture() {
        where.env = [this](const char *name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        where.executable = folder.path / "inst" / "bin" / "cni" / "bridge";
        where.system_config = folder.path / "etc";
        where.system_state = folder.path / "system";
        where.system_run = folder.path / "run";
        where.default_log_root = folder.path / "default";
    }
    std::string in(const char *name) const { return path_to_utf8(folder.path / name); }
    static std::string json(const std::string &text) {
        std::string out;
        for (const char c : text) {
            out += c == '\\' ? std::string("\\\\") : std::string(1, c);
        }
        return '"' + out + '"';
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(utf8_validity_and_replacement) {
    struct Case {
        std::string_view text;
        int error; // offset, or -1
        std::string_view lossy;
    };
    const Case cases[] = {
        {"", -1, ""},
        {"plain text, longer than eight bytes", -1, "plain text, longer than eight bytes"},
        {"gr\xC3\xBC\xC3\x9F"
         "e \xE2\x82\xAC \xF0\x9F\x98\x80",
         -1,
         "gr\xC3\xBC\xC3\x9F"
         "e \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"\xEF\xBF\xBF\xF4\x8F\xBF\xBF", -1, "\xEF\xBF\xBF\xF4\x8F\xBF\xBF"},
        {"a\0b"sv, -1, "a\0b"sv},
        {"abcdefgh\xFF", 8, "abcdefgh\xEF\xBF\xBD"},
        {"\x80", 0, "\xEF\xBF\xBD"},
        {"\xC0\xAF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD"},                                 // overlong '/'
        {"\xE0\x80\xAF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                 // overlong
        {"x\xED\xA0\x80y", 1, "x\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDy"},             // surrogate
        {"\xF4\x90\x80\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, // > U+10FFFF
        {"a\xE2\x82", 1, "a\xEF\xBF\xBD"}, // cut: one maximal part, one replacement
        {"\xF0\x9F\x98z", 0, "\xEF\xBF\xBDz"},
    };
    for (const Case &c : cases) {
        const auto error = utf8_error(c.text);
        BOOST_TEST((error ? static_cast<int>(*error) : -1) == c.error);
        BOOST_TEST(valid_utf8(c.text) == (c.error < 0));
        BOOST_TEST(lossy_utf8(c.text) == c.lossy);
        BOOST_TEST(valid_utf8(lossy_utf8(c.text)));
    }
}

BOOST_AUTO_TEST_CASE(utf8_is_cut_between_characters) {
    const std::string_view text = "a\xE2\x82\xAC"
                                  "b";
    const std::size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
    for (std::size_t max = 0; max < 7; ++max) {
        BOOST_TEST(utf8_prefix(text, max) == expected[max]);
    }
    BOOST_TEST(utf8_prefix("\x80\x80\x80\x80\x80\x80\x80\x80", 6) == 6U); // not UTF-8: cut anywhere
}

BOOST_AUTO_TEST_CASE(utf16_both_ways) {
    struct Case {
        std::u16string_view wide;
        std::string_view bytes;
    };
    const Case cases[] = {
        {u"", ""},
        {u"C:\\grün", "C:\\gr\xC3\xBCn"},
        {u"\u20AC\xD83D\xDE00", "\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {std::u16string_view(u"\xD800x", 2), "\xED\xA0\x80x"}, // lone surrogates survive
        {std::u16string_view(u"\xDC00\xD800", 2), "\xED\xB0\x80\xED\xA0\x80"},
    };
    for (const Case &c : cases) {
        BOOST_TEST(wtf8_from_utf16(c.wide) == c.bytes);
        BOOST_TEST((utf16_from_wtf8(c.bytes) == c.wide));
    }
    BOOST_TEST((utf16_from_wtf8("a\xFFz") == u"a\xFFFDz"));
}

BOOST_AUTO_TEST_CASE(paths_keep_every_name) {
    for (const char *text : {"a", "gr\xC3\xBCn/\xE6\x97\xA5.txt", "sp ace"}) {
        BOOST_TEST(path_to_utf8(path_from_utf8(text)) == text);
    }
    BOOST_TEST(valid_utf8(path_text(path_from_utf8("bad\xFFname"))));
    BOOST_TEST(path_to_utf8(long_path(path_from_utf8("short"))) == "short");
    BOOST_REQUIRE(executable_path());
    BOOST_TEST(fs::exists(*executable_path()));
    BOOST_REQUIRE(module_path());
    BOOST_TEST(fs::equivalent(*module_path(), *executable_path())); // linked statically here
}

BOOST_FIXTURE_TEST_CASE(long_unicode_paths_work, Fixture) {
    fs::path deep = folder.path;
    while (deep.size() < 420) {
        deep /= path_from_utf8("f\xC3\xB6lder-with-a-rather-long-name-\xE6\x97\xA5");
    }
    write(deep / "file.txt", "content");
    const auto content = read_file(deep / "file.txt", 100);
    BOOST_REQUIRE_MESSAGE(content, (content ? "" : content.error().message));
    BOOST_TEST(*content == "content");
}

BOOST_FIXTURE_TEST_CASE(reads_are_bounded, Fixture) {
    const fs::path file = folder.path / "data";
    const std::string content("line\r\n\0\x1a\xFF", 9);
    write(file, content);
    BOOST_TEST(read_file(file, 9).value() == content);
    BOOST_TEST(read_file(file, 1000).value() == content);
    BOOST_TEST(read_file(file, 8).error().code == K2S_E_NO_MEMORY);
    BOOST_TEST(read_file(file, 8).error().message.find("limit of 8 bytes") != std::string::npos);
    write(file, "");
    BOOST_TEST(read_file(file, 0).value() == "");

    const auto missing = read_file(folder.path / "none", 10);
    BOOST_TEST(missing.error().code == K2S_E_NOT_FOUND);
    BOOST_TEST(missing.error().message.find("none") != std::string::npos);
    BOOST_TEST(!read_file_if_exists(folder.path / "none" / "deeper", 10).value().has_value());
    BOOST_TEST(!read_file_if_exists(file / "below-a-file", 10).value().has_value());

    const auto directory = read_file(folder.path, 10);
    BOOST_TEST(directory.error().code == K2S_E_IO);
    BOOST_TEST(directory.error().message.find("directory") != std::string::npos);
#ifndef _WIN32
    const auto device = read_file("/dev/null", 10);
    BOOST_TEST(device.error().message.find("device") != std::string::npos);
    BOOST_TEST(read_file("/proc/self/status", 65536).value().find("VmRSS") != std::string::npos);
#endif
}

BOOST_AUTO_TEST_CASE(environment_round_trip) {
    BOOST_TEST(!environment("K2S_TEST_UNSET"));
    set_environment("K2S_TEST_ONE", "gr\xC3\xBCn = 1");
    set_environment("K2S_TEST_TWO", std::string(5000, 'x'));
    set_environment("K2S_TEST_EMPTY", "");
    BOOST_TEST(environment("K2S_TEST_ONE").value() == "gr\xC3\xBCn = 1");
    BOOST_TEST(environment("K2S_TEST_TWO").value().size() == 5000U);
    BOOST_TEST(!environment("K2S_TEST_EMPTY"));
    const auto found = environment_with_prefix("K2S_TEST_");
    BOOST_REQUIRE(found.size() == 2U);
    BOOST_TEST(found[0].first == "K2S_TEST_ONE");
    BOOST_TEST(found[0].second == "gr\xC3\xBCn = 1");
    BOOST_TEST(found[1].first == "K2S_TEST_TWO");
}

BOOST_FIXTURE_TEST_CASE(directories_follow_the_account, Fixture) {
#ifdef _WIN32
    variables = {{"APPDATA", "C:\\Users\\me\\Roaming"}, {"LOCALAPPDATA", "C:\\Users\\me\\Local"}};
    BOOST_TEST(path_to_utf8(*user_config_dir(where)) == "C:\\Users\\me\\Roaming\\K2s");
    BOOST_TEST(path_to_utf8(*state_dir(where)) == "C:\\Users\\me\\Local\\K2s");
    BOOST_TEST(path_to_utf8(*run_dir(where)) == "C:\\Users\\me\\Local\\K2s");
    variables["LOCALAPPDATA"] = "relative";
#else
    variables = {{"HOME", "/home/me"}};
    BOOST_TEST(*user_config_dir(where) == "/home/me/.config/k2s");
    BOOST_TEST(*state_dir(where) == "/home/me/.local/state/k2s");
    BOOST_TEST(*run_dir(where) == "/home/me/.local/state/k2s");
    variables["XDG_CONFIG_HOME"] = "/c";
    variables["XDG_STATE_HOME"] = "/s";
    variables["XDG_RUNTIME_DIR"] = "/r";
    BOOST_TEST(*user_config_dir(where) == "/c/k2s");
    BOOST_TEST(*state_dir(where) == "/s/k2s");
    BOOST_TEST(*run_dir(where) == "/r/k2s");
    variables = {{"HOME", "relative"}};
#endif
    BOOST_TEST(state_dir(where).error().code == K2S_E_CONFIG);
    where.privileged = true;
    where.system_account = true;
    BOOST_TEST(!user_config_dir(where));
    BOOST_TEST(user_config_files(where).empty());
    BOOST_TEST(*state_dir(where) == where.system_state);
    BOOST_TEST(*run_dir(where) == where.system_run);
#ifndef _WIN32
    variables = {{"K2S_STATE_DIR", "/state"}, {"K2S_RUN_DIR", "/run-here"}};
    BOOST_TEST(*state_dir(where) == "/state");
    BOOST_TEST(*run_dir(where) == "/run-here");
#endif
    BOOST_REQUIRE(system_config_files(where).size() == 3U);
    BOOST_TEST(system_config_files(where)[0] == where.system_config / "k2s.yaml");
    BOOST_TEST(Surroundings::real().system_config.is_absolute());
}

BOOST_FIXTURE_TEST_CASE(path_expansion, Fixture) {
#ifdef _WIN32
    const std::string home = "C:\\home";
    variables = {{"USERPROFILE", home}, {"VAR", "value"}};
#else
    const std::string home = "/home/me";
    variables = {{"HOME", home}, {"VAR", "value"}};
#endif
    const std::pair<std::string, std::string> cases[] = {
        {"~", home},           {"~/x", home + "/x"},  {"~other/x", "~other/x"}, {"a~", "a~"},
        {"$VAR/x", "value/x"}, {"${VAR}x", "valuex"}, {"%VAR%x", "valuex"},     {"50%", "50%"},
        {"a$", "a$"},          {"${VAR", "${VAR"},    {"a%%b", "a%%b"},
    };
    for (const auto &[text, expected] : cases) {
        BOOST_TEST(expand_path(text, where).value() == expected);
    }
    for (const char *text : {"$NOT_SET/x", "${NOT_SET}", "%NOT_SET%"}) {
        BOOST_TEST(expand_path(text, where).error().message.find("NOT_SET is not set") !=
                   std::string::npos);
    }
}

BOOST_FIXTURE_TEST_CASE(log_root_order, Fixture) {
    const auto resolved = [&](const std::string &configured = {}) {
        auto root = resolve_log_root(configured, where);
        BOOST_REQUIRE_MESSAGE(root, (root ? "" : root.error().message));
        BOOST_TEST(fs::is_directory(root->path));
        return path_to_utf8(root->path.filename());
    };
    BOOST_TEST(resolved() == "default");
    write(folder.path / "inst" / "cfg" / "config.json",
          "{\"configDir\": {\"logs\": " + json(in("from-parent")) + "}}");
    BOOST_TEST(resolved() == "from-parent");
    write(folder.path / "other" / "cfg" / "config.json",
          "{\"configDir\": {\"logs\": " + json(in("from-install-dir")) + "}}");
    variables["K2S_INSTALL_DIR"] = in("other");
    BOOST_TEST(resolved() == "from-install-dir");
    write(folder.path / "system" / "setup.json", "{\"LogRoot\": " + json(in("from-setup")) + "}");
    BOOST_TEST(resolved() == "from-setup");
    variables["K2S_LOG_ROOT"] = in("from-variable");
    BOOST_TEST(resolved() == "from-variable");
    BOOST_TEST(resolved(in("from-config")) == "from-config");

    variables.erase("K2S_LOG_ROOT");
    for (const char *broken : {"", "{", "[]", "{\"LogRoot\": 7}", "{\"LogRoot\": \"relative\"}",
                               "{\"LogRoot\": \"$NOT_SET/log\"}"}) {
        write(folder.path / "system" / "setup.json", broken);
        BOOST_TEST(resolved() == "from-install-dir");
    }
}

BOOST_FIXTURE_TEST_CASE(log_root_stops_after_six_parents, Fixture) {
    write(folder.path / "cfg" / "config.json",
          "{\"configDir\": {\"logs\": " + json(in("found")) + "}}");
    fs::path six = folder.path;
    for (const char *name : {"1", "2", "3", "4", "5", "6"}) {
        six /= name;
    }
    where.executable = six / "tool";
    BOOST_TEST((resolve_log_root({}, where)->path.filename() == "found"));
    where.executable = six / "7" / "tool";
    BOOST_TEST((resolve_log_root({}, where)->path.filename() == "default"));
}

BOOST_FIXTURE_TEST_CASE(log_root_that_cannot_be_made_falls_back, Fixture) {
    write(folder.path / "file", "in the way");
    variables["K2S_LOG_ROOT"] = in("file");
    auto root = resolve_log_root({}, where);
    BOOST_REQUIRE(root);
    BOOST_TEST((root->path == where.default_log_root));
    BOOST_TEST(root->configured);
    BOOST_TEST(root->notice.find("file") != std::string::npos);

    where.default_log_root = folder.path / "file" / "below";
#ifdef _WIN32
    variables["LOCALAPPDATA"] = in("home");
    const fs::path expected = folder.path / "home" / "K2s" / "log";
#else
    variables["XDG_STATE_HOME"] = in("home");
    const fs::path expected = folder.path / "home" / "k2s" / "log";
#endif
    root = resolve_log_root({}, where);
    BOOST_REQUIRE(root);
    BOOST_TEST((root->path == expected));

    variables.clear();
    const auto none = resolve_log_root({}, where);
    BOOST_REQUIRE(!none);
    BOOST_TEST(none.error().message.find("no folder for log files") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(real_numbers) {
    BOOST_TEST(parse_real("-1.5e3").value() == -1500.0);
    BOOST_TEST(parse_real(".5").value() == 0.5);
    BOOST_TEST(parse_real("5.").value() == 5.0);
    BOOST_TEST(parse_real("0").value() == 0.0);
    BOOST_TEST(parse_real("0.1").value() == 0.1);
    BOOST_TEST(parse_real("1.7976931348623157e308").value() == 1.7976931348623157e308);
    for (const char *bad : {"", "+1", "-", ".", "e5", "1e", "1,5", " 1", "1 ", "inf", "nan", "0x10",
                            "1e400", "-1e400", "1.5.2", "1e5e5", "--1"}) {
        BOOST_TEST(!parse_real(bad), bad);
    }
}
