// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <string>

#include "rewrite.hpp"

using namespace k2s::httpproxy;

namespace {

std::string rewritten(const std::string &head, RequestRewrite how = {}) {
    HeadParser parser;
    BOOST_REQUIRE(parser.parse_request(head, {}) == HeadStatus::complete);
    const auto target = parse_absolute_target(parser.target(), parser.method());
    BOOST_REQUIRE(target.has_value());
    how.via_name = "p";
    std::string out;
    write_request_head(out, parser, *target, how);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rewrite)

BOOST_AUTO_TEST_CASE(hop_by_hop_fields_end_here) {
    const std::string out = rewritten("GET http://new:81/p?q HTTP/1.1\r\n"
                                      "Host: old\r\n"
                                      "Connection: keep-alive, X-Mine, host\r\n"
                                      "X-Mine: 1\r\n"
                                      "Keep-Alive: timeout=5\r\n"
                                      "Proxy-Connection: keep-alive\r\n"
                                      "Proxy-Authorization: Basic Zm9v\r\n"
                                      "TE: gzip\r\n"
                                      "Upgrade: h2c\r\n"
                                      "HTTP2-Settings: x\r\n"
                                      "Accept-Encoding: br\r\n"
                                      "Via: 1.0 other\r\n"
                                      "Date: now\r\n\r\n");
    BOOST_CHECK_EQUAL(out, "GET /p?q HTTP/1.1\r\nHost: new:81\r\nAccept-Encoding: br\r\n"
                           "Via: 1.0 other\r\nDate: now\r\nVia: 1.1 p\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(for_an_upstream) {
    RequestRewrite how;
    how.absolute_form = true;
    how.proxy_authorization = "Basic xyz";
    BOOST_CHECK_EQUAL(rewritten("GET HTTP://h HTTP/1.0\r\n\r\n", how),
                      "GET http://h/ HTTP/1.1\r\nHost: h\r\nVia: 1.0 p\r\n"
                      "Proxy-Authorization: Basic xyz\r\n\r\n");
    BOOST_CHECK_EQUAL(rewritten("OPTIONS http://h HTTP/1.0\r\n\r\n", how).substr(0, 26),
                      "OPTIONS http://h HTTP/1.1\r");
    BOOST_CHECK_EQUAL(rewritten("OPTIONS http://h HTTP/1.0\r\n\r\n").substr(0, 19),
                      "OPTIONS * HTTP/1.1\r");
}

BOOST_AUTO_TEST_CASE(framing_upgrade_and_trailers) {
    BOOST_CHECK_EQUAL(rewritten("POST http://h?x HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n"
                                "Expect: 100-continue\r\nTE: trailers\r\n\r\n"),
                      "POST /?x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nVia: 1.1 p\r\n"
                      "Content-Length: 7\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    RequestRewrite how;
    how.pass_upgrade = true;
    BOOST_CHECK_EQUAL(rewritten("GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
                                how),
                      "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nVia: 1.1 p\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    BOOST_CHECK_EQUAL(rewritten("TRACE http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n"),
                      "TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 2\r\nVia: 1.1 p\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(responses_and_trailers) {
    HeadParser parser;
    const std::string head = "HTTP/1.0 200 Fine\r\nConnection: X-Hop\r\nX-Hop: 1\r\nDate: d\r\n"
                             "Proxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\n";
    BOOST_REQUIRE(parser.parse_response(head, {}) == HeadStatus::complete);
    ResponseRewrite how;
    how.via_name = "p";
    how.content_length = how.close = true;
    std::string out;
    write_response_head(out, parser, how);
    BOOST_CHECK_EQUAL(out, "HTTP/1.1 200 Fine\r\nDate: d\r\nVia: 1.0 p\r\nContent-Length: 3\r\n"
                           "Connection: close\r\n\r\n");
    const std::string trailers = "X-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n"
                                 "Host: x\r\n\r\n";
    BOOST_REQUIRE(parser.parse_trailers(trailers, {}) == HeadStatus::complete);
    write_trailers(out, parser);
    BOOST_CHECK_EQUAL(out, "X-Sum: 1\r\n\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
