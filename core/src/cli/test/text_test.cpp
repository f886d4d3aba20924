// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE text
#include <boost/test/included/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <libfyaml.h>

#include "cli/text.hpp"
#include "fixture.hpp"

using namespace k2s::core;
using namespace k2s::core::test;
using nlohmann::ordered_json;

namespace {

using Words = std::vector<std::string>;

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string help(const Tool &tool, const Words &path, TextStyle style = {}) {
    const auto text = help_text(tool, path, style);
    BOOST_REQUIRE_MESSAGE(text, (text ? "" : text.error().message));
    return *text;
}

std::string to_text(const char *json) {
    return render(ordered_json::parse(json), Format::text, {});
}

std::string to_yaml(const ordered_json &data) {
    return render(data, Format::yaml, {});
}

/// What libfyaml reads from the YAML text, as JSON.
ordered_json read_back(const std::string &yaml) {
    auto *document = fy_document_build_from_string(nullptr, yaml.data(), yaml.size());
    BOOST_REQUIRE_MESSAGE(document != nullptr, yaml);
    char *text = fy_emit_document_to_string(
        document, static_cast<fy_emitter_cfg_flags>(FYECF_MODE_JSON_ONELINE | FYECF_WIDTH_INF));
    BOOST_REQUIRE(text != nullptr);
    auto result = ordered_json::parse(text, nullptr, false);
    BOOST_REQUIRE_MESSAGE(!result.is_discarded(), yaml << text);
    free(text);
    fy_document_destroy(document);
    return result;
}

std::size_t count(std::string_view text, char wanted) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), wanted));
}

} // namespace

BOOST_AUTO_TEST_CASE(help_of_a_go_style_tool) {
    const auto text = help(preset("httpproxy"), {});
    BOOST_TEST(text.starts_with("Usage: httpproxy [options]\n\ndoes httpproxy\n"));
    BOOST_TEST(has(text, "\n  -addr HOST:PORT "));
    BOOST_TEST(has(text, "(default: :8181)"));
    BOOST_TEST(has(text, "-verbose "));
    BOOST_TEST(has(text, "(default: true)"));
    BOOST_TEST(has(text, "(may be repeated)"));
    BOOST_TEST(has(text, "-config FILE"));
    BOOST_TEST(has(text, "-h, -help"));
    BOOST_TEST(has(text, "-version"));
    BOOST_TEST(has(text, "\nExit codes:\n  0  done\n"));
    BOOST_TEST(!has(text, "--"));
    BOOST_TEST(!has(text, "\x1b"));
    BOOST_TEST(has(help(preset("vfprules"), {}), "Usage: vfprules -portid TEXT [options]\n"));
    BOOST_TEST(has(help(preset("cplauncher"), {}), "[options] [--] <target>..."));
    BOOST_TEST(
        has(help(preset("yaml2json"), {}, {.width = 100}), "(environment: YAML2JSON_VERBOSITY)"));
}

BOOST_AUTO_TEST_CASE(help_of_groups) {
    const auto root = help(k2s_tool(), {});
    BOOST_TEST(root.starts_with("Usage: k2s <command> [options]\n\nRuns the features of K2s\n"));
    const auto host = root.find("\nCommands of the host:\n");
    const auto plugins = root.find("\nCommands of plugins:\n");
    BOOST_REQUIRE(host != std::string::npos);
    BOOST_REQUIRE(plugins != std::string::npos);
    BOOST_TEST(root.find("  plugin ", host) < plugins);
    BOOST_TEST(root.find("  httpproxy ") > plugins);
    BOOST_TEST(has(root, "show and switch plugins"));
    BOOST_TEST(has(root, "install, remove")); // devgon has no summary of its own
    BOOST_TEST(!has(root, "secret"));
    const auto plugin = help(k2s_tool(), {"plugin"});
    BOOST_TEST(has(plugin, "Usage: k2s plugin <command> [options]\n\nshow and switch plugins\n"));
    BOOST_TEST(has(plugin, "\n  list  does list\n"));
    BOOST_TEST(!has(plugin, "--version"));
}

