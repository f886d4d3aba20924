// SPDX-License-Identifier: MIT
// Hostile sizes end in an error that names the limit, before they cost memory or time.
#include <boost/test/unit_test.hpp>

#include "helpers.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

namespace {

std::string repeat(std::string_view text, size_t count) {
    std::string result;
    result.reserve(text.size() * count);
    for (size_t i = 0; i < count; ++i) {
        result += text;
    }
    return result;
}

int32_t code_of(std::string_view yaml, const Options &options) {
    std::string output;
    const auto report = convert(yaml, "in.yaml", options, {&output, append});
    return report ? K2S_OK : report.error().code;
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(alias_bomb) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        const std::string previous(1, static_cast<char>(c - 1));
        bomb +=
            std::string(1, c) + ": &" + c + " [*" + previous + repeat(",*" + previous, 8) + "]\n";
    }
    BOOST_TEST(contains(error_of(bomb), "aliases add more than 4000000 nodes"));
    BOOST_TEST(code_of(bomb, {}) == K2S_E_NO_MEMORY);
    Options options;
    options.limits.alias_nodes = 100; // 9 aliases to 10 nodes each are allowed, 9 to 91 are not
    BOOST_TEST(error_of(bomb, options).starts_with("in.yaml:3:8: aliases add more than 100 nodes"));
}

BOOST_AUTO_TEST_CASE(alias_bomb_of_text) {
    Options options;
    options.limits.alias_bytes = 100'000;
    const std::string anchor = "- &a " + std::string(10'000, 'x') + "\n";
    BOOST_TEST(code_of(anchor + repeat("- *a\n", 9), options) == K2S_OK);
    BOOST_TEST(contains(error_of(anchor + repeat("- *a\n", 10), options),
                        "aliases add more than 100000 bytes"));
}

BOOST_AUTO_TEST_CASE(merge_bomb) {
    std::string bomb = "a: &a {k: 1, l: 2, m: 3}\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        const std::string previous(1, static_cast<char>(c - 1));
        bomb += std::string(1, c) + ": &" + c + " {<<: [*" + previous +
                repeat(",*" + previous, 99) + "]}\n";
    }
    BOOST_TEST(contains(error_of(bomb), "aliases add more than"));
}

BOOST_AUTO_TEST_CASE(budget_of_aliases_is_per_document) {
    Options options = with_documents(Documents::all);
    options.limits.alias_nodes = 3;
    BOOST_TEST(code_of(repeat("--- [&a 1, *a, *a, *a]\n", 5), options) == K2S_OK);
    BOOST_TEST(code_of("[&a 1, *a, *a, *a, *a]\n", options) == K2S_E_NO_MEMORY);
}

