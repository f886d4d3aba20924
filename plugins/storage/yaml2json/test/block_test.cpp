// SPDX-License-Identifier: MIT
// Block scalars that the end of the input ends, without a line break.
#include <boost/test/unit_test.hpp>

#include <vector>

#include "helpers.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

BOOST_AUTO_TEST_SUITE(blocks)

namespace {

struct Row {
    std::string_view yaml;
    std::string_view json;
};

void check(const std::vector<Row> &rows) {
    for (const auto &[yaml, json] : rows) {
        BOOST_TEST_CONTEXT("the input " << yaml) {
            BOOST_TEST(to_json(yaml) == json);
        }
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(without_content_they_are_empty) {
    check({{"a: |", R"({"a":""})"},
           {"a: |\n  ", R"({"a":""})"},
           {"a: >\n    ", R"({"a":""})"},
           {"a: |-\n  ", R"({"a":""})"},
           {"- |\n ", R"([""])"},
           {"--- |\n ", R"("")"},
           {"k:\n  b: |\n  ", R"({"k":{"b":""}})"},
           {"a: |\n  \n ", R"({"a":""})"},
           {"a: | # no |+\n  ", R"({"a":""})"},
           {"a: |1\n   \n", R"({"a":""})"},
           {"a: |\r\n  ", R"({"a":""})"}});
    // yaml-test-suite JEF9: kept breaks count the last line.
    check({{"- |+\n   ", R"(["\n"])"}, {"- |+ # all\n   ", R"(["\n"])"}, {"a: |+", R"({"a":""})"}});
}

BOOST_AUTO_TEST_CASE(a_last_line_without_a_break_gets_none) {
    check({{"a: |\n  x", R"({"a":"x"})"},
           {"a: |\n  x\n", R"({"a":"x\n"})"},
           {"a: >\n  x\n  y", R"({"a":"x y"})"},
           {"a: |+\n  x", R"({"a":"x"})"},
           {"a: |-\n  x", R"({"a":"x"})"},
           {"--- |\n x", R"("x")"},
           {"a: |\r\n  x\r\n  y", R"({"a":"x\ny"})"},
           {"a: |\n  x\n# c", R"({"a":"x\n"})"}});
}

BOOST_AUTO_TEST_CASE(a_blank_last_line_counts_as_one) {
    // yaml-test-suite L24T: blanks beyond the indentation are content, and their line is ended.
    check({{"a: |\n  x\n   ", R"({"a":"x\n \n"})"},
           {"a: |-\n  x\n   ", R"({"a":"x\n "})"},
           {"a: |\n  x\n  ", R"({"a":"x\n"})"},
           {"a: |\n  x \n  ", R"({"a":"x \n"})"},
           {"a: |1\n   x\n ", R"({"a":"  x\n"})"},
           {"a: |\n  x\n\n ", R"({"a":"x\n"})"}});
}

BOOST_AUTO_TEST_SUITE_END()
