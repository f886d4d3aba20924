// SPDX-License-Identifier: MIT
// Merge keys: yaml.org/type/merge.html, as Go's yaml.v3 resolves them.
#include <boost/test/unit_test.hpp>

#include "helpers.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

namespace {

Options as_written() {
    Options options;
    options.key_order = KeyOrder::as_written;
    return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(merge_keys)

BOOST_AUTO_TEST_CASE(own_keys_win_wherever_the_merge_stands) {
    constexpr std::string_view base = "x: &x {a: 1, b: 2}\n";
    BOOST_TEST(to_json(std::string{base} + "y: {b: 3, <<: *x}\n") ==
               R"({"x":{"a":1,"b":2},"y":{"a":1,"b":3}})");
    BOOST_TEST(to_json(std::string{base} + "y: {<<: *x, b: 3}\n") ==
               R"({"x":{"a":1,"b":2},"y":{"a":1,"b":3}})");
}

BOOST_AUTO_TEST_CASE(earlier_sources_win) {
    BOOST_TEST(to_json("- &x {a: 1, b: 1}\n- &y {b: 2, c: 2}\n- {<<: [*x, *y, {c: 3, d: 3}]}\n") ==
               R"([{"a":1,"b":1},{"b":2,"c":2},{"a":1,"b":1,"c":2,"d":3}])");
}

BOOST_AUTO_TEST_CASE(merges_of_merges) {
    BOOST_TEST(to_json("a: &a {k: 1}\nb: &b {<<: *a, l: 2}\nc: {<<: *b, m: 3}\n") ==
               R"({"a":{"k":1},"b":{"k":1,"l":2},"c":{"k":1,"l":2,"m":3}})");
    BOOST_TEST(to_json("<<: {<<: {a: 1}, b: 2}\n") == R"({"a":1,"b":2})");
    BOOST_TEST(to_json("<<: {}\n") == "{}");
    BOOST_TEST(to_json("<<: []\na: 1") == R"({"a":1})");
}

BOOST_AUTO_TEST_CASE(written_order_is_kept_at_the_place_of_the_merge) {
    BOOST_TEST(to_json("- &x {z: 1, y: 2}\n- {c: 3, <<: *x, a: 4, z: 5}\n", as_written()) ==
               R"([{"z":1,"y":2},{"c":3,"y":2,"a":4,"z":5}])");
}

BOOST_AUTO_TEST_CASE(only_a_plain_key_merges) {
    BOOST_TEST(to_json("'<<': {a: 1}\n") == "{\"\\u003c\\u003c\":{\"a\":1}}");
    BOOST_TEST(to_json("!!str <<: {a: 1}\n") == "{\"\\u003c\\u003c\":{\"a\":1}}");
    BOOST_TEST(to_json("!!merge <<: {a: 1}\n") == R"({"a":1})");
    BOOST_TEST(to_json("[<<]") == R"(["\u003c\u003c"])");
    BOOST_TEST(to_json("a: <<") == R"({"a":"\u003c\u003c"})");
}

BOOST_AUTO_TEST_CASE(merging_can_be_off) {
    Options options;
    options.merge_keys = false;
    options.escape_html = false;
    BOOST_TEST(to_json("<<: {a: 1}\n", options) == R"({"<<":{"a":1}})");
}

BOOST_AUTO_TEST_CASE(only_mappings_are_merged) {
    constexpr std::string_view reason =
        "only a mapping or a sequence of mappings can be merged by <<; quote \"<<\" if it is an "
        "ordinary key";
    BOOST_TEST(error_of("a: 1\n<<: x\n") == "in.yaml:2:1: " + std::string{reason});
    BOOST_TEST(error_of("<<: [{a: 1}, 2]\n") == "in.yaml:1:14: " + std::string{reason});
    BOOST_TEST(error_of("a: &a [1]\nb:\n  <<: [*a]\n") == "in.yaml:3:8: " + std::string{reason});
    BOOST_TEST(error_of("a: &a\n  <<: *a\n") ==
               "in.yaml:2:7: alias *a is inside the node that it stands for: endless");
}

BOOST_AUTO_TEST_CASE(two_merge_keys_are_duplicates) {
    BOOST_TEST(error_of("<<: {a: 1}\n<<: {b: 1}\n") ==
               "in.yaml:2:1: key \"<<\" occurs twice in this mapping (first in line 1)");
    Options options;
    options.duplicate_keys = DuplicateKeys::last_wins;
    BOOST_TEST(to_json("<<: {a: 1}\n<<: {b: 1}\n", options) == R"({"b":1})");
}

BOOST_AUTO_TEST_CASE(duplicates_beside_a_merge_are_found) {
    BOOST_TEST(error_of("<<: {a: 1}\nb: 1\nb: 2\n") ==
               "in.yaml:3:1: key \"b\" occurs twice in this mapping (first in line 2)");
}

BOOST_AUTO_TEST_SUITE_END()