BOOST_AUTO_TEST_CASE(nesting) {
    Options options;
    options.limits.depth = 10;
    BOOST_TEST(to_json(repeat("[", 10) + repeat("]", 10), options) ==
               repeat("[", 10) + repeat("]", 10));
    BOOST_TEST(error_of(repeat("[", 11) + repeat("]", 11), options) ==
               "in.yaml:1:11: nested deeper than 10 levels; raise the limit if this is meant");
    BOOST_TEST(contains(error_of(repeat("[", 500'000)), "nested deeper than 1000 levels"));
    BOOST_TEST(contains(error_of(repeat("- ", 500'000)), "nested deeper than 1000 levels"));
    BOOST_TEST(contains(error_of(repeat("{a: ", 200'000)), "nested deeper than 1000 levels"));
    BOOST_TEST(contains(error_of(repeat("[\n", 100'000)), "nested deeper than 1000 levels"));
    BOOST_TEST(code_of(repeat("? ", 100'000), {}) != K2S_OK);
}

BOOST_AUTO_TEST_CASE(nesting_through_aliases) {
    Options options;
    options.limits.depth = 4;
    BOOST_TEST(to_json("- &a [[1]]\n- [*a]\n", options) == "[[[1]],[[[1]]]]");
    BOOST_TEST(
        error_of("- &a [[1]]\n- [[*a]]\n", options) ==
        "in.yaml:2:5: alias *a nests deeper than 4 levels; raise the limit if this is meant");
}

BOOST_AUTO_TEST_CASE(deep_documents_within_the_limit_are_converted) {
    Options options;
    options.limits.depth = 200'000;
    const std::string deep = repeat("[\n", 200'000) + repeat("]\n", 200'000);
    BOOST_TEST((to_json(deep, options) == repeat("[", 200'000) + repeat("]", 200'000)));
}

BOOST_AUTO_TEST_CASE(input_size) {
    Options options;
    options.limits.input_bytes = 10;
    BOOST_TEST(code_of("a: 3456789", options) == K2S_OK);
    BOOST_TEST(
        error_of("a: 34567890", options) ==
        "in.yaml: the input has 11 bytes, the limit is 10; raise the limit or split the file");
    // UTF-16 grows when it becomes UTF-8.
    BOOST_TEST(code_of(std::string_view{"\xFE\xFF\x20\xAC\x20\xAC\x20\xAC\x20\xAC", 10}, options) ==
               K2S_E_NO_MEMORY);
}

BOOST_AUTO_TEST_CASE(output_size) {
    Options options;
    options.limits.output_bytes = 12;
    BOOST_TEST(to_json("a: 123456", options) == R"({"a":123456})");
    BOOST_TEST(contains(error_of("a: 1234567", options), "longer than 12 bytes"));
    options.indent = Indent::tab();
    options.limits.depth = 5000;
    options.limits.output_bytes = 1'000'000; // 5000 levels of tabs alone are 25 MB
    BOOST_TEST(contains(error_of(repeat("[\n", 5000) + repeat("]\n", 5000), options),
                        "longer than 1000000 bytes"));
}

BOOST_AUTO_TEST_CASE(scalar_size) {
    Options options;
    options.limits.scalar_bytes = 1000;
    BOOST_TEST(code_of("a: " + std::string(1000, 'x'), options) == K2S_OK);
    BOOST_TEST(error_of("a: " + std::string(1001, 'x'), options) ==
               "in.yaml:1:4: this scalar has 1001 bytes, the limit is 1000; raise the limit if it "
               "is meant");
    BOOST_TEST(code_of("a: \"" + repeat("\\n", 501) + "\"", options) == K2S_E_NO_MEMORY);
}

BOOST_AUTO_TEST_CASE(nodes) {
    Options options;
    options.limits.document_nodes = 4;
    BOOST_TEST(to_json("[1, 2, 3]", options) == "[1,2,3]");
    BOOST_TEST(error_of("[1, 2, 3, 4]", options) ==
               "in.yaml:1:11: the document has more than 4 nodes; split it or raise the limit");
}

BOOST_AUTO_TEST_CASE(indicators_in_a_line) {
    Options options;
    options.limits.line_indicators = 6;
    BOOST_TEST(to_json("[1, 2, 3]\n", options) == "[1,2,3]");
    BOOST_TEST(to_json("[1, 2,\n3, 4, 5,\n 6, 7]\n", options) == "[1,2,3,4,5,6,7]");
    BOOST_TEST(error_of("a:\n [1, 2, 3, 4, 5, 6]\n", options) ==
               "in.yaml:2:19: this line has more than 6 flow indicators ([ ] { } , :); break it "
               "into lines or raise the limit");
    BOOST_TEST(contains(error_of(repeat("[", 1'000'001)), "more than 1000000 flow indicators"));
}

BOOST_AUTO_TEST_CASE(huge_scalar_passes) {
    const std::string huge(20'000'000, 'x');
    BOOST_TEST((to_json("'" + huge + "'") == "\"" + huge + "\""));
}

BOOST_AUTO_TEST_CASE(radix_numbers) {
    BOOST_TEST(to_json("0x" + std::string(4096, '0')) == "0");
    BOOST_TEST(code_of("0x" + std::string(4097, 'f'), {}) == K2S_E_NO_MEMORY);
    BOOST_TEST(code_of("0o" + std::string(5000, '7'), {}) == K2S_E_NO_MEMORY);
}

BOOST_AUTO_TEST_SUITE_END()
