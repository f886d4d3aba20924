// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <string>

#include "chunk_scanner.hpp"

using k2s::httpproxy::ChunkScanner;

namespace {

struct Outcome {
    std::string payload;
    size_t consumed = 0;
    bool failed = false;
    bool done = false;
};

// Feeds `text` in pieces of `piece` bytes.
Outcome scan(const std::string &text, size_t piece) {
    ChunkScanner scanner;
    Outcome out;
    for (size_t at = 0; at < text.size() && !scanner.at_trailers() && !scanner.failed();
         at += piece) {
        std::string_view input = std::string_view(text).substr(at, piece);
        while (!input.empty() && !scanner.at_trailers()) {
            const ChunkScanner::Step step = scanner.next(input);
            if (scanner.failed()) {
                break;
            }
            out.payload += step.data;
            out.consumed += step.consumed;
            input.remove_prefix(step.consumed);
        }
    }
    out.failed = scanner.failed();
    out.done = scanner.at_trailers();
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(chunk_scanner)

BOOST_AUTO_TEST_CASE(finds_the_end_wherever_the_input_is_cut) {
    const std::string body = "4\r\nWiki\r\n1;ext=\"x y\"\r\np\r\n00A ; q\r\n0123456789\r\n0\r\n";
    for (size_t piece = 1; piece <= body.size() + 3; ++piece) {
        const Outcome out = scan(body + "\r\nGET", piece);
        BOOST_CHECK(out.done && !out.failed);
        BOOST_CHECK_EQUAL(out.payload, "Wikip0123456789");
        BOOST_CHECK_EQUAL(out.consumed, body.size());
    }
}

BOOST_AUTO_TEST_CASE(unfinished_bodies_are_neither_done_nor_wrong) {
    for (const char *text : {"4", "4\r", "4\r\nWik", "4\r\nWiki", "4\r\nWiki\r\n", "0\r"}) {
        const Outcome out = scan(text, 1);
        BOOST_CHECK_MESSAGE(!out.done && !out.failed, text);
    }
}

BOOST_AUTO_TEST_CASE(malformed_bodies_are_refused) {
    for (const std::string &text : {
             std::string("\r\n"),
             std::string("x\r\n"),
             std::string("-1\r\n"),
             std::string("+1\r\n"),
             std::string("0x1\r\n"),
             std::string(" 1\r\n"),
             std::string("1\n"),
             std::string("1\r\r\n"),
             std::string("1\r\nab\r\n"),
             std::string("1\r\na\n"),
             std::string("1\r\na\rb"),
             std::string("1;\n\r\n"),
             std::string("1;a\0b\r\n", 7),
             std::string("1;a\rb\r\n"),
             std::string("fffffffffffffffff\r\n"),
             std::string("ffffffffffffffff\r\n"),
             std::string("00000000000000001\r\n"),
             "1;" + std::string(2000, 'e') + "\r\n",
         }) {
        BOOST_CHECK_MESSAGE(scan(text, 3).failed, text);
        BOOST_CHECK_MESSAGE(scan(text, 1000).failed, text);
    }
}

BOOST_AUTO_TEST_CASE(extensions_are_bounded_over_the_whole_body) {
    std::string body;
    for (int i = 0; i < 1000; ++i) {
        body += "1;" + std::string(100, 'e') + "\r\nx\r\n";
    }
    BOOST_CHECK(scan(body, 4096).failed);
}

BOOST_AUTO_TEST_SUITE_END()
