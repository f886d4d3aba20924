// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <ostream>
#include <string>

#include "head_parser.hpp"

using namespace k2s::httpproxy;
using S = HeadStatus;

namespace k2s::httpproxy {
std::ostream &operator<<(std::ostream &out, HeadStatus status) {
    return out << describe(status);
}
} // namespace k2s::httpproxy

namespace {

struct Case {
    std::string head;
    HeadStatus expected;
};

const std::string k_get = "GET http://h/ HTTP/1.1\r\nHost: h\r\n";
const std::string k_post = "POST http://h/ HTTP/1.1\r\nHost: h\r\n";

void check_all(std::initializer_list<Case> cases, bool response = false) {
    HeadParser parser;
    const HeadLimits limits;
    for (const Case &c : cases) {
        const HeadStatus got =
            response ? parser.parse_response(c.head, limits) : parser.parse_request(c.head, limits);
        BOOST_CHECK_MESSAGE(got == c.expected, "\"" << c.head << "\": got " << describe(got)
                                                    << ", want " << describe(c.expected));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(head_parser)

BOOST_AUTO_TEST_CASE(requests_that_are_accepted) {
    check_all({
        {k_get + "\r\n", S::complete},
        {"\r\n" + k_get + "\r\n", S::complete},
        {k_get + "Empty:\r\n\r\n", S::complete},
        {k_get + "Spaced: \t x \t\r\n\r\n", S::complete},
        {k_get + "High: \xc3\xbc\r\n\r\n", S::complete},
        {"GET http://h/\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n", S::complete},
        {"M-SEARCH http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", S::complete},
        {"GET http://h/ HTTP/1.0\r\n\r\n", S::complete},
        {"GET http://h/ HTTP/1.9\r\nHost: h\r\n\r\n", S::complete},
        {"CONNECT h:443 HTTP/1.1\r\n\r\n", S::complete},
        {k_post + "Content-Length: 0\r\n\r\n", S::complete},
        {k_post + "Transfer-Encoding: Chunked\r\n\r\n", S::complete},
    });
}

// RFC 9112: whatever two parsers could understand differently.
BOOST_AUTO_TEST_CASE(requests_that_are_refused) {
    check_all({
        {"GET http://h/ HTTP/1.1\nHost: h\r\n\r\n", S::bare_line_feed},
        {k_get + "A: b\n\r\n", S::bare_line_feed},
        {k_get + "\n", S::bare_line_feed},
        {"\n" + k_get + "\r\n", S::bad_method},
        {k_get + "A: b\rc\r\n\r\n", S::bare_carriage_return},
        {k_get + "A: b\r\r\n\r\n", S::bare_carriage_return},
        {"GET http://h/\rx HTTP/1.1\r\nHost: h\r\n\r\n", S::bare_carriage_return},
        {"GET\r\n\r\n", S::bad_start_line},
        {"GET http://h/\r\n\r\n", S::bad_start_line},
        {"GET  http://h/ HTTP/1.1\r\n\r\n", S::bad_target},
        {"GET http://h/ x HTTP/1.1\r\n\r\n", S::bad_target},
        {"GET http://h/\tHTTP/1.1\r\n\r\n", S::bad_start_line},
        {"GET\thttp://h/ HTTP/1.1\r\n\r\n", S::bad_start_line},
        {" GET http://h/ HTTP/1.1\r\n\r\n", S::bad_method},
        {"G(T http://h/ HTTP/1.1\r\n\r\n", S::bad_method},
        {std::string("GET http://h/\0 HTTP/1.1\r\n\r\n", 27), S::bad_target},
        {"GET http://h/\x7f HTTP/1.1\r\n\r\n", S::bad_target},
        {"GET http://h/ http/1.1\r\n\r\n", S::bad_version},
        {"GET http://h/ HTTP/1.1 \r\n\r\n", S::bad_target},
        {"GET http://h/ HTTP/11\r\n\r\n", S::bad_version},
        {"GET http://h/ HTTP/2.0\r\n\r\n", S::unsupported_version},
        {"\x16\x03\x01", S::bad_method},
        {k_get + " folded: x\r\n\r\n", S::line_folding},
        {k_get + "A: b\r\n\tc\r\n\r\n", S::line_folding},
        {k_get + "A : b\r\n\r\n", S::space_before_colon},
        {k_get + "A\t: b\r\n\r\n", S::space_before_colon},
        {k_get + ": b\r\n\r\n", S::bad_field_name},
        {k_get + "no colon\r\n\r\n", S::bad_field_name},
        {k_get + "A B: c\r\n\r\n", S::bad_field_name},
        {k_get + std::string("A\0: b\r\n\r\n", 9), S::bad_field_name},
        {k_get + std::string("A: b\0c\r\n\r\n", 10), S::bad_field_value},
        {k_get + "A: b\x01\r\n\r\n", S::bad_field_value},
        {k_post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", S::repeated_content_length},
        {k_post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", S::repeated_content_length},
        {k_post + "Content-Length: 1, 1\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: +1\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: -1\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: 0x10\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: 1 2\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length:\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: 99999999999999999999\r\n\r\n", S::bad_content_length},
        {k_post + "Content-Length: 9223372036854775807\r\n\r\n", S::bad_content_length},
        {k_post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         S::conflicting_framing},
        {k_post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         S::conflicting_framing},
        {k_post + "Transfer-Encoding: gzip\r\n\r\n", S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: gzip, chunked\r\n\r\n", S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: chunked, chunked\r\n\r\n", S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: xchunked\r\n\r\n", S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: \x0b"
                  "chunked\r\n\r\n",
         S::bad_field_value},
        {k_post + "Transfer-Encoding: \"chunked\"\r\n\r\n", S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n",
         S::bad_transfer_encoding},
        {k_post + "Transfer-Encoding:\r\n\r\n", S::bad_transfer_encoding},
        {"POST http://h/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", S::bad_transfer_encoding},
        {"GET http://h/ HTTP/1.1\r\n\r\n", S::host_missing},
        {k_get + "Host: h\r\n\r\n", S::host_repeated},
    });
}

BOOST_AUTO_TEST_CASE(every_prefix_of_a_request_is_incomplete) {
    const std::string head = k_get + "A: b\r\nContent-Length: 3\r\n\r\n";
    HeadParser parser;
    for (size_t n = 0; n < head.size(); ++n) {
        const std::string prefix = head.substr(0, n);
        BOOST_CHECK_EQUAL(parser.parse_request(prefix, {}), S::incomplete);
    }
    const std::string with_body = head + "abc";
    BOOST_CHECK_EQUAL(parser.parse_request(with_body, {}), S::complete);
    BOOST_CHECK_EQUAL(parser.size(), head.size());
    BOOST_CHECK_EQUAL(parser.method(), "GET");
    BOOST_CHECK_EQUAL(parser.target(), "http://h/");
    BOOST_CHECK_EQUAL(parser.content_length(), 3U);
    BOOST_CHECK_EQUAL(parser.fields().size(), 3U);
}

BOOST_AUTO_TEST_CASE(limits) {
    HeadParser parser;
    HeadLimits limits;
    limits.head_bytes = 1000;
    limits.target_bytes = 100;
    limits.fields = 5;
    const std::string long_target = "GET http://h/" + std::string(100, 'a');
    BOOST_CHECK_EQUAL(parser.parse_request(long_target + " HTTP/1.1\r\nHost: h\r\n\r\n", limits),
                      S::target_too_long);
    BOOST_CHECK_EQUAL(parser.parse_request(long_target + std::string(50, 'a'), limits),
                      S::target_too_long);
    BOOST_CHECK_EQUAL(parser.parse_request(k_get + "A: " + std::string(1000, 'a'), limits),
                      S::head_too_large);
    BOOST_CHECK_EQUAL(
        parser.parse_request(k_get + "A: " + std::string(1000, 'a') + "\r\n\r\n", limits),
        S::head_too_large);
    BOOST_CHECK_EQUAL(parser.parse_request(k_get + "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", limits),
                      S::head_too_large);
    BOOST_CHECK_EQUAL(parser.parse_request(k_get + "A:\r\nA:\r\nA:\r\nA:\r\n\r\n", limits),
                      S::complete);
}

BOOST_AUTO_TEST_CASE(connection_options) {
    HeadParser parser; // its answers are views of the head
    const std::string head = k_get + "Connection: close, X-Hop ,upgrade\r\n"
                                     "Proxy-Connection: keep-alive\r\n"
                                     "Upgrade: websocket\r\n"
                                     "Expect: 100-Continue\r\n\r\n";
    BOOST_REQUIRE_EQUAL(parser.parse_request(head, {}), S::complete);
    BOOST_CHECK(parser.connection_close());
    BOOST_CHECK(parser.connection_keep_alive());
    BOOST_CHECK(parser.connection_upgrade());
    BOOST_CHECK(parser.expect_continue());
    BOOST_CHECK_EQUAL(parser.upgrade(), "websocket");
    BOOST_CHECK(parser.named_by_connection("x-hop"));
    BOOST_CHECK(!parser.named_by_connection("x-ho"));
    const std::string plain = k_get + "\r\n";
    BOOST_REQUIRE_EQUAL(parser.parse_request(plain, {}), S::complete);
    BOOST_CHECK(!parser.connection_close() && !parser.connection_upgrade());
    BOOST_CHECK(!parser.named_by_connection("x-hop"));
}

BOOST_AUTO_TEST_CASE(responses) {
    check_all(
        {
            {"HTTP/1.1 200 OK\r\n\r\n", S::complete},
            {"HTTP/1.1 200\r\n\r\n", S::complete},
            {"HTTP/1.1 200 \r\n\r\n", S::complete},
            {"HTTP/1.0 404 Not Found\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
             S::complete},
            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
             S::repeated_content_length},
            {"HTTP/1.1 20 OK\r\n\r\n", S::bad_status_code},
            {"HTTP/1.1 2000 OK\r\n\r\n", S::bad_status_code},
            {"HTTP/1.1 099 OK\r\n\r\n", S::bad_status_code},
            {"HTTP/1.1  200 OK\r\n\r\n", S::bad_status_code},
            {"HTTP/2.0 200 OK\r\n\r\n", S::unsupported_version},
            {"ICY 200 OK\r\n\r\n", S::bad_start_line},
            {"\r\nHTTP/1.1 200 OK\r\n\r\n", S::bad_start_line},
            {"HTTP/1.1 200 OK\nA: b\r\n\r\n", S::bare_line_feed},
            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
             S::bad_transfer_encoding},
        },
        true);
    HeadParser parser;
    BOOST_REQUIRE_EQUAL(
        parser.parse_response(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", {}),
        S::complete);
    BOOST_CHECK(parser.chunked() && !parser.has_content_length() && parser.ambiguous_length());
}

BOOST_AUTO_TEST_SUITE_END()
