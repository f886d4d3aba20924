// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include "helpers.hpp"

namespace {

using namespace k2s::yaml2json;

struct Drip {
    std::string_view left;
    size_t most = 7;
    size_t repeat = 0; ///< gives the text so many times more
    std::string_view all = left;

    static int64_t read(void *context, char *data, size_t size) {
        auto &self = *static_cast<Drip *>(context);
        if (self.left.empty() && self.repeat > 0) {
            --self.repeat;
            self.left = self.all;
        }
        const size_t part = std::min({self.left.size(), size, self.most});
        std::copy_n(self.left.data(), part, data);
        self.left.remove_prefix(part);
        return static_cast<int64_t>(part);
    }
};

bool collect(void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
    return true;
}

/// The JSON, or the error's message.
std::string stream(std::string_view text, Options options = {}) {
    options.documents = Documents::all;
    options.limits.piece_bytes = 1;
    Drip drip{text};
    std::string output;
    const auto report = convert(Reader{&drip, Drip::read}, "in.yaml", options, {&output, collect});
    return report ? output : report.error().message;
}

std::string reverse(std::string_view json) {
    Options options;
    options.output = Output::yaml;
    options.escape_html = false;
    options.key_order = KeyOrder::as_written;
    return stream(json, options);
}

std::string query(std::string_view text, std::string pointer) {
    Options options;
    options.query = std::move(pointer);
    return stream(text, options);
}

} // namespace

BOOST_AUTO_TEST_SUITE(streams)

BOOST_AUTO_TEST_CASE(pieces_end_at_documents_only) {
    BOOST_TEST(stream("a: 1\n---\nb: 2\n--- 3\n") == "{\"a\":1}\n{\"b\":2}\n3\n");
    BOOST_TEST(stream("# c\n%YAML 1.2\n---\na\n...\n%TAG !e! tag:e,2000:\n---\nb\n...\n") ==
               "\"a\"\n\"b\"\n");
    BOOST_TEST(stream("a: |\n  text\n  ---\n  more\n---\nb\n") ==
               "{\"a\":\"text\\n---\\nmore\\n\"}\n\"b\"\n");
    BOOST_TEST(stream("---\n---\n---\n") == "null\nnull\nnull\n");
    BOOST_TEST(stream("a: --- b\n---x: 1\n") == "{\"---x\":1,\"a\":\"--- b\"}\n");
    BOOST_TEST(stream("") == "");
}

BOOST_AUTO_TEST_CASE(anchors_end_with_their_document) {
    BOOST_TEST(stream("a: &x 1\nb: *x\n---\nc: *x\n").contains("in.yaml:4:4: "));
}

BOOST_AUTO_TEST_CASE(errors_have_the_line_of_the_stream) {
    const std::string said = stream("a: 1\n---\nb: 2\n---\nc: 1\nc: 2\n");
    BOOST_TEST(said.starts_with("in.yaml:6:1: "));
    BOOST_TEST(said.contains("line 5"));
    BOOST_TEST(said.contains("\nc: 2\n^"));
}

BOOST_AUTO_TEST_CASE(what_stands_before_an_error_is_written) {
    Options options;
    options.documents = Documents::all;
    options.limits.piece_bytes = 1;
    std::string text;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        text += "--- " + std::to_string(i) + "\n";
        expected += std::to_string(i) + "\n";
    }
    text += "--- [\n--- 101\n";
    Drip drip{text};
    std::string output;
    const auto report = convert(Reader{&drip, Drip::read}, "in.yaml", options, {&output, collect});
    BOOST_REQUIRE(!report);
    BOOST_TEST(report.error().message.starts_with("in.yaml:10"));
    // The writer keeps up to 64 KiB back; what it has written is what comes first.
    BOOST_TEST(expected.starts_with(output));
}

