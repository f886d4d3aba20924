// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "helpers.hpp"
#include "quoted.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;
using namespace std::string_view_literals;

namespace {

std::string decode(std::string_view raw) {
    std::string text = "left over";
    return decode_double_quoted(raw, text) ? text : "refused";
}

} // namespace

BOOST_AUTO_TEST_SUITE(double_quoted)

BOOST_AUTO_TEST_CASE(escapes) {
    BOOST_TEST(decode("") == "");
    BOOST_TEST(decode("\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\/\\\\\\\t"sv) ==
               "\0\a\b\t\n\v\f\r\x1b \"/\\\t"sv);
    BOOST_TEST(decode("\\N\\_\\L\\P") == "\u0085\u00a0\u2028\u2029");
    BOOST_TEST(decode("\\x41\\xe9\\u20ac\\U0001F600\\ud83d\\ude00") == "Aé€😀😀");
}

BOOST_AUTO_TEST_CASE(escapes_that_name_no_character) {
    for (const auto *raw : {"\\", "\\q", "\\x4", "\\x4g", "\\u12", "\\ud800", "\\ud800x",
                            "\\ud800\\u0041", "\\udc00", "\\U00110000", "\\UFFFFFFFF", "\\x+1"}) {
        BOOST_TEST_CONTEXT(raw) {
            BOOST_TEST(decode(raw) == "refused");
        }
    }
}

BOOST_AUTO_TEST_CASE(lines_are_folded) {
    BOOST_TEST(decode(" a b ") == " a b ");
    BOOST_TEST(decode("a \t\n \t b") == "a b");
    BOOST_TEST(decode("a\r\n\r\n  \n b\rc") == "a\n\nb c");
    BOOST_TEST(decode("\n a\n ") == " a ");
    BOOST_TEST(decode("a\\t \n b") == "a\t b");
    BOOST_TEST(decode("a\\ \n b") == "a  b"); // the escaped space stays
    BOOST_TEST(decode("a \\\n   b") == "a b");
    BOOST_TEST(decode("a\\\r\n\n  \\ b") == "a\n b");
}

BOOST_AUTO_TEST_CASE(within_documents) {
    BOOST_TEST(to_json("k: \"2 trailing\\ \n    tab\"\n") == R"({"k":"2 trailing  tab"})");
    BOOST_TEST(to_json("- \"a\n\n  b\"\n- \"\\U0010ffff\"\n") == "[\"a\\nb\",\"\U0010ffff\"]");
}

BOOST_AUTO_TEST_SUITE_END()