BOOST_AUTO_TEST_CASE(help_of_a_command) {
    const auto text = help(k2s_tool(), {"install"});
    BOOST_TEST(text.starts_with("Usage: k2s install [options]\nUsage: k2s install <command>"));
    BOOST_TEST(has(text, "\n  buildonly "));
    BOOST_TEST(has(text, "\n  -w, --wait DURATION "));
    BOOST_TEST(has(text, "\n      --share N "));
    BOOST_TEST(has(text, "      --dry-run "));
    BOOST_TEST(has(text, "\n  literal line\n"));
    BOOST_TEST(has(text, "\n  3   the configuration cannot be installed\n"));
    BOOST_TEST(has(text, "\n  20  reboot needed\n"));
    BOOST_TEST(!has(text, "configuration or manifest is wrong"));
    BOOST_TEST(has(text, "\n  k2s install --master-memory 8G\n    A larger control plane.\n"));
    const auto info = help(k2s_tool(), {"plugin", "info"});
    BOOST_TEST(has(info, "-o, --output text|json|wide"));
    BOOST_TEST(has(info, "--format FORMAT"));
    BOOST_TEST(has(info, "(one of text, json, yaml)"));
    const auto unknown = help_text(k2s_tool(), Words{"plugins"}, {});
    BOOST_REQUIRE(!unknown);
    BOOST_TEST(unknown.error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(help_fits_the_terminal) {
    for (const int width : {0, 40, 72, 100, 500}) {
        std::size_t widest = 0;
        const std::string text = help(k2s_tool(), {"install"}, {.width = width});
        for (std::string_view rest = text; !rest.empty();) {
            const auto line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(line.size() + 1);
            widest = std::max(widest, display_width(line));
        }
        const auto limit = static_cast<std::size_t>(std::clamp(width, 40, 100));
        BOOST_TEST_CONTEXT("width " << width) {
            BOOST_TEST(widest <= limit);
        }
    }
}

BOOST_AUTO_TEST_CASE(color_only_when_wanted) {
    BOOST_TEST(has(help(k2s_tool(), {}, {.color = true}), "\x1b[1mOptions:\x1b[0m\n"));
    BOOST_TEST(wants_color(true, environment({{"TERM", "xterm"}})));
    BOOST_TEST(wants_color(true, environment({{"NO_COLOR", ""}})));
    BOOST_TEST(!wants_color(true, environment({{"NO_COLOR", "0"}})));
    BOOST_TEST(!wants_color(true, environment({{"TERM", "dumb"}})));
    BOOST_TEST(!wants_color(false, environment({})));
}

BOOST_AUTO_TEST_CASE(wrapping_and_widths) {
    BOOST_TEST(display_width("aé漢🚀e\u0301") == 1U + 1U + 2U + 2U + 1U);
    BOOST_TEST((wrap("aa bb  cc", 5) == Words{"aa bb", "cc"}));
    BOOST_TEST((wrap("long-word x", 4) == Words{"long-word", "x"}));
    BOOST_TEST((wrap("a\n\nb", 10) == Words{"a", "", "b"}));
    BOOST_TEST((wrap("漢漢 漢", 5) == Words{"漢漢", "漢"}));
    BOOST_TEST(wrap("", 10).empty());
    BOOST_TEST(quote("a\x1b\xff\u202e") == "\"a\\x1b\\xff\\xe2\\x80\\xae\"");
    BOOST_TEST(quote(std::string(79, 'a') + "漢漢") == "\"" + std::string(79, 'a') + "…\"");
}

BOOST_AUTO_TEST_CASE(bash_completion_has_the_tree) {
    const auto script = completion_script(k2s_tool(), "bash");
    BOOST_REQUIRE(script);
    BOOST_TEST(has(*script, "complete -F _k2s k2s k2s.exe\n"));
    BOOST_TEST(has(*script, "/plugin|/plugin/list|"));
    BOOST_TEST(has(*script, "    '/plugin')\n        words='list info'\n"));
    BOOST_TEST(has(*script, "-format|--format) kind=words values='text json yaml' ;;"));
    BOOST_TEST(has(*script, "-folder|--folder) kind=files ;;"));
    BOOST_TEST(!has(*script, "secret"));
    BOOST_TEST(has(*completion_script(preset("yaml2json"), "bash"), "words='<files>'"));
    BOOST_TEST(!completion_script(k2s_tool(), "csh"));
}

BOOST_AUTO_TEST_CASE(completion_carries_no_code) {
    auto command =
        make_command({"t"}, Style::posix, {make_option("mode", ValueType::choice, nullptr, "m")});
    command.options[0].choices = {"good", "$(touch x)", "'; rm x", "`x`"};
    command.options[0].help = "it's ‘quoted’ $(x)\n`y`";
    Tool tool;
    tool.name = "t";
    tool.root = {"t"};
    tool.commands = {&command};
    const auto bash = *completion_script(tool, "bash");
    BOOST_TEST(has(bash, "values='good' ;;"));
    BOOST_TEST(!has(bash, "touch"));
    BOOST_TEST(!has(bash, "rm x"));
    const auto powershell = *completion_script(tool, "powershell");
    BOOST_TEST(has(powershell, "@('--mode', 'it''s ‘‘quoted’’ $(x)\\x0a`y`')"));
    BOOST_TEST(!has(powershell, "touch"));
    BOOST_TEST(has(powershell, "$values.Add('--mode', @('good'))"));
}

BOOST_AUTO_TEST_CASE(powershell_completion_has_the_tree) {
    const auto script = *completion_script(k2s_tool(), "powershell");
    BOOST_TEST(has(script, "Register-ArgumentCompleter -Native -CommandName 'k2s', 'k2s.exe'"));
    BOOST_TEST(has(script, "$nodes['/plugin/list'] = @{"));
    BOOST_TEST(has(script, ", @('plugin', 'show and switch plugins')"));
    BOOST_TEST(count(script, '{') == count(script, '}'));
    BOOST_TEST(count(script, '(') == count(script, ')'));
}

BOOST_AUTO_TEST_CASE(man_pages_are_named_and_escaped) {
    const auto pages = man_pages(k2s_tool());
    Words files;
    for (const auto &page : pages) {
        files.push_back(page.file);
        for (std::string_view rest = page.text; !rest.empty();) {
            const auto line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(line.size() + 1);
            BOOST_TEST(!line.starts_with("'"));
            for (const char c : line) {
                BOOST_TEST(static_cast<unsigned char>(c) < 0x80U);
            }
        }
    }
    BOOST_TEST(files.at(0) == "k2s.1");
    BOOST_TEST(files.at(1) == "k2s-plugin.1");
    BOOST_TEST((std::find(files.begin(), files.end(), "k2s-secret.1") == files.end()));
    BOOST_TEST(has(pages.at(0).text, ".TH \"K2S\" \"1\" \"\" \"k2s 2.0.0\" \"K2s\"\n"));
    BOOST_TEST(has(pages.at(0).text, "\\fBk2s\\-plugin\\fR(1), \\fBk2s\\-install\\fR(1)"));
    const auto &install = pages.at(2).text;
    BOOST_TEST(has(install, "\nk2s\\-install \\- does install\n"));
    BOOST_TEST(has(install, "\\fB\\-w\\fR, \\fB\\-\\-wait\\fR \\fIDURATION\\fR\n"));
    BOOST_TEST(has(install, ".EX\n  literal line\n.EE\n"));
    BOOST_TEST(has(install, "Back\\eslash, \\(aqquotes\\(aq and .dots."));
    BOOST_TEST(has(install, ".SS \"k2s install buildonly\"\n"));

    const auto devgon = man_pages(preset("devgon"));
    BOOST_REQUIRE(devgon.size() == 1U);
    BOOST_TEST(devgon[0].file == "devgon.1");
    BOOST_TEST(has(devgon[0].text, ".SS \"devgon install\"\n"));

    auto command = make_command({"t"}, Style::posix, {});
    command.description = ".so /etc/passwd\n'br\n\"x\" ~^`…";
    Tool tool;
    tool.name = "t";
    tool.root = {"t"};
    tool.commands = {&command};
    const auto text = man_pages(tool).at(0).text;
    BOOST_TEST(has(text, "\n\\&.so /etc/passwd\n\\(aqbr\n\\(dqx\\(dq \\(ti\\(ha\\(ga\\[u2026]\n"));
}

BOOST_AUTO_TEST_CASE(text_results) {
    struct Case {
        const char *json;
        const char *expected;
    };
    const Case cases[] = {
        {"[]", "none\n"},
        {"{}", "none\n"},
        {"5", "5\n"},
        {"null", "-\n"},
        {R"("a\nb")", "a\nb\n"},
        {R"(["a", 1, true, null])", "a\n1\ntrue\n-\n"},
        {R"([{"id": "storage", "n": 1}, {"id": "vm", "state": "on", "tags": ["a", "b"]}])",
         "ID       N  STATE  TAGS\nstorage  1  -      -\nvm       -  on     a, b\n"},
        {R"([{"id": "漢", "n": 1}, {"id": "a", "n": 2}])", "ID  N\n漢  1\na   2\n"},
        {R"({"name": "x", "version": 2, "empty": [], "list": ["a", "b"]})",
         "name:    x\nversion: 2\nempty:   -\nlist:    a, b\n"},
        {R"({"name": "x", "deep": {"a": 1, "rows": [{"k": "v"}]}})",
         "name: x\ndeep:\n  a: 1\n  rows:\n    K\n    v\n"},
        {R"([{"a": {"b": 1}}, {"a": {"b": 2}, "c": 3}])",
         "- a:\n    b: 1\n- a:\n    b: 2\n  c: 3\n"},
        {R"({"t": "one\ntwo"})", "t:\n  one\n  two\n"},
        {"\"a\\u001b[31m\\u202e\"", "a\\x1b[31m\\xe2\\x80\\xae\n"},
        {R"([[1, 2], [3]])", "- 1\n  2\n- 3\n"},
    };
    for (const auto &[json, expected] : cases) {
        BOOST_TEST_CONTEXT(json) {
            BOOST_TEST(to_text(json) == expected);
        }
    }
    BOOST_TEST(render(ordered_json::parse(R"([{"a": 1}])"), Format::text, {.color = true}) ==
               "\x1b[1mA\x1b[0m\n1\n");
}

BOOST_AUTO_TEST_CASE(json_results) {
    BOOST_TEST(render(ordered_json::parse(R"({"b": 1, "a": []})"), Format::json, {}) ==
               "{\n  \"b\": 1,\n  \"a\": []\n}\n");
    BOOST_TEST(has(render(ordered_json("\xff"), Format::json, {}), "\xEF\xBF\xBD"));
    BOOST_TEST((*parse_format("yaml") == Format::yaml));
    BOOST_TEST(!parse_format("YAML"));
}

BOOST_AUTO_TEST_CASE(yaml_layout) {
    const auto data = ordered_json::parse(
        R"({"name": "x y", "none": null, "n": [1, 2.0, {"k": "v", "l": [true]}], "e": {}, "f": [],
            "text": "one\ntwo\n", "last": [[1], [2]]})");
    BOOST_TEST(to_yaml(data) == "name: x y\nnone: null\n\"n\":\n  - 1\n  - 2.0\n  - k: v\n    l:\n"
                                "      - true\ne: {}\nf: []\ntext: |\n  one\n  two\nlast:\n"
                                "  - - 1\n  - - 2\n");
    BOOST_TEST(to_yaml("a\nb") == "|-\n  a\n  b\n");
    BOOST_TEST(to_yaml(1e300) == "1.0e+300\n");
    BOOST_TEST(to_yaml(std::numeric_limits<double>::infinity()) == ".inf\n");
    BOOST_TEST(to_yaml(std::nan("")) == ".nan\n");
}

BOOST_AUTO_TEST_CASE(yaml_is_read_back_as_it_was) {
    ordered_json strings = ordered_json::array();
    for (const char *text : {"",
                             " ",
                             "plain",
                             "no",
                             "Yes",
                             "ON",
                             "y",
                             "null",
                             "~",
                             "true",
                             "1",
                             "0x1F",
                             "1.5",
                             "1e3",
                             ".5",
                             "-",
                             "- a",
                             "-1",
                             "+1",
                             "1:20",
                             "2001-01-01",
                             "a: b",
                             "a:b",
                             "a:",
                             ":a",
                             "a #b",
                             "#a",
                             "&a",
                             "*a",
                             "!a",
                             "|",
                             ">",
                             "%a",
                             "@a",
                             "`a",
                             "'a'",
                             "\"a\"",
                             "[a]",
                             "{a}",
                             "a, b",
                             "?",
                             "? a",
                             "a ",
                             " a",
                             "a\tb",
                             "\ta",
                             "C:\\x\\y",
                             "http://h:80/p?q=1",
                             "a\nb",
                             "a\n",
                             "a\n\n",
                             "\na",
                             "a\n b",
                             " a\nb",
                             "a\n\nb",
                             "a \nb",
                             "a\n ",
                             "a\r\nb",
                             "\x01",
                             "\x7f",
                             "\u0085",
                             "\u00a0",
                             "\u2028",
                             "\ufeff",
                             "é漢🚀",
                             "---",
                             "...",
                             "<<",
                             "=",
                             "nan",
                             ".inf",
                             "_",
                             "/",
                             "%",
                             "a\\nb",
                             "012",
                             "0o7",
                             "a'b",
                             "172.20.0.0/16",
                             "::1",
                             "a\n# b\n",
                             "\u202ex"}) {
        strings.push_back(text);
    }
    strings.push_back(std::string(2000, 'k'));
    ordered_json keys = ordered_json::object();
    for (const auto &text : strings) {
        keys[text.get<std::string>()] = text;
    }
    const ordered_json cases[] = {
        strings,
        keys,
        {{"deep", {{"a", strings}, {"b", ordered_json::array({keys})}}}},
        ordered_json::parse(R"([[], {}, [[]], [{}], {"a": [[1, [2]]]}, null, -5, 0.25, 1e-7])"),
    };
    for (const auto &data : cases) {
        const auto yaml = to_yaml(data);
        BOOST_TEST(read_back(yaml) == data, yaml);
    }
    for (const auto &text : strings) {
        BOOST_TEST(read_back(to_yaml(text)) == text);
    }
}
