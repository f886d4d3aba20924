// SPDX-License-Identifier: MIT
// What comes out: documents, format, order, escapes, tags, anchors.
#include <boost/test/unit_test.hpp>

#include <vector>

#include "helpers.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

BOOST_AUTO_TEST_SUITE(conversion)

BOOST_AUTO_TEST_CASE(plain_scalars_follow_the_core_schema) {
    struct Row {
        std::string_view yaml;
        std::string_view json;
    };
    for (const auto &[yaml, json] : std::vector<Row>{
             {"null", "null"},
             {"Null", "null"},
             {"NULL", "null"},
             {"~", "null"},
             {"nULL", R"("nULL")"},
             {"~~", R"("~~")"},
             {"true", "true"},
             {"True", "true"},
             {"TRUE", "true"},
             {"false", "false"},
             {"False", "false"},
             {"FALSE", "false"},
             {"tRUE", R"("tRUE")"},
             {"yes", R"("yes")"},
             {"off", R"("off")"},
             {"0", "0"},
             {"-0", "-0"},
             {"+12", "12"},
             {"012", "12"},
             {"-007", "-7"},
             {"000", "0"},
             {"0x1F", "31"},
             {"0xff", "255"},
             {"0o17", "15"},
             {"0o8", R"("0o8")"},
             {"0x", R"("0x")"},
             {"-0x1", R"("-0x1")"},
             {"0b1", R"("0b1")"},
             {"1_000", R"("1_000")"},
             {"12:30:45", R"("12:30:45")"},
             {"1.0", "1.0"},
             {"1.", "1.0"},
             {".5", "0.5"},
             {"-.5", "-0.5"},
             {"+1.50", "1.50"},
             {"1e3", "1e3"},
             {"1.E-5", "1.0E-5"},
             {"01.5e+07", "1.5e+07"},
             {"1e", R"("1e")"},
             {"1e+", R"("1e+")"},
             {".", R"(".")"},
             {"-", "[null]"},
             {"+", R"("+")"},
             {"1.2.3", R"("1.2.3")"},
             {"..5", R"("..5")"},
             {"2001-01-01", R"("2001-01-01")"},
             {"1e400", "1e400"},
             {"123456789012345678901234567890", "123456789012345678901234567890"},
             {"3.14159265358979323846264338327950288", "3.14159265358979323846264338327950288"},
             {"0xffffffffffffffffffffffff", "79228162514264337593543950335"},
             {"0o7777777777777777777777777", "37778931862957161709567"},
         }) {
        BOOST_TEST_CONTEXT(yaml) {
            BOOST_TEST(to_json(yaml) == json);
        }
    }
}

