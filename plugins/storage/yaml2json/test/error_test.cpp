// SPDX-License-Identifier: MIT
// What is refused, and where the message points.
#include <boost/test/unit_test.hpp>

#include <vector>

#include "helpers.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(messages_show_the_line_and_a_caret) {
    BOOST_TEST(message_of("a: 1\nb: [x\nc: d\n").starts_with("in.yaml:"));
    BOOST_TEST(message_of("\té: y\n") ==
               "in.yaml:1:1: invalid tab as indendation in a mapping\n\té: y\n^");
    BOOST_TEST(message_of("ä: *ö\n") ==
               "in.yaml:1:4: alias *ö names no anchor before it in this document\nä: *ö\n   ^");
    BOOST_TEST(message_of("- x\n-\t.inf\n") ==
               "in.yaml:2:3: .inf has no JSON form: JSON has no infinity and no NaN; quote it to "
               "make it a string\n-\t.inf\n \t^");
}

BOOST_AUTO_TEST_CASE(positions) {
    struct Row {
        std::string_view yaml;
        std::string_view error; // how the message begins
    };
    for (const auto &[yaml, error] : std::vector<Row>{
             {"a: b: c", "in.yaml:1:5: "},
             {"a: b\n- c\n", "in.yaml:2:1: "},
             {"a: \"x\n", "in.yaml:1:5: "},
             {"[a, b\n", "in.yaml:2:1: "},
             {"a: 1\r\nb: 2\r\nc: *x\r\n", "in.yaml:3:4: alias *x names no anchor"},
             {"a: 1\rb: *x\r", "in.yaml:2:4: alias *x names no anchor"},
             {"&a [1, *a]", "in.yaml:1:8: alias *a is inside the node"},
             {"? [a]\n: b\n", "in.yaml:1:3: a sequence as a key"},
             {"? {a: b}\n: c\n", "in.yaml:1:3: a mapping as a key"},
             {"a: &x [1]\n*x : b\n", "in.yaml:2:1: alias *x stands for a collection"},
             {"- .nan\n", "in.yaml:1:3: .nan has no JSON form"},
             {"- -.INF\n", "in.yaml:1:3: -.INF has no JSON form"},
             {"a: !!int x\n", "in.yaml:1:10: !!int does not fit \"x\""},
             {"a: !!bool 1\n", "in.yaml:1:11: !!bool does not fit \"1\""},
             {"a: !!null x\n", "in.yaml:1:11: !!null does not fit \"x\""},
             {"a: !!float x\n", "in.yaml:1:12: !!float does not fit \"x\""},
             {"!!map x", "in.yaml:1:7: !!map does not fit a scalar"},
             {"!!str [a]", "in.yaml:1:7: !!str does not fit a sequence"},
             {"!!seq {a: b}", "in.yaml:1:7: !!seq does not fit a mapping"},
             {"a: !x!y z\n", "in.yaml:1:4: undefined tag prefix"},
             {"%YAML 2.0\n---\na\n", "in.yaml:1:1: unsupport version number 2.0"},
             {"\"a\\ud800\"", "in.yaml:1:3: "},
             {"\"x\\", "in.yaml:1:3: invalid escape"},
             {"a: 1\n---\nb: [\n", "in.yaml:4:1: "}, // behind the first document
         }) {
        BOOST_TEST_CONTEXT(yaml) {
            const std::string message = error_of(yaml);
            BOOST_TEST(message.starts_with(error), message << " does not begin with " << error);
        }
    }
}

BOOST_AUTO_TEST_CASE(aliases_do_not_cross_documents) {
    BOOST_TEST(error_of("- &a 1\n---\n- *a\n", with_documents(Documents::all)) ==
               "in.yaml:3:3: alias *a names no anchor before it in this document");
}

BOOST_AUTO_TEST_CASE(duplicate_keys) {
    BOOST_TEST(error_of("a: 1\nb: 2\na: 3\n") ==
               "in.yaml:3:1: key \"a\" occurs twice in this mapping (first in line 1)");
    BOOST_TEST(error_of("x:\n  1: a\n  0x1: b\n") ==
               "in.yaml:3:3: key \"1\" occurs twice in this mapping (first in line 2)");
    BOOST_TEST(error_of("{'a': 1, \"a\": 2}") ==
               "in.yaml:1:11: key \"a\" occurs twice in this mapping (first in line 1)");
    Options kept;
    kept.key_order = KeyOrder::as_written;
    BOOST_TEST(error_of("z: 0\na: 1\nb: 2\na: 3\n", kept) ==
               "in.yaml:4:1: key \"a\" occurs twice in this mapping (first in line 2)");
    // The same key in two mappings is no duplicate.
    BOOST_TEST(to_json("a: {a: 1}\nb: {a: 2}\n") == R"({"a":{"a":1},"b":{"a":2}})");
}

BOOST_AUTO_TEST_CASE(last_duplicate_can_win) {
    Options options;
    options.duplicate_keys = DuplicateKeys::last_wins;
    BOOST_TEST(to_json("a: 1\nc: 2\na: 3\nb: 4\na: 5\n", options) == R"({"a":5,"b":4,"c":2})");
    options.key_order = KeyOrder::as_written;
    BOOST_TEST(to_json("a: 1\nc: 2\na: 3\nb: 4\na: 5\n", options) == R"({"c":2,"b":4,"a":5})");
    BOOST_TEST(to_json("x: {a: 1, a: 2}\ny: [{b: 1, b: 2, c: 3}]\n", options) ==
               R"({"x":{"a":2},"y":[{"b":2,"c":3}]})");
}

BOOST_AUTO_TEST_CASE(documents_before_the_error_are_whole) {
    std::string output;
    const auto report = convert("a: 1\n---\nb: 2\n---\n[", "in.yaml",
                                with_documents(Documents::all), {&output, append});
    BOOST_REQUIRE(!report.has_value());
    BOOST_TEST(report.error().code == K2S_E_FAILED);
    BOOST_TEST((output.empty() || output == "{\"a\":1}\n{\"b\":2}\n"));
}

BOOST_AUTO_TEST_CASE(long_lines_are_cut_round_the_caret) {
    const std::string yaml = "k: " + std::string(5000, 'a') + " *x: [é" + std::string(500, 'b');
    const std::string message = message_of(yaml);
    BOOST_TEST(message.size() < 400U);
    const std::string far = "[" + std::string(300, ' ') + "*x, " + std::string(300, 'b') + "]";
    BOOST_TEST(message_of(far) ==
               "in.yaml:1:302: alias *x names no anchor before it in this document\n" +
                   std::string(60, ' ') + "*x, " + std::string(36, 'b') + "…\n" +
                   std::string(60, ' ') + "^");
    BOOST_TEST(error_of("{" + std::string(200, 'k') + ": 1, " + std::string(200, 'k') + ": 2}") ==
               "in.yaml:1:207: key \"" + std::string(60, 'k') +
                   "…\" occurs twice in this mapping (first in line 1)");
}

BOOST_AUTO_TEST_SUITE_END()
