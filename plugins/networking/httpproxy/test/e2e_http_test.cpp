// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(http)

BOOST_AUTO_TEST_CASE(get_is_rewritten_for_the_origin) {
    Origin origin(echo_heads);
    Harness proxy;
    Peer client = proxy.client();
    client.write("GET " + origin.url("/a?b") +
                 " HTTP/1.1\r\nHost: wrong\r\nX: 1\r\n"
                 "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n\r\n");
    const std::string answer = client.read_message();
    BOOST_CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_CHECK(contains(answer, "Via: 1.1 k2s-httpproxy-"));
    const std::string seen = answer.substr(answer.find("\r\n\r\n") + 4);
    BOOST_CHECK(seen.starts_with("GET /a?b HTTP/1.1\r\nHost: " + origin.authority() + "\r\n"));
    BOOST_CHECK(contains(seen, "\r\nX: 1\r\n"));
    BOOST_CHECK(contains(seen, "\r\nVia: 1.1 k2s-httpproxy-"));
    BOOST_CHECK(!contains(seen, "Proxy-"));
    BOOST_CHECK(proxy.recorder().saw("access GET " + origin.url("/a?b") + " 200"));
}

BOOST_AUTO_TEST_CASE(connections_are_kept_on_both_sides) {
    Origin origin(echo_heads);
    Harness proxy;
    Peer one = proxy.client();
    for (int i = 0; i < 5; ++i) {
        one.write(get(origin.url("/")));
        one.read_message();
    }
    Peer two = proxy.client();
    two.write(get(origin.url("/")) + get(origin.url("/pipelined")));
    two.read_message();
    BOOST_CHECK(contains(two.read_message(), "GET /pipelined"));
    BOOST_CHECK_EQUAL(origin.connections(), 1);
    BOOST_CHECK_EQUAL(proxy.stats().upstream_reuses.get(), 6U);
    BOOST_CHECK_EQUAL(proxy.stats().connections.get(), 2U);
}

BOOST_AUTO_TEST_CASE(a_dead_kept_connection_is_replaced) {
    // Each connection serves one request without saying that it will close.
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write(ok("x"));
    });
    Harness proxy;
    Peer client = proxy.client();
    for (int i = 0; i < 3; ++i) {
        client.write(get(origin.url("/")));
        BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200"));
        client.write("POST " + origin.url("/") +
                     " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200"));
    }
}