BOOST_AUTO_TEST_CASE(quoted_and_block_scalars_are_strings) {
    BOOST_TEST(to_json("- '1'\n- \"true\"\n- |\n  1\n- >-\n  null\n- ''\n- \"\"\n") ==
               R"(["1","true","1\n","null","",""])");
    BOOST_TEST(to_json("'it''s'") == R"("it's")");
    BOOST_TEST(to_json("\"a\\tb\\x41\\u00e9\\0\"") == "\"a\\tbA\u00e9\\u0000\"");
    BOOST_TEST(to_json("- 'x\n\n  y'\n- a\n  b\n- >\n  c\n  d\n- |+\n  e\n\n") ==
               R"(["x\ny","a b","c d\n","e\n\n"])");
}

BOOST_AUTO_TEST_CASE(folded_scalars_end_where_their_text_ends) {
    // The parser's own estimate of the length is too long here.
    BOOST_TEST(to_json("--- >\n[: another em  ab\n cef\n\n\n gh\n") ==
               R"("[: another em  ab\n cef\n\n\n gh\n")");
}

BOOST_AUTO_TEST_CASE(yaml11_booleans_are_an_option) {
    Options options;
    options.yaml11_booleans = true;
    BOOST_TEST(to_json("[yes, Yes, ON, on, no, NO, Off, 'yes', true, y, yEs, None]", options) ==
               R"([true,true,true,true,false,false,false,"yes",true,"y","yEs","None"])");
}

BOOST_AUTO_TEST_CASE(any_root_is_converted) {
    BOOST_TEST(to_json("- a\n- b\n") == R"(["a","b"])");
    BOOST_TEST(to_json("hello world") == R"("hello world")");
    BOOST_TEST(to_json("{}") == "{}");
    BOOST_TEST(to_json("[]") == "[]");
    BOOST_TEST(to_json("---\n") == "null");
}

// The expectations were printed by Go's json.MarshalIndent(value, "", "\t") and json.Marshal.
BOOST_AUTO_TEST_CASE(format_is_that_of_go) {
    constexpr std::string_view yaml = "b: [1, two, [], {}]\na: {<x>: '&', n: }\n"
                                      "é: \"\\u2028\\u2029\x7f\\b\\f\\n\\r\\t\\0\\x1f\\\"\\\\/\"\n"
                                      "Z: true\nt: [[1]]\n";
    Options options;
    options.indent = Indent::tab();
    BOOST_TEST(to_json(yaml, options) ==
               "{\n\t\"Z\": true,\n\t\"a\": {\n\t\t\"\\u003cx\\u003e\": \"\\u0026\",\n\t\t\"n\": "
               "null\n\t},\n\t\"b\": [\n\t\t1,\n\t\t\"two\",\n\t\t[],\n\t\t{}\n\t],\n\t\"t\": "
               "[\n\t\t[\n\t\t\t1\n\t\t]\n\t],\n\t\"é\": "
               "\"\\u2028\\u2029\x7f\\b\\f\\n\\r\\t\\u0000\\u001f\\\"\\\\/\"\n}");
    BOOST_TEST(to_json(yaml) ==
               "{\"Z\":true,\"a\":{\"\\u003cx\\u003e\":\"\\u0026\",\"n\":null},\"b\":[1,\"two\",[],"
               "{}],\"t\":[[1]],\"é\":\"\\u2028\\u2029\x7f\\b\\f\\n\\r\\t\\u0000\\u001f\\\"\\\\/"
               "\"}");
}

BOOST_AUTO_TEST_CASE(html_escapes_can_be_left_out) {
    Options options;
    options.escape_html = false;
    BOOST_TEST(to_json("\"<a&b>\\u2028\"", options) == R"("<a&b>\u2028")");
}

BOOST_AUTO_TEST_CASE(indent_of_spaces) {
    Options options;
    options.indent = Indent::spaces(2);
    BOOST_TEST(to_json("a: [1]", options) == "{\n  \"a\": [\n    1\n  ]\n}");
}

BOOST_AUTO_TEST_CASE(keys_are_sorted_by_bytes_or_kept) {
    constexpr std::string_view yaml = "b: 1\na10: 2\na2: 3\nB: 4\né: 5\n";
    BOOST_TEST(to_json(yaml) == R"({"B":4,"a10":2,"a2":3,"b":1,"é":5})");
    Options options;
    options.key_order = KeyOrder::as_written;
    BOOST_TEST(to_json(yaml, options) == R"({"b":1,"a10":2,"a2":3,"B":4,"é":5})");
}

BOOST_AUTO_TEST_CASE(first_document_only) {
    std::string output;
    const auto report = convert("a: 1\n---\nb: 2\n---\n- c\n", "x", {}, {&output, append});
    BOOST_REQUIRE(report.has_value());
    BOOST_TEST(output == R"({"a":1})");
    BOOST_TEST(report->documents == 3U);
    BOOST_TEST(report->written == 1U);
    BOOST_TEST(report->output_bytes == output.size());
}

BOOST_AUTO_TEST_CASE(all_documents) {
    const auto all = with_documents(Documents::all);
    BOOST_TEST(to_json("a: 1\n---\n---\n- c\n...\n# end\n", all) == "{\"a\":1}\nnull\n[\"c\"]\n");
    BOOST_TEST(to_json("# nothing\n", all).empty());
}

BOOST_AUTO_TEST_CASE(array_of_documents) {
    auto array = with_documents(Documents::array);
    BOOST_TEST(to_json("a: 1\n---\n2\n", array) == R"([{"a":1},2])");
    BOOST_TEST(to_json("", array) == "[]");
    array.indent = Indent::tab();
    BOOST_TEST(to_json("a: 1\n---\n2\n", array) == "[\n\t{\n\t\t\"a\": 1\n\t},\n\t2\n]");
    BOOST_TEST(to_json("", array) == "[]");
}

BOOST_AUTO_TEST_CASE(stream_without_documents) {
    BOOST_TEST(to_json("") == "{}");
    BOOST_TEST(to_json("# only a comment\n") == "{}");
    BOOST_TEST(to_json("\n\n") == "{}");
    BOOST_TEST(to_json("\xEF\xBB\xBF") == "{}");
}

BOOST_AUTO_TEST_CASE(final_newline) {
    Options options;
    options.final_newline = true;
    BOOST_TEST(to_json("a", options) == "\"a\"\n");
    options.documents = Documents::array;
    BOOST_TEST(to_json("a", options) == "[\"a\"]\n");
    options.documents = Documents::all;
    BOOST_TEST(to_json("a", options) == "\"a\"\n");
}

BOOST_AUTO_TEST_CASE(line_breaks_of_every_kind) {
    BOOST_TEST(to_json("a: 1\r\nb: |\r\n  x\r\n  y\r\nc: \"p\r\n  q\"\r\n") ==
               R"({"a":1,"b":"x\ny\n","c":"p q"})");
    BOOST_TEST(to_json("a: 1\rb: 2\r") == R"({"a":1,"b":2})");
}

BOOST_AUTO_TEST_CASE(keys_that_are_no_strings_become_their_json_text) {
    BOOST_TEST(to_json("1: a\n0x10: b\ntrue: c\n~: d\n1.50: e\n.inf: f\n") ==
               R"({".inf":"f","1":"a","1.50":"e","16":"b","null":"d","true":"c"})");
    BOOST_TEST(to_json("? \n: v") == R"({"null":"v"})");
}

BOOST_AUTO_TEST_CASE(tags) {
    BOOST_TEST(to_json("[!!str 1, !!str , !!str true, ! 2, !!int '3', !!float 4, !!bool 'true', "
                       "!!null '', !!int \"0x10\"]") == R"(["1","","true","2",3,4,true,null,16])");
    BOOST_TEST(
        to_json("[!local 1, !<tag:example.org,2000:x> 2, !!binary aGk=, !!timestamp 2001]") ==
        R"(["1","2","aGk=","2001"])");
    BOOST_TEST(to_json("{a: !local {b: 1}, c: !!set {d, e}, f: !!omap [g: 1]}") ==
               R"({"a":{"b":1},"c":{"d":null,"e":null},"f":[{"g":1}]})");
    BOOST_TEST(to_json("%TAG !k! tag:yaml.org,2002:\n---\n!k!str 1\n") == R"("1")");
}

BOOST_AUTO_TEST_CASE(anchors_and_aliases) {
    BOOST_TEST(to_json("- &a x\n- *a\n- &b [1, *a]\n- *b\n- {k: *b}\n") ==
               R"(["x","x",[1,"x"],[1,"x"],{"k":[1,"x"]}])");
    BOOST_TEST(to_json("&k key: &v value\n*v : *k\n") == R"({"key":"value","value":"key"})");
    // A name may be given again, even inside the node that has it.
    BOOST_TEST(to_json("- &a 1\n- &a 2\n- *a\n- &a [&a 3, *a]\n- *a\n") == "[1,2,2,[3,3],3]");
    BOOST_TEST(to_json("a: &e\nb: *e\n") == R"({"a":null,"b":null})");
    // Elements after a long sibling and after an alias are found again.
    BOOST_TEST(to_json("- &a {x: [1, {y: 2}], z: [3]}\n- *a\n- 4\n- [*a, 5]\n") ==
               R"([{"x":[1,{"y":2}],"z":[3]},{"x":[1,{"y":2}],"z":[3]},4,)"
               R"([{"x":[1,{"y":2}],"z":[3]},5]])");
}

BOOST_AUTO_TEST_CASE(json_is_yaml) {
    constexpr std::string_view json =
        R"({"a":[1,2.5,-3e-7,"x\u00e9\n","\ud83d\ude00",null,true,{"b":{}}]})";
    BOOST_TEST(to_json(json) == "{\"a\":[1,2.5,-3e-7,\"xé\\n\",\"😀\",null,true,{\"b\":{}}]}");
}

BOOST_AUTO_TEST_CASE(many_keys_and_long_output_cross_every_buffer) {
    std::string yaml;
    std::string json = "{";
    const std::string value(10'000, 'v');
    for (int i = 100; i < 200; ++i) {
        const std::string key = "k" + std::to_string(i);
        yaml.insert(0, key + ": \"\\t" + value + "\"\n"); // backwards: it has to be sorted
        json += (i == 100 ? "" : ",") + ("\"" + key + "\":\"\\t" + value + "\"");
    }
    BOOST_TEST((to_json(yaml) == json + "}"));
}

BOOST_AUTO_TEST_CASE(sink_that_refuses_ends_the_conversion) {
    const Sink sink{nullptr, [](void *, const char *, size_t) { return false; }};
    const auto report = convert("a: 1", "x", {}, sink);
    BOOST_REQUIRE(!report.has_value());
    BOOST_TEST(report.error().code == K2S_E_IO);
}

BOOST_AUTO_TEST_CASE(options_that_cannot_be) {
    std::string output;
    Options options;
    options.indent = {'x', 1};
    const auto indent = convert("a", "x", options, {&output, append});
    BOOST_REQUIRE(!indent.has_value());
    BOOST_TEST(indent.error().code == K2S_E_USAGE);
    const auto sink = convert("a", "x", {}, {});
    BOOST_REQUIRE(!sink.has_value());
    BOOST_TEST(sink.error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_SUITE_END()
