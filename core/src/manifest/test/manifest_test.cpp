// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE manifest
#include <boost/test/included/unit_test.hpp>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "manifest/manifest.hpp"
#include "manifest/version.hpp"

using namespace k2s::core;
using nlohmann::json;

namespace {

const char *const k_good = R"({
  "manifest": 1, "id": "storage", "version": "2.0.0", "summary": "Documents", "licence": "MIT",
  "abi": {"major": 1, "minor": 0}, "library": "storage", "x-note": {"any": ["thing"]},
  "sha256": {"storage.so": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
  "requires": [{"contract": "example.greeter", "version": ">=1.0.0 <2.0.0", "optional": true}],
  "provides": [{"contract": "example.store", "version": "1.2.0"}],
  "privileges": ["network", "files"],
  "features": [
    {"id": "yaml2json", "kind": "command", "summary": "YAML to JSON"},
    {"id": "store", "kind": "service", "summary": "Keeps", "enabled": false,
     "config": {"type": "object", "properties": {"addr": {"type": "string", "default": ":1"}}}}],
  "commands": [
    {"path": ["yaml2json"], "feature": "yaml2json", "style": "go", "summary": "Convert",
     "description": "More.", "output": "raw", "dry_run": true, "hidden": false,
     "options": [
       {"name": "input", "short": "i", "type": "path", "required": true, "help": "source"},
       {"name": "level", "type": "enum", "choices": ["a", "b"], "default": "a", "help": "h"},
       {"name": "indent", "type": "bool", "default": false, "env": "_K2S_INDENT", "help": "h"},
       {"name": "net", "type": "cidr", "repeat": true, "default": ["10.0.0.0/8"], "help": "h",
        "metavar": "NET", "hidden": true}],
     "arguments": [{"name": "file", "type": "path", "required": true, "help": "h"},
                   {"name": "more", "type": "string", "repeat": true, "help": "h"}],
     "exit_codes": [{"code": 9, "text": "odd"}],
     "examples": [{"command": "yaml2json -input a", "text": "one"}]},
    {"path": ["store", "run"], "feature": "store", "summary": "Serve", "service": true,
     "output": "data",
     "options": [{"name": "addr", "type": "address", "config": "/addr", "help": "h"}]}]
})";

/// The good manifest with one value set (or removed, for a discarded one) at a JSON pointer.
std::string with(const char *pointer, const json &value) {
    auto tree = json::parse(k_good);
    tree[json::json_pointer(pointer)] = value;
    return tree.dump();
}

std::string without(const char *parent, const char *key) {
    auto tree = json::parse(k_good);
    tree[json::json_pointer(parent)].erase(key);
    return tree.dump();
}

struct Bad {
    std::string text;
    const char *expected; // a part of the message
    int32_t code = K2S_E_CONFIG;
};

