// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "helpers.hpp"
#include "unicode.hpp"

using namespace k2s::yaml2json;
using namespace k2s::yaml2json::test;

namespace {

constexpr std::u32string_view k_text = U"a: é€😀\n";
constexpr std::string_view k_json = "{\"a\":\"é€😀\"}";

std::string encode(std::u32string_view text, Encoding encoding) {
    std::string bytes;
    const auto put = [&](uint32_t unit, size_t size) {
        const bool big = encoding == Encoding::utf16be || encoding == Encoding::utf32be;
        for (size_t i = 0; i < size; ++i) {
            const size_t shift = 8 * (big ? size - 1 - i : i);
            bytes.push_back(static_cast<char>(unit >> shift & 0xFF));
        }
    };
    for (const char32_t c : text) {
        if (encoding == Encoding::utf8) {
            append_utf8(bytes, c);
        } else if (encoding == Encoding::utf32le || encoding == Encoding::utf32be) {
            put(c, 4);
        } else if (c < 0x10000) {
            put(c, 2);
        } else {
            put(0xD800 + ((c - 0x10000) >> 10), 2);
            put(0xDC00 + ((c - 0x10000) & 0x3FF), 2);
        }
    }
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_SUITE(encodings)

BOOST_AUTO_TEST_CASE(every_encoding_with_and_without_a_mark) {
    for (const auto encoding : {Encoding::utf8, Encoding::utf16le, Encoding::utf16be,
                                Encoding::utf32le, Encoding::utf32be}) {
        BOOST_TEST_CONTEXT(encoding_name(encoding)) {
            BOOST_TEST(to_json(encode(k_text, encoding)) == k_json);
            BOOST_TEST(to_json(encode(U"\uFEFF" + std::u32string{k_text}, encoding)) == k_json);
        }
    }
}

BOOST_AUTO_TEST_CASE(positions_in_utf16) {
    BOOST_TEST(message_of(encode(U"a: 1\n😀: *x\n", Encoding::utf16le)) ==
               "in.yaml:2:4: alias *x names no anchor before it in this document\n😀: *x\n   ^");
}

BOOST_AUTO_TEST_CASE(malformed_utf16_and_utf32) {
    using namespace std::string_view_literals;
    BOOST_TEST(error_of("\xFF\xFE"sv
                        "a\0\0\xD8"sv) ==
               "in.yaml: malformed UTF-16LE at byte 4; save the file as UTF-8");
    BOOST_TEST(error_of("\xFE\xFF\0"sv
                        "a\xDC\0\0b"sv) ==
               "in.yaml: malformed UTF-16BE at byte 4; save the file as UTF-8");
    BOOST_TEST(error_of("\xFE\xFF\0"sv
                        "a\0"sv) ==
               "in.yaml: malformed UTF-16BE at byte 4; save the file as UTF-8");
    BOOST_TEST(error_of("\0\0\xFE\xFF\0\x11\0\0"sv) ==
               "in.yaml: malformed UTF-32BE at byte 4; save the file as UTF-8");
    BOOST_TEST(error_of("\xFF\xFE\0\0a\0\0"sv) ==
               "in.yaml: malformed UTF-32LE at byte 4; save the file as UTF-8");
}

BOOST_AUTO_TEST_CASE(malformed_utf8) {
    struct Row {
        std::string_view bytes;
        size_t bad; ///< npos: well-formed
    };
    constexpr size_t npos = std::string_view::npos;
    for (const auto &[bytes, bad] : {
             Row{"\x80", 0},
             Row{"\xC0\x80", 0},
             Row{"\xC1\xBF", 0},
             Row{"\xC2\x80", npos},
             Row{"\xC2", 0},
             Row{"\xE0\x9F\xBF", 0},
             Row{"\xE0\xA0\x80", npos},
             Row{"\xED\x9F\xBF", npos},
             Row{"\xED\xA0\x80", 0}, // a surrogate
             Row{"\xEF\xBF", 0},
             Row{"\xF0\x8F\xBF\xBF", 0},
             Row{"\xF0\x90\x80\x80", npos},
             Row{"\xF4\x8F\xBF\xBF", npos},
             Row{"\xF4\x90\x80\x80", 0},
             Row{"\xF5\x80\x80\x80", 0},
             Row{"\xFF", 0},
             Row{"12345678\xE2\x82", 8}, // behind a whole word of ASCII
             Row{"1234567\xE2\x82\xAC", npos},
         }) {
        BOOST_TEST(find_forbidden(bytes) == bad);
    }
}

BOOST_AUTO_TEST_CASE(forbidden_bytes_are_found_at_every_offset) {
    for (size_t length = 1; length < 40; ++length) {
        for (size_t at = 0; at < length; ++at) {
            for (const char bad : {'\0', '\x01', '\x1F', '\x80', '\xFF'}) {
                std::string text(length, '~');
                BOOST_REQUIRE_EQUAL(find_forbidden(text), std::string_view::npos);
                text[at] = bad;
                BOOST_REQUIRE_EQUAL(find_forbidden(text), at);
            }
            std::string text(length, ' ');
            text[at] = '\n';
            BOOST_REQUIRE_EQUAL(find_forbidden(text), std::string_view::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(messages_for_forbidden_bytes) {
    using namespace std::string_view_literals;
    BOOST_TEST(message_of("a: é\xFF b\n") ==
               "in.yaml:1:5: byte 0xff is not valid UTF-8; save the file as UTF-8\na: é? b\n    ^");
    BOOST_TEST(message_of("a: 1\nb: x\0y\n"sv) ==
               "in.yaml:2:5: NUL byte: this is not a text file, or it is damaged\nb: x?y\n    ^");
    BOOST_TEST(error_of("k: \"\x1b[0m\"") ==
               "in.yaml:1:5: control character 0x1b is not allowed in YAML; write it as \"\\x1b\" "
               "in a double-quoted scalar");
}

BOOST_AUTO_TEST_SUITE_END()
