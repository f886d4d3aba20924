// SPDX-License-Identifier: MIT
// Peers that misbehave on purpose, on either side and at every phase.
#include "unit.hpp"

#include "harness.hpp"
#include "throwaway_ca.hpp"
#include "tls_peer.hpp"

using namespace test;
using std::chrono::milliseconds;

namespace {

/// Ends with a reset instead of an end of stream.
void reset(Peer &peer) {
    boost::system::error_code ignored;
    peer.socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
    peer.close();
}

/// Wine tells a reset as an end of stream, and that is no reason to end a request.
bool resets_are_told() {
    boost::asio::io_context io;
    Tcp::acceptor acceptor(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    Peer client = Peer::connect(acceptor.local_endpoint());
    Tcp::socket socket = acceptor.accept();
    reset(client);
    char byte = 0;
    boost::system::error_code ec;
    socket.receive(boost::asio::buffer(&byte, 1), 0, ec);
    return ec != boost::asio::error::eof;
}

bool all_gone(const Harness &proxy) {
    return eventually([&] {
        return proxy.stats().active_connections.get() == 0 &&
               proxy.stats().active_tunnels.get() == 0;
    });
}

std::string post(const Origin &origin, const std::string &fields, const std::string &body) {
    return "POST " + origin.url("/") + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

} // namespace

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_AUTO_TEST_CASE(chunk_sizes_and_extensions_at_the_limits) {
    Origin origin([](Peer &peer) {
        peer.read_head();
        std::string body;
        while (!body.ends_with("0\r\n\r\n")) {
            body += peer.read(1);
        }
        peer.write(ok("fine"));
    });
    Harness proxy;
    const auto answer = [&](const std::string &body) {
        Peer client = proxy.client();
        client.write(post(origin, "Transfer-Encoding: chunked\r\n", body));
        return client.read_message();
    };
    for (const std::string &good :
         {std::string("0\r\n\r\n"), std::string("0000000000000003\r\nabc\r\n0\r\n\r\n"),
          "3;" + std::string(1024, 'e') + "\r\nabc\r\n0\r\n\r\n",
          std::string("3 ;a=\"b\"\r\nabc\r\n0\r\n\r\n")}) {
        BOOST_CHECK_MESSAGE(answer(good).starts_with("HTTP/1.1 200 "), good.substr(0, 40));
    }
    for (const std::string &bad :
         {std::string("00000000000000003\r\n"), // too many digits
          std::string("FFFFFFFFFFFFFFFF\r\n"),  // wraps
          std::string("0200000000000000\r\n"),  // beyond any body
          std::string("-1\r\n"), std::string("+3\r\n"), std::string("0x3\r\n"), std::string("\r\n"),
          "3;" + std::string(1025, 'e'),          // an endless extension
          std::string("3;a\0b\r\n", 7),           // NUL
          std::string("3\nabc\n"),                // bare LF
          std::string("3\r\nabcd\r\n"),           // longer than it says
          std::string("0\r\nA: b\nC: d\r\n\r\n"), // bare LF in a trailer
          std::string("0\r\n A: b\r\n\r\n")}) {   // folded trailer
        const std::string got = answer(bad);
        BOOST_CHECK_MESSAGE(got.starts_with("HTTP/1.1 400 "), bad.substr(0, 40) << ": " << got);
    }
    BOOST_CHECK(all_gone(proxy));
}

BOOST_AUTO_TEST_CASE(targets_of_connect_that_two_parties_could_read_differently) {
    Harness proxy;
    for (const std::string &target : {std::string("0177.0.0.1:80"),
                                      std::string("0x7f.0.0.1:80"),
                                      std::string("2130706433:80"),
                                      std::string("127.1:80"),
                                      std::string("127.0.0.1.:80"),
                                      std::string("h:0"),
                                      std::string("h:00"),
                                      std::string("h:65536"),
                                      std::string("h:-1"),
                                      std::string("h:"),
                                      std::string("h"),
                                      std::string(":80"),
                                      std::string("b\xc3\xbc"
                                                  "cher.test:443"),
                                      std::string("h%00.test:443"),
                                      std::string("u@h:443"),
                                      std::string("[::1:80"),
                                      std::string("[::ffff:127.0.0.1%1]:80"),
                                      std::string("h:80:80"),
                                      std::string("/h:80"),
                                      std::string("http://h:80"),
                                      std::string(300, 'a') + ":80"}) {
        const std::string answer = proxy.once("CONNECT " + target + " HTTP/1.1\r\n\r\n");
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 400 "), target << ": " << answer);
    }
    // A mapped address is the address that it means, for the self-loop guard as for a connection.
    const std::string port = ":" + std::to_string(proxy.port());
    BOOST_CHECK(proxy.once("CONNECT [::ffff:127.0.0.1]" + port + " HTTP/1.1\r\n\r\n")
                    .starts_with("HTTP/1.1 508 "));
}

BOOST_AUTO_TEST_CASE(endless_heads_of_an_origin) {
    const std::vector<std::function<void(Peer &)>> origins{
        [](Peer &peer) { // header fields
            peer.read_head();
            peer.write("HTTP/1.1 200 OK\r\n");
            for (;;) {
                peer.write("A: " + std::string(1000, 'a') + "\r\n");
            }
        },
        [](Peer &peer) { // a status line
            peer.read_head();
            peer.write("HTTP/1.1 200 ");
            for (;;) {
                peer.write(std::string(1000, 'a'));
            }
        },
        [](Peer &peer) { // interim answers
            peer.read_head();
            for (;;) {
                peer.write("HTTP/1.1 103 Early Hints\r\n\r\n");
            }
        },
    };
    for (const auto &serve : origins) {
        Origin origin(serve);
        Harness proxy;
        Peer client = proxy.client();
        client.write(get(origin.url("/")));
        const std::string answer = client.read_all();
        BOOST_CHECK_MESSAGE(contains(answer, "HTTP/1.1 502 Bad Gateway\r\n"),
                            answer.substr(0, 200));
    }
}

BOOST_AUTO_TEST_CASE(trailers_without_end) {
    Origin origin([](Peer &peer) { peer.read_all(); });
    Harness proxy;
    Peer client = proxy.client();
    client.write(post(origin, "Transfer-Encoding: chunked\r\n", "0\r\n"));
    try {
        for (int i = 0; i < 1000; ++i) {
            client.write("A: " + std::string(1000, 'a') + "\r\n");
        }
    } catch (const std::exception &) { // the proxy has closed meanwhile
    }
    BOOST_CHECK(eventually([&] { return proxy.stats().errors_request.get() == 1; }));
    client.close();
    BOOST_CHECK(all_gone(proxy));
}

// Neither the body nor the tunnel of a peer that stops reading is collected, and both end in time.
BOOST_AUTO_TEST_CASE(peers_that_stop_reading) {
    std::atomic<size_t> sent = 0;
    const auto pour = [&](Peer &peer) {
        const std::string block(64 * 1024, 'd');
        for (;;) {
            peer.write(block);
            sent += block.size();
        }
    };
    Origin origin([&](Peer &peer) {
        const std::string head = peer.read_head();
        if (contains(head, "POST")) {
            eventually([] { return false; }); // reads no more
            return;
        }
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n");
        pour(peer);
    });
    Origin raw(pour);
    Config config = quick();
    config.exchange_idle_timeout = milliseconds(300);
    config.tunnel_idle_timeout = milliseconds(300);
    Harness proxy(config);
    Peer deaf = proxy.client();
    deaf.write(get(origin.url("/")));
    BOOST_CHECK(eventually([&] { return proxy.stats().requests.get() == 1; }));
    BOOST_CHECK(all_gone(proxy));

    Peer tunnel = proxy.client();
    tunnel.write("CONNECT " + raw.authority() + " HTTP/1.1\r\n\r\n");
    BOOST_CHECK(eventually([&] { return proxy.stats().active_tunnels.get() == 1; }));
    BOOST_CHECK(all_gone(proxy));
    BOOST_CHECK_LT(sent, 64U * 1024 * 1024); // what the kernels' buffers hold

    Peer talker = proxy.client();
    try {
        talker.write(post(origin, "Content-Length: 100000000000\r\n", ""));
        pour(talker);
    } catch (const std::exception &) { // ended by the proxy
    }
    BOOST_CHECK(all_gone(proxy));
    BOOST_CHECK_LT(proxy.stats().bytes_in.get(), 64U * 1024 * 1024);
}

BOOST_AUTO_TEST_CASE(a_body_that_drips) {
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write(ok(peer.read(20)));
    });
    Config config = quick();
    config.header_timeout = milliseconds(300);
    config.min_upload_rate = 1000;
    const auto drip = [&](const Harness &proxy) {
        Peer client = proxy.client();
        client.write(post(origin, "Content-Length: 20\r\n", ""));
        try {
            for (int i = 0; i < 20; ++i) {
                std::this_thread::sleep_for(milliseconds(50));
                client.write("x");
            }
        } catch (const std::exception &) { // the proxy has closed meanwhile
        }
        return client.read_message();
    };
    {
        const Harness proxy(config);
        const std::string answer = drip(proxy);
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 408 "), answer);
        Peer quickly = proxy.client();
        quickly.write(post(origin, "Content-Length: 20\r\n", std::string(20, 'x')));
        BOOST_CHECK(quickly.read_message().starts_with("HTTP/1.1 200 "));
    }
    config.min_upload_rate = 0;
    const Harness patient(config);
    BOOST_CHECK(contains(drip(patient), "HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(a_client_that_resets_at_every_phase) {
    Origin origin([](Peer &peer) {
        const std::string head = peer.read_head();
        if (contains(head, "/slow")) {
            peer.read_all();
        }
        if (contains(head, "/small")) {
            peer.write(ok("x"));
            return;
        }
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(500000, 'x'));
        peer.read_all();
    });
    Harness proxy;
    const std::string connect = "CONNECT " + origin.authority() + " HTTP/1.1\r\n\r\n";
    const std::vector<std::string> phases{
        "",                                                            // connected
        "GET http",                                                    // in the head
        "GET " + origin.url("/slow") + " HTTP/1.1\r\nHost: x\r\n\r\n", // waiting for the answer
        get(origin.url("/")),                                          // in the answer
        post(origin, "Content-Length: 10\r\n", "abc"),                 // in the body
        post(origin, "Transfer-Encoding: chunked\r\n", "5\r\nab"),
        connect,                                // a tunnel
        connect + "GET /slow HTTP/1.1\r\n\r\n", // in use
    };
    const bool told = resets_are_told();
    for (const std::string &phase : phases) {
        if (!told && phase.starts_with("GET ") && phase.ends_with("\r\n\r\n")) {
            continue; // nothing is read from the client then: only a reset can end it early
        }
        for (const int wait : {0, 30}) {
            Peer client = proxy.client();
            client.write(phase);
            std::this_thread::sleep_for(milliseconds(wait));
            reset(client);
        }
        BOOST_CHECK_MESSAGE(all_gone(proxy), phase);
    }
    BOOST_CHECK(proxy.once(get(origin.url("/small"))).starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(an_origin_that_resets_at_every_phase) {
    const std::vector<std::string> said{
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    };
    for (const std::string &each : said) {
        Origin origin([&](Peer &peer) {
            peer.read_head();
            peer.write(each);
            std::this_thread::sleep_for(milliseconds(20)); // what was written arrives first
            reset(peer);
        });
        Harness proxy;
        for (const std::string &request :
             {get(origin.url("/")), post(origin, "Content-Length: 3\r\n", "abc"),
              "CONNECT " + origin.authority() + " HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"}) {
            Peer client = proxy.client();
            client.write(request);
            const std::string answer = client.read_all();
            const bool begun = contains(each, "200 OK\r\n") && contains(each, "\r\n\r\n");
            if (!request.starts_with("CONNECT") && !begun) {
                BOOST_CHECK_MESSAGE(contains(answer, "HTTP/1.1 502 "), each << ": " << answer);
            }
        }
        BOOST_CHECK(all_gone(proxy));
    }
}

BOOST_AUTO_TEST_CASE(tls_that_is_cut_short) {
    const ThrowawayCa ca;
    boost::asio::ssl::context context = ca.server("IP:127.0.0.1");
    const std::vector<std::function<void(Peer &)>> servers{
        [](Peer &peer) { peer.close(); },                           // before the handshake
        [](Peer &peer) { peer.write("HTTP/1.1 400 Bad\r\n\r\n"); }, // no TLS at all
        [](Peer &peer) {                                            // in the handshake
            peer.read(100);
            peer.write(std::string("\x16\x03\x03\x00\x7a\x02", 6));
        },
        [&](Peer &peer) { // after it
            TlsPeer tls(peer, context);
            tls.read_head();
        },
        [&](Peer &peer) { // in the answer's head
            TlsPeer tls(peer, context);
            tls.read_head();
            tls.write("HTTP/1.1 200 OK\r\nContent");
        },
    };
    for (const auto &serve : servers) {
        Origin upstream(serve);
        Config config = quick();
        config.forwardproxy = "https://" + upstream.authority();
        config.upstream_ca_file = ca.file();
        Harness proxy(config);
        for (const std::string &request :
             {get("http://h.test/"), std::string("CONNECT h.test:443 HTTP/1.1\r\n\r\n")}) {
            const std::string answer = proxy.once(request);
            BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 502 "), answer);
        }
    }
    // A body that ends with the connection must end with close_notify, or it may have been cut.
    Origin upstream([&](Peer &peer) {
        TlsPeer tls(peer, context);
        tls.read_head();
        tls.write("HTTP/1.1 200 OK\r\n\r\nas much as came");
    });
    Config config = quick();
    config.forwardproxy = "https://" + upstream.authority();
    config.upstream_ca_file = ca.file();
    Harness proxy(config);
    BOOST_CHECK(proxy.once(get("http://h.test/")).ends_with("as much as came"));
    BOOST_CHECK(proxy.recorder().saw("cut short"));
}

BOOST_AUTO_TEST_CASE(a_client_that_pipelines_without_end_is_served_in_order) {
    Origin origin(echo_heads);
    Harness proxy;
    Peer client = proxy.client();
    std::string all;
    for (int i = 0; i < 200; ++i) {
        all += get(origin.url("/" + std::to_string(i)));
    }
    client.write(all);
    for (int i = 0; i < 200; ++i) {
        BOOST_REQUIRE(contains(client.read_message(), "GET /" + std::to_string(i) + " HTTP"));
    }
    BOOST_CHECK_EQUAL(origin.connections(), 1);
}

BOOST_AUTO_TEST_SUITE_END()