BOOST_AUTO_TEST_CASE(what_an_origin_says_unasked_answers_nobody) {
    std::atomic<bool> said = false;
    Origin origin([&](Peer &peer) {
        for (;;) {
            peer.read_head();
            peer.write(ok("asked"));
            if (!said) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it is idle by now
                peer.write(ok("unasked"));
                said = true;
            }
        }
    });
    Harness proxy;
    BOOST_CHECK(proxy.once(get(origin.url("/1"), "Connection: close\r\n")).ends_with("\r\nasked"));
    BOOST_REQUIRE(eventually([&] { return said.load(); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // until it is here
    BOOST_CHECK(proxy.once(get(origin.url("/2"), "Connection: close\r\n")).ends_with("\r\nasked"));
    BOOST_CHECK_EQUAL(origin.connections(), 2);
}

BOOST_AUTO_TEST_CASE(bodies_stream_in_both_directions) {
    Origin origin([](Peer &peer) {
        for (;;) {
            const std::string head = peer.read_head();
            const size_t at = head.find("Content-Length: ") + 16;
            const std::string body = peer.read(std::stoul(head.substr(at)));
            peer.write(ok(body));
        }
    });
    Harness proxy;
    std::string body(3000000, '\0');
    for (size_t i = 0; i < body.size(); ++i) {
        body[i] = static_cast<char>(i * 31 + i / 251);
    }
    Peer client = proxy.client();
    for (int i = 0; i < 2; ++i) {
        client.write("POST " + origin.url("/") + " HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body);
        const std::string answer = client.read_message();
        BOOST_CHECK(answer.ends_with(body));
    }
    BOOST_CHECK_EQUAL(origin.connections(), 2); // a POST is never sent on a kept connection
    BOOST_CHECK_EQUAL(proxy.stats().bytes_in.get(), 2 * body.size());
    // The proxy counts after its write, which the client may see first.
    BOOST_CHECK(eventually([&] { return proxy.stats().bytes_out.get() == 2 * body.size(); }));
}

BOOST_AUTO_TEST_CASE(chunks_and_trailers_pass_both_ways) {
    const std::string chunked =
        "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n";
    Origin origin([&](Peer &peer) {
        std::string head = peer.read_head();
        const std::string body = peer.read(chunked.size() - 12);
        BOOST_TEST_MESSAGE(head);
        peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
                   chunked);
        peer.read_head();
        peer.write(ok(body));
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write("POST " + origin.url("/") +
                 " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked);
    BOOST_CHECK(contains(client.read_head(), "Transfer-Encoding: chunked\r\n"));
    const std::string without_host = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n";
    BOOST_CHECK_EQUAL(client.read(without_host.size()), without_host);
    client.write(get(origin.url("/")));
    BOOST_CHECK(client.read_message().ends_with("\r\n\r\n" + without_host));
}

BOOST_AUTO_TEST_CASE(http10_clients) {
    Origin origin([](Peer &peer) {
        for (;;) {
            const std::string head = peer.read_head();
            if (contains(head, "/chunked")) {
                peer.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
                           "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
            } else {
                peer.write(ok(head));
            }
        }
    });
    Harness proxy;
    const std::string plain = proxy.once("GET " + origin.url("/chunked") + " HTTP/1.0\r\n\r\n");
    BOOST_CHECK(plain.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_CHECK(!contains(plain, "Transfer-Encoding"));
    BOOST_CHECK(contains(plain, "Connection: close\r\n"));
    BOOST_CHECK(plain.ends_with("\r\n\r\nabcde"));

    Peer client = proxy.client();
    for (int i = 0; i < 2; ++i) {
        client.write("GET " + origin.url("/") + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const std::string kept = client.read_message();
        BOOST_CHECK(contains(kept, "Connection: keep-alive\r\n"));
        BOOST_CHECK(contains(kept, "Via: 1.0 k2s"));
    }
}

BOOST_AUTO_TEST_CASE(answers_without_a_body) {
    Origin origin([](Peer &peer) {
        for (;;) {
            const std::string head = peer.read_head();
            if (head.starts_with("HEAD")) {
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
            } else if (contains(head, "/304")) {
                peer.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n");
            } else {
                peer.write("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n");
            }
        }
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write("HEAD " + origin.url("/") + " HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_CHECK(contains(client.read_head(), "Content-Length: 1234\r\n"));
    client.write(get(origin.url("/304")));
    BOOST_CHECK(client.read_head().starts_with("HTTP/1.1 304 Not Modified\r\n"));
    client.write(get(origin.url("/204")));
    BOOST_CHECK(!contains(client.read_head(), "Content-Length"));
    client.write("HEAD http://" + origin.authority() + "1/ HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_CHECK(client.read_all().ends_with("\r\n\r\n")); // an error answer to HEAD has no body
    BOOST_CHECK_EQUAL(origin.connections(), 1);
}

BOOST_AUTO_TEST_CASE(an_answer_that_ends_with_the_connection) {
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write("HTTP/1.0 200 OK\r\n\r\nuntil the end");
    });
    Harness proxy;
    const std::string answer = proxy.once(get(origin.url("/")));
    BOOST_CHECK(contains(answer, "Connection: close\r\n"));
    BOOST_CHECK(answer.ends_with("\r\n\r\nuntil the end"));
}

BOOST_AUTO_TEST_CASE(a_truncated_answer_ends_the_connection) {
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write(get(origin.url("/")));
    BOOST_CHECK(client.read_all().ends_with("\r\n\r\nshort"));
    BOOST_CHECK(proxy.recorder().saw("cut short"));
}

BOOST_AUTO_TEST_CASE(a_truncated_answer_without_length_is_reset) {
    for (const char *fields : {"", "Transfer-Encoding: chunked\r\n"}) {
        Origin origin([fields](Peer &peer) {
            peer.read_head();
            peer.write(std::string("HTTP/1.1 200 OK\r\n") + fields + "\r\n4\r\nhalf");
            std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it arrives first
            peer.reset();
        });
        Harness proxy;
        Peer client = proxy.client();
        client.write("GET " + origin.url("/") + " HTTP/1.0\r\n\r\n");
        boost::system::error_code ec;
        for (char block[512]; !ec;) {
            client.socket().read_some(boost::asio::buffer(block), ec);
        }
        BOOST_CHECK_MESSAGE(ec != boost::asio::error::eof, fields);
        BOOST_CHECK(proxy.recorder().saw("cut short"));
    }
}

BOOST_AUTO_TEST_CASE(expect_continue) {
    Origin origin([](Peer &peer) {
        const std::string head = peer.read_head();
        if (contains(head, "/refuse")) {
            peer.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        peer.write(ok(peer.read(4)));
    });
    Harness proxy;
    const std::string fields =
        " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    Peer client = proxy.client();
    client.write("POST " + origin.url("/") + fields);
    BOOST_CHECK(contains(client.read_head(), "103 Early Hints\r\nLink: x\r\n"));
    BOOST_CHECK(client.read_head().starts_with("HTTP/1.1 100 Continue\r\n"));
    client.write("body");
    BOOST_CHECK(client.read_message().ends_with("\r\n\r\nbody"));

    Peer refused = proxy.client();
    refused.write("POST " + origin.url("/refuse") + fields);
    const std::string answer = refused.read_all();
    BOOST_CHECK(answer.starts_with("HTTP/1.1 417 "));
    BOOST_CHECK(contains(answer, "Connection: close\r\n"));
}

BOOST_AUTO_TEST_CASE(an_early_answer_ends_an_upload) {
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        peer.read_all();
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write("POST " + origin.url("/") +
                 " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
                 std::string(1000, 'x'));
    const std::string answer = client.read_message();
    BOOST_CHECK(answer.starts_with("HTTP/1.1 413 "));
    BOOST_CHECK(contains(answer, "Connection: close\r\n"));
}

BOOST_AUTO_TEST_CASE(a_malformed_request_body_is_refused) {
    Origin origin([](Peer &peer) { peer.read_all(); });
    Harness proxy;
    Peer client = proxy.client();
    client.write("POST " + origin.url("/") +
                 " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX");
    BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 400 "));
}

BOOST_AUTO_TEST_CASE(upgrade_becomes_a_tunnel) {
    Origin origin([](Peer &peer) {
        const std::string head = peer.read_head();
        if (!contains(head, "Upgrade: websocket\r\nConnection: Upgrade\r\n")) {
            peer.write(ok(head));
            return;
        }
        peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\nfirst");
        peer.write("got " + peer.read(4));
        peer.read_all();
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write(get(origin.url("/"), "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    const std::string head = client.read_head();
    BOOST_CHECK(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    BOOST_CHECK(contains(head, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    BOOST_CHECK(contains(head, "Sec-WebSocket-Accept: a\r\n"));
    BOOST_CHECK_EQUAL(client.read(5), "first");
    client.write("ping");
    BOOST_CHECK_EQUAL(client.read(8), "got ping");
    client.close();
    BOOST_CHECK(eventually([&] { return proxy.stats().active_tunnels.get() == 0; }));

    const std::string h2c =
        proxy.once(get(origin.url("/"), "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                                        "HTTP2-Settings: x\r\n"));
    BOOST_CHECK(!contains(h2c, "h2c"));
    BOOST_CHECK(!contains(h2c, "HTTP2-Settings"));
}

BOOST_AUTO_TEST_CASE(malformed_answers_become_502) {
    for (const char *answer :
         {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "",
          "HTTP/1.1 200 OK\r\nA"}) {
        Origin origin([answer](Peer &peer) {
            peer.read_head();
            peer.write(answer);
        });
        Harness proxy;
        const std::string got = proxy.once(get(origin.url("/")));
        BOOST_CHECK_MESSAGE(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), answer << ": " << got);
    }
}

BOOST_AUTO_TEST_CASE(max_forwards_ends_here) {
    Harness proxy;
    const std::string fields = " HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n";
    BOOST_CHECK(proxy.once("OPTIONS http://h.invalid" + fields).starts_with("HTTP/1.1 200 "));
    BOOST_CHECK(proxy.once("TRACE http://h.invalid/" + fields).starts_with("HTTP/1.1 405 "));
}

BOOST_AUTO_TEST_SUITE_END()