BOOST_AUTO_TEST_CASE(a_text_too_long_to_be_kept) {
    Options options;
    options.documents = Documents::all;
    options.limits.piece_bytes = 1;
    std::string text = "--- 1\n--- 2\n---\n- &x " + std::string(size_t{1} << 20, 'x') + "\n";
    for (int i = 0; i < 40; ++i) {
        text += "- *x\n";
    }
    text += "--- 3\n";
    Drip drip{text, 1 << 20};
    std::string output;
    const auto report = convert(Reader{&drip, Drip::read}, "in.yaml", options, {&output, collect});
    BOOST_REQUIRE(report);
    BOOST_TEST(report->documents == 4U);
    BOOST_TEST(output.starts_with("1\n2\n[\"x"));
    BOOST_TEST(output.ends_with("\"]\n3\n"));
    BOOST_TEST(output.size() > size_t{41} << 20);
}

BOOST_AUTO_TEST_CASE(other_encodings_come_as_one_piece) {
    std::string utf16 = "\xFF\xFE";
    for (const char c : std::string_view{"a\n---\nb\n"}) {
        utf16.push_back(c);
        utf16.push_back('\0');
    }
    BOOST_TEST(stream(utf16) == "\"a\"\n\"b\"\n");
}

BOOST_AUTO_TEST_CASE(memory_does_not_depend_on_the_number_of_documents) {
    Options options;
    options.documents = Documents::all;
    options.limits.input_bytes = 4 << 20; // 200 MB pass through it
    const std::string document = "---\nname: web\ntext: " + std::string(1000, 'x') + "\n";
    Drip drip{document, 1 << 20, 199'999};
    uint64_t size = 0;
    const auto report = convert(Reader{&drip, Drip::read}, "in.yaml", options,
                                {&size, [](void *context, const char *, size_t bytes) {
                                     *static_cast<uint64_t *>(context) += bytes;
                                     return true;
                                 }});
    BOOST_REQUIRE(report);
    BOOST_TEST(report->documents == 200'000U);
    BOOST_TEST(size == report->output_bytes);
}

BOOST_AUTO_TEST_CASE(one_document_is_bounded) {
    Options options;
    options.limits.input_bytes = 1 << 20;
    Drip drip{"- some text\n", 1 << 20, 200'000};
    std::string output;
    const auto report = convert(Reader{&drip, Drip::read}, "in.yaml", options, {&output, collect});
    BOOST_REQUIRE(!report);
    BOOST_TEST(report.error().code == K2S_E_NO_MEMORY);
    BOOST_TEST(report.error().message.contains("-max-input"));
}

BOOST_AUTO_TEST_CASE(a_reader_that_fails) {
    std::string output;
    const auto report =
        convert(Reader{nullptr, [](void *, char *, size_t) -> int64_t { return -1; }}, "in.yaml",
                {}, {&output, collect});
    BOOST_REQUIRE(!report);
    BOOST_TEST(report.error().code == K2S_E_IO);
}

BOOST_AUTO_TEST_CASE(behind_the_first_document_everything_is_checked) {
    const auto first = [](std::string_view text, Report &counts) {
        Options options;
        options.limits.piece_bytes = 1;
        Drip drip{text};
        std::string output;
        const auto report =
            convert(Reader{&drip, Drip::read}, "in.yaml", options, {&output, collect});
        counts = report.value_or(Report{});
        return report ? output : output + report.error().message;
    };
    Report counts;
    std::string many = "a: 1\n";
    for (int i = 0; i < 50; ++i) {
        many += "---\nb: 1\nb: 2\n"; // a duplicate key matters only where it is converted
    }
    BOOST_TEST(first(many, counts) == "{\"a\":1}");
    BOOST_TEST(counts.documents == 51U);
    BOOST_TEST(counts.written == 1U);
    BOOST_TEST(first(many + "---\n[\n", counts).contains("in.yaml:154:1: flow sequence without"));
    BOOST_TEST(first("# nothing\n...\n---\na: 1\n---\nb: 2\n", counts) == "{\"a\":1}");
    BOOST_TEST(counts.documents == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(queries)

BOOST_AUTO_TEST_CASE(pointers_name_parts) {
    const std::string_view text =
        "a: {b: [x, {c: 1}], 'd/e': 2, '~': 3, '': 4}\nr: &r [1]\ns: [*r]\n";
    BOOST_TEST(query(text, "/a/b/1") == "{\"c\":1}\n");
    BOOST_TEST(query(text, "/a/b/1/c") == "1\n");
    BOOST_TEST(query(text, "/a/d~1e") == "2\n");
    BOOST_TEST(query(text, "/a/~0") == "3\n");
    BOOST_TEST(query(text, "/a/") == "4\n");
    BOOST_TEST(query(text, "/s/0/0") == "1\n");
    BOOST_TEST(query("[1]\n---\n[2]\n", "/0") == "1\n2\n");
}

BOOST_AUTO_TEST_CASE(what_they_do_not_find) {
    BOOST_TEST(query("a: {b: 1}", "/a/x") ==
               "in.yaml: document 1: -query: there is no key 'x' at '/a'");
    BOOST_TEST(query("[1]\n---\n[]\n", "/0").contains("document 2: -query: '0' is no index"));
    BOOST_TEST(query("[1, 2]", "/01").contains("no index"));
    BOOST_TEST(query("[1, 2]", "/-").contains("no index"));
    BOOST_TEST(query("a", "/x").contains("a scalar has no 'x'"));
    BOOST_TEST(query("a", "x").contains("begins with '/'"));
    BOOST_TEST(query("a", "/~2").contains("~0"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(reversed)

BOOST_AUTO_TEST_CASE(blocks) {
    BOOST_TEST(
        reverse(
            R"({"z": 1, "list": [{"a": "x y", "b": []}, [1, [2]], "t"], "m": {}, "n": null})") ==
        "z: 1\nlist:\n  - a: x y\n    b: []\n  - - 1\n    - - 2\n  - t\nm: {}\n\"n\": null\n");
    BOOST_TEST(reverse("[]") == "[]\n");
    BOOST_TEST(reverse("1\n\"two words\"\n{\n\t\"a\": true\n}\n") ==
               "1\n---\ntwo words\n---\na: true\n");
}

BOOST_AUTO_TEST_CASE(texts_that_others_would_read_as_something_else_are_quoted) {
    for (const char *text :
         {"yes",      "No",         "on", "null", "true", "1",  "1.5",  "0x1F", "012", "1_000",
          "12:30:00", "2001-01-01", "~",  "",     " a",   "a ", "a: b", "a #b", "a:",  "- a",
          "? a",      "*a",         "&a", "!a",   "%a",   "@a", "`a",   "'a'",  "{a",  "[a",
          "|",        ">",          "=",  "<<",   "y",    "N",  ".inf"}) {
        const std::string quoted = "\"" + std::string{text} + "\"";
        BOOST_TEST(reverse(quoted) == quoted + "\n");
    }
    for (const char *text :
         {"nginx:1.25", "/var/lib", "a#b", "it's", "a, b", "app=web", "http://x/y"}) {
        BOOST_TEST(reverse("\"" + std::string{text} + "\"") == std::string{text} + "\n");
    }
}

BOOST_AUTO_TEST_CASE(lines_stay_lines) {
    BOOST_TEST(reverse(R"({"run": "set -e\n\necho  a\n"})") == "run: |\n  set -e\n\n  echo  a\n");
    BOOST_TEST(reverse(R"({"run": ["a b\nc"]})") == "run:\n  - |-\n    a b\n    c\n");
    BOOST_TEST(reverse(R"({"run": " a\nb"})") == "run: \" a\\nb\"\n");
    BOOST_TEST(reverse(R"({"run": "a\n\n"})") == "run: \"a\\n\\n\"\n");
}

BOOST_AUTO_TEST_CASE(numbers_and_characters_are_exact) {
    BOOST_TEST(reverse("123456789012345678901234567890.10e-400") ==
               "123456789012345678901234567890.10e-400\n");
    // Line breaks, nothing or an error to some readers of YAML; in keys as well, and between lines.
    BOOST_TEST(reverse("{\"a\xC2\x85\": \"b\xC2\x85 c\\n\x7F\\ud83d\\ude00\"}") ==
               "\"a\\u0085\": \"b\\u0085 c\\n\\u007f\xF0\x9F\x98\x80\"\n");
    BOOST_TEST(reverse(R"(["\u0085x", "\u009f", "\ufeff", "\uffff", "\u00a0", "\ufffd"])") ==
               "- \"\\u0085x\"\n- \"\\u009f\"\n- \"\\ufeff\"\n- \"\\uffff\"\n- \"\xC2\xA0\"\n- "
               "\"\xEF\xBF\xBD\"\n");
    BOOST_TEST(stream(reverse(R"("\u0085\u007f")")) == "\"\xC2\x85\x7F\"\n");
    BOOST_TEST(stream(reverse(R"("\ud83d\ude00\u0000\u2028\\")")) ==
               "\"\xF0\x9F\x98\x80\\u0000\\u2028\\\\\"\n");
}

BOOST_AUTO_TEST_CASE(long_keys) {
    const std::string key(2000, 'k');
    const std::string json = "{\"" + key + "\":{\"a\":[1,2]}}\n";
    BOOST_TEST(stream(reverse(json)) == json);
}

BOOST_AUTO_TEST_CASE(what_is_no_json) {
    BOOST_TEST(reverse("a: 1\nb: 2\n").starts_with("in.yaml:1:1: this is no JSON value"));
    BOOST_TEST(reverse("{\"a\": 1}\n- 2\n").starts_with("in.yaml:2:1: this is no JSON value"));
    BOOST_TEST(reverse("{\"a\": 1").starts_with("in.yaml:1:"));
    BOOST_TEST(reverse("{\"a\": 1, \"a\": 2}").contains("in.yaml:1:"));
    struct Row {
        std::string_view json;
        std::string_view said;
    };
    for (const auto &[json, said] :
         std::vector<Row>{{"{\"a\":1,}", "1:7: nothing follows this comma"},
                          {"[1, ]", "1:3: nothing follows this comma"},
                          {"[,1]", "1:2: this is no JSON value"},
                          {"[1,,2]", "1:4: this is no JSON value"},
                          {"[1 2]", "1:4: a comma or ']'"},
                          {"{\"a\":1 \"b\":2}", "1:8: a comma or '}'"},
                          {"{a: 1}", "1:2: JSON has its keys in double quotes"},
                          {"{'a': 1}", "1:2: JSON has its keys in double quotes"},
                          {"{1: 1}", "1:2: JSON has its keys in double quotes"},
                          {"{\"a\"}", "1:5: a colon"},
                          {"{\"a\":}", "1:6: this is no JSON value"},
                          {"[1,\n 'a']", "2:2: this is no JSON value"},
                          {"[01]", "1:2: this is no JSON value"},
                          {"[0x1]", "1:2: this is no JSON value"},
                          {"[+1]", "1:2: this is no JSON value"},
                          {"[1.]", "1:2: this is no JSON value"},
                          {"[.5]", "1:2: this is no JSON value"},
                          {"[1_000]", "1:2: this is no JSON value"},
                          {"[yes]", "1:2: this is no JSON value"},
                          {"[True]", "1:2: this is no JSON value"},
                          {"[~]", "1:2: this is no JSON value"},
                          {"[.nan]", "1:2: this is no JSON value"},
                          {"[&a 1, *a]", "1:2: this is no JSON value"},
                          {"[!!str 1]", "1:2: this is no JSON value"},
                          {"[a b]", "1:2: this is no JSON value"},
                          {"[1] # c", "1:5: a JSON value ends before this"},
                          {"[1, # c\n2]", "1:5: this is no JSON value"},
                          {"{} {}", "1:4: a JSON value ends before this"},
                          {"[\"a\nb\"]", "1:4: JSON has control characters"},
                          {"[\"a\tb\"]", "1:4: JSON has control characters"},
                          {"[\"\\x41\"]", "1:3: this escape"},
                          {"[\"\\u12g4\"]", "1:3: this escape"},
                          {"[\"a", "1:4: the JSON value ends too early"},
                          {"[1}", "1:3: a comma or ']'"},
                          {"]", "1:1: this is no JSON value"}}) {
        BOOST_TEST_CONTEXT("the input " << json) {
            BOOST_TEST(reverse(json).substr(0, 8 + said.size()) == "in.yaml:" + std::string{said});
        }
    }
    BOOST_TEST(reverse(" [ 1 , -0.5e+1 ,\r\n true , { } , [ ] , { \"\\u00e4\\/\" : null } ] ") ==
               "- 1\n- -0.5e+1\n- true\n- {}\n- []\n- \"\xC3\xA4/\": null\n");
}

BOOST_AUTO_TEST_SUITE_END()
