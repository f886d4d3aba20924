// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "scalar.hpp"

using namespace k2s::yaml2json;

BOOST_AUTO_TEST_SUITE(numbers)

BOOST_AUTO_TEST_CASE(what_is_a_json_number) {
    for (const auto *text : {"0", "-0", "10", "1.5", "-1.5e10", "1E+5", "0.001", "1e-05"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(is_json_number(text));
        }
    }
    for (const auto *text : {"+1", "01", "-01", ".5", "1.", "1.e5", "0x1", "", "-", "1e", "1e+"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(!is_json_number(text));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_classified_number_becomes_a_json_number) {
    // All texts of up to five of these characters: the classes and the conversion must agree.
    constexpr std::string_view k_alphabet = "09.+-eExoaF";
    size_t found = 0;
    std::string text;
    const auto visit = [&](const auto &self) -> void {
        if (!text.empty()) {
            const auto type = classify(text, false);
            if (type == ScalarType::integer || type == ScalarType::floating) {
                ++found;
                const auto number = json_number(text);
                BOOST_REQUIRE_MESSAGE(number && is_json_number(*number), text);
                if (is_json_number(text)) {
                    BOOST_REQUIRE_MESSAGE(*number == text, text);
                }
            } else {
                BOOST_REQUIRE_MESSAGE(!is_json_number(text), text);
            }
        }
        if (text.size() == 5) {
            return;
        }
        for (const char c : k_alphabet) {
            text.push_back(c);
            self(self);
            text.pop_back();
        }
    };
    visit(visit);
    BOOST_TEST(found > 1000U);
}

BOOST_AUTO_TEST_CASE(radix_conversion_carries) {
    BOOST_TEST(json_number("0x3b9aca00").value() == "1000000000");
    BOOST_TEST(json_number("0x3b9ac9ff").value() == "999999999");
    BOOST_TEST(json_number("0xde0b6b3a7640000").value() == "1000000000000000000");
    BOOST_TEST(json_number("0xDE0B6B3A7640001").value() == "1000000000000000001");
    BOOST_TEST(json_number("0o0000000017").value() == "15");
}

BOOST_AUTO_TEST_SUITE_END()