void check_refused(const Bad &bad) {
    const auto manifest = read_manifest(bad.text, "plugin.json");
    BOOST_TEST_CONTEXT("expecting: " << bad.expected) {
        BOOST_REQUIRE(!manifest);
        BOOST_TEST(manifest.error().message.starts_with("plugin.json: "));
        BOOST_TEST(manifest.error().message.find(bad.expected) != std::string::npos,
                   manifest.error().message);
        BOOST_TEST(manifest.error().code == bad.code);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(reads_everything) {
    const auto manifest = read_manifest(k_good, "plugin.json");
    BOOST_REQUIRE_MESSAGE(manifest, (manifest ? "" : manifest.error().message));
    BOOST_TEST(manifest->id == "storage");
    BOOST_TEST(manifest->version == "2.0.0");
    BOOST_TEST(manifest->licence == "MIT");
    BOOST_TEST(manifest->abi_major == 1U);
    BOOST_TEST(manifest->library == "storage");
    BOOST_REQUIRE(manifest->sha256.size() == 1U);
    BOOST_TEST(manifest->sha256[0].first == "storage.so");
    BOOST_TEST(manifest->sha256[0].second.size() == 64U);
    BOOST_TEST(manifest->required_contracts.at(0).optional);
    BOOST_TEST(manifest->provided_contracts.at(0).version == "1.2.0");
    BOOST_TEST(manifest->privileges.size() == 2U);
    BOOST_REQUIRE(manifest->find_feature("store") != nullptr);
    BOOST_TEST(!manifest->find_feature("store")->enabled);
    BOOST_TEST(manifest->find_feature("store")->config["properties"]["addr"]["default"] == ":1");
    BOOST_TEST(manifest->find_feature("none") == nullptr);

    BOOST_REQUIRE(manifest->commands.size() == 2U);
    const auto &convert = manifest->commands[0];
    BOOST_TEST((convert.style == Style::go));
    BOOST_TEST(convert.dry_run);
    BOOST_REQUIRE(convert.options.size() == 4U);
    BOOST_TEST(convert.options[0].short_name == "i");
    BOOST_TEST((convert.options[0].type == ValueType::path));
    BOOST_TEST(convert.options[0].required);
    BOOST_TEST(convert.options[1].choices.size() == 2U);
    BOOST_TEST(convert.options[2].env == "_K2S_INDENT");
    BOOST_TEST(convert.options[3].repeat);
    BOOST_TEST(convert.arguments.at(1).repeat);
    BOOST_TEST(convert.exit_codes.at(0).code == 9);
    BOOST_TEST(convert.examples.at(0).text == "one");
    const auto &serve = manifest->commands[1];
    BOOST_TEST(serve.service);
    BOOST_TEST((serve.output == Output::data));
    BOOST_TEST((serve.path == std::vector<std::string>{"store", "run"}));
    BOOST_TEST(serve.options.at(0).config == "/addr");
}

BOOST_AUTO_TEST_CASE(refuses_bad_text) {
    const std::vector<Bad> cases = {
        {"", "unexpected end of input"},
        {"{", "parse error at line 1"},
        {"[]", "(top level): expected an object, found a list"},
        {"{} {}", "parse error"},
        {"// comment\n{}", "parse error"},
        {std::string("\xEF\xBB\xBF", 3) + "x", "parse error"},
        {"{\"id\": \"\xff\"}", "invalid string"},
        {"{\"id\": \"\xc0\xaf\"}", "invalid string"},
        {R"({"id": "a", "id": "b"})", "\"id\" stands twice"},
        {R"({"x-a": {"b": 1, "b": 1}})", "\"b\" stands twice"},
        {R"({"x-a": )" + std::string(32, '[') + std::string(32, ']') + "}",
         "nested deeper than 32"},
        {std::string(500'000, '['), "nested deeper than 32"},
        {R"({"x-a": )" + std::string(31, '[') + std::string(31, ']') + "}",
         "the key \"manifest\" is missing"},
        {std::string(100'000'000, ' '), "100000000 bytes are more than the limit of 1048576"},
    };
    for (const auto &bad : cases) {
        check_refused(bad);
    }
}

BOOST_AUTO_TEST_CASE(refuses_bad_members) {
    const std::vector<Bad> cases = {
        {with("/manifest", 2), "format 2 is not known", K2S_E_UNSUPPORTED},
        {with("/manifest", "1"), "/manifest: expected a whole number from 1 to 1"},
        {with("/sumary", "x"), "unknown key \"sumary\"; did you mean \"summary\"?"},
        {with("/zzzzzzzz", "x"), "start its name with \"x-\""},
        {without("", "id"), "(top level): the key \"id\" is missing"},
        {without("", "features"), "the key \"features\" is missing"},
        {with("/id", "Storage"), "/id: expected a lower-case letter"},
        {with("/id", ""), "/id: expected"},
        {with("/id", "../x"), "/id: expected"},
        {with("/id", std::string(64, 'a')), "/id: expected"},
        {with("/id", 5), "/id: expected a string, found 5"},
        {with("/version", "2.0"), "/version: \"2.0\" is not a semantic version"},
        {with("/summary", ""), "/summary: expected text that is not empty"},
        {with("/summary", std::string("a\0b", 3)), "without NUL"},
        {with("/abi", 1), "/abi: expected an object, found 1"},
        {with("/abi/major", 2), "needs version 2.0 of the plugin ABI", K2S_E_UNSUPPORTED},
        {with("/abi/minor", 7), "needs version 1.7 of the plugin ABI", K2S_E_UNSUPPORTED},
        {with("/abi/minor", -1), "/abi/minor: expected a whole number"},
        {with("/abi/minor", 1.5), "/abi/minor: expected a whole number"},
        {with("/abi/minor", 18446744073709551615U), "/abi/minor: expected a whole number"},
        {with("/library", "lib/storage"), "/library: expected a file's base name"},
        {with("/library", ".."), "/library: expected a file's base name"},
        {with("/library", "C:storage"), "/library: expected a file's base name"},
        {with("/sha256", json{{"a/b.so", "00"}}), "/sha256: expected a file name"},
        {with("/sha256/storage.so", "00"), "/sha256/storage.so: expected a SHA-256"},
        {with("/sha256/storage.so", std::string(64, 'A')), "lower-case hexadecimal"},
        {with("/requires/0/version", "~1"), "/requires/0/version: \"~1\" is not a version range"},
        {with("/requires/1", json{{"contract", "example.greeter"}, {"version", "*"}}),
         "/requires/1/contract: \"example.greeter\" is listed twice"},
        {with("/provides/0/version", "^1.0.0"), "/provides/0/version"},
        {with("/privileges/0", "root"), "/privileges/0: unknown privilege \"root\""},
        {with("/features/0/kind", "daemon"), "expected one of \"command\", \"service\""},
        {with("/features/1/id", "yaml2json"), "/features/1/id: another feature is"},
        {with("/features/1/config", true), "/features/1/config: expected a JSON Schema"},
        {with("/features/0/enabled", "yes"), "expected true or false, found \"yes\""},
        {with("/commands/0/feature", "nope"), "/commands/0/feature: no feature \"nope\""},
        {with("/commands/0/service", true), "/commands/0/service: the feature \"yaml2json\" is no"},
        {with("/commands/0/path", json::array()), "/commands/0/path: a command needs"},
        {with("/commands/0/path", {"a", "b", "c", "d", "e"}), "more than the limit of 4"},
        {with("/commands/0/path/0", "-x"), "/commands/0/path/0: expected a lower-case letter"},
        {with("/commands/1/path", {"yaml2json"}), "/commands/1/path: another command"},
        {with("/commands/0/style", "gnu"), "/commands/0/style: expected one of \"posix\", \"go\""},
        {with("/commands/0/options/0/name", "-i"), "/commands/0/options/0/name"},
        {with("/commands/0/options/0/name", "a=b"), "/commands/0/options/0/name"},
        {with("/commands/0/options/1/name", "input"), "has another option \"input\""},
        {with("/commands/0/options/1/short", "i"), "short form of \"input\" too"},
        {with("/commands/0/options/0/short", "in"), "expected one letter or digit"},
        {with("/commands/0/options/0/type", "file"), "/commands/0/options/0/type: expected one of"},
        {without("/commands/0/options/1", "choices"), "an enum needs its choices"},
        {with("/commands/0/options/0/choices", {"a"}), "only the type \"enum\" has choices"},
        {with("/commands/0/options/1/default", "c"), "\"c\" is not one of a, b"},
        {with("/commands/0/options/2/default", "true"), "expected true or false"},
        {with("/commands/0/options/3/default", "10.0.0.0/8"), "is a list"},
        {with("/commands/0/options/3/default", {"10.0.0.0"}), "is not a network"},
        {with("/commands/0/options/0/default", "x"), "a required option has no default"},
        {with("/commands/0/options/2/env", "A-B"), "the name of an environment variable"},
        {with("/commands/1/options/0/config", "addr"), "expected a JSON pointer"},
        {with("/commands/0/arguments/2", json{{"name", "z"}, {"type", "int"}, {"help", "h"}}),
         "only the last argument may repeat"},
        {with("/commands/0/arguments/0/required", false), "/commands/0/arguments/1"},
        {with("/commands/0/arguments/1/name", "file"), "another argument of this name"},
        {with("/commands/0/exit_codes/0/code", 256), "expected a whole number from 0 to 255"},
        {with("/x~1y", 1), "unknown key \"x/y\""},
    };
    for (auto bad : cases) {
        // A required argument behind an optional one needs both changes.
        if (std::string_view(bad.expected) == "/commands/0/arguments/1") {
            auto tree = json::parse(bad.text);
            tree["commands"][0]["arguments"][1]["required"] = true;
            bad.text = tree.dump();
        }
        check_refused(bad);
    }
}

BOOST_AUTO_TEST_CASE(pointers_and_controls_are_escaped) {
    check_refused({with("/commands/0/a~1\x1b", 1), "unknown key \"a/\\x1b\""});
    auto tree = json::parse(k_good);
    tree["x-a/b~c"] = 1; // own keys are not looked at
    BOOST_TEST(read_manifest(tree.dump(), "f").has_value());
}

BOOST_AUTO_TEST_CASE(too_many_items) {
    auto tree = json::parse(k_good);
    for (int i = 0; i < 300; ++i) {
        auto command = tree["commands"][1];
        command["path"] = {"c" + std::to_string(i)};
        tree["commands"].push_back(command);
    }
    check_refused({tree.dump(), "/commands: 302 items are more than the limit of 256"});
}

BOOST_AUTO_TEST_CASE(versions_are_ordered) {
    // The example of semver.org section 11.
    const char *const k_order[] = {"1.0.0-alpha",
                                   "1.0.0-alpha.1",
                                   "1.0.0-alpha.beta",
                                   "1.0.0-beta",
                                   "1.0.0-beta.2",
                                   "1.0.0-beta.11",
                                   "1.0.0-rc.1",
                                   "1.0.0",
                                   "1.0.1",
                                   "1.2.0",
                                   "1.10.0",
                                   "2.0.0-0",
                                   "2.0.0-99999999999999999999999",
                                   "2.0.0"};
    for (std::size_t i = 0; i < std::size(k_order); ++i) {
        for (std::size_t j = 0; j < std::size(k_order); ++j) {
            const auto a = parse_version(k_order[i]);
            const auto b = parse_version(k_order[j]);
            BOOST_REQUIRE((a && b));
            BOOST_TEST_CONTEXT(k_order[i] << " and " << k_order[j]) {
                BOOST_TEST(((*a <=> *b) < 0) == (i < j));
                BOOST_TEST((*a == *b) == (i == j));
            }
        }
    }
    BOOST_TEST((*parse_version("1.0.0+a") == *parse_version("1.0.0+b")));
    BOOST_TEST(parse_version("1.2.3-rc.1+abc.5")->text() == "1.2.3-rc.1+abc.5");
}

BOOST_AUTO_TEST_CASE(bad_versions) {
    for (const char *text : {"", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.03", "1.2.3-",
                             "1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3-a_b", " 1.2.3", "1.2.3 ",
                             "1.2.x", "-1.2.3", "1.2.18446744073709551616", "1..3"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(!parse_version(text));
        }
    }
    BOOST_TEST(!parse_version(std::string(100'000, '1')));
}

BOOST_AUTO_TEST_CASE(ranges) {
    struct Case {
        const char *range;
        const char *version;
        bool contained;
    };
    const Case cases[] = {
        {">=1.0.0 <2.0.0", "1.0.0", true},
        {">=1.0.0 <2.0.0", "1.99.0", true},
        {">=1.0.0 <2.0.0", "2.0.0", false},
        {">=1.0.0 <2.0.0", "0.9.9", false},
        {">=1.0.0 <2.0.0", "2.0.0-rc.1", false},
        {">=1.0.0 <2.0.0", "1.5.0-rc.1", false},
        {">=1.5.0-rc.1 <2.0.0", "1.5.0-rc.2", true},
        {"1.2.3", "1.2.3", true},
        {"=1.2.3", "1.2.4", false},
        {"1.2.3", "1.2.3+build", true},
        {">1.2.3", "1.2.3", false},
        {"<=1.2.3", "1.2.3", true},
        {"^1.2.3", "1.9.0", true},
        {"^1.2.3", "1.2.2", false},
        {"^1.2.3", "2.0.0", false},
        {"^1.2.3", "2.0.0-alpha", false},
        {"^0.2.3", "0.2.9", true},
        {"^0.2.3", "0.3.0", false},
        {"^0.0.3", "0.0.3", true},
        {"^0.0.3", "0.0.4", false},
        {"*", "7.0.0", true},
        {"*", "7.0.0-rc.1", false},
        {"  >=1.0.0   <1.1.0 ", "1.0.5", true},
    };
    for (const auto &[range, version, contained] : cases) {
        BOOST_TEST_CONTEXT(range << " and " << version) {
            const auto parsed = parse_version_range(range);
            BOOST_REQUIRE(parsed);
            BOOST_TEST(parsed->contains(*parse_version(version)) == contained);
        }
    }
    for (const char *text : {"", "  ", "~1.2.3", "1.x", ">= 1.0.0", "1.0.0 - 2.0.0", "1.0.0,2.0.0",
                             "||", "^", ">=<1.0.0", "\t1.0.0"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(!parse_version_range(text));
        }
    }
}
