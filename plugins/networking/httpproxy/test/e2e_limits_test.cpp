// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"

using namespace test;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(limits)

// The complete list is in head_parser_test.cpp; here: the answer, and that nothing passes.
BOOST_AUTO_TEST_CASE(ambiguous_requests_never_reach_the_origin) {
    Origin origin(echo_heads);
    Harness proxy;
    const std::string start = "POST " + origin.url("/") + " HTTP/1.1\r\nHost: x\r\n";
    for (const std::string &rest :
         {std::string("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
          std::string("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
          std::string("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
          std::string("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
          std::string("A: b\r\n folded\r\n\r\n"), std::string("A: b\n\r\n"),
          std::string("A: b\0c\r\n\r\n", 10)}) {
        Peer client = proxy.client();
        client.write(start + rest + get(origin.url("/smuggled")));
        const std::string answer = client.read_all();
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), rest << answer);
        BOOST_CHECK_EQUAL(answer.find("HTTP/1.1", 8), std::string::npos);
    }
    BOOST_CHECK_EQUAL(origin.connections(), 0);
}

BOOST_AUTO_TEST_CASE(sizes) {
    Config config = quick();
    config.max_header_bytes = 8192;
    config.max_uri_bytes = 1024;
    Harness proxy(config);
    BOOST_CHECK(proxy.once(get("http://h/" + std::string(2000, 'a'))).starts_with("HTTP/1.1 414 "));
    BOOST_CHECK(proxy.once(get("http://h/", "A: " + std::string(9000, 'a') + "\r\n"))
                    .starts_with("HTTP/1.1 431 "));
    Peer endless = proxy.client();
    endless.write("GET http://h/ HTTP/1.1\r\n");
    for (int i = 0; i < 100; ++i) {
        endless.write("A: " + std::string(100, 'a') + "\r\n");
    }
    BOOST_CHECK(endless.read_all().starts_with("HTTP/1.1 431 "));
    BOOST_CHECK(proxy.once("GET http://h/ HTTP/3.0\r\n\r\n").starts_with("HTTP/1.1 505 "));
}

BOOST_AUTO_TEST_CASE(connections_in_total_and_per_client) {
    Origin origin(echo_heads);
    Config config = quick();
    config.max_connections = 2;
    Harness proxy(config);
    {
        Peer one = proxy.client();
        Peer two = proxy.client();
        BOOST_CHECK(eventually([&] { return proxy.stats().active_connections.get() == 2; }));
        BOOST_CHECK(proxy.client().read_all().starts_with("HTTP/1.1 503 "));
    }
    BOOST_CHECK(eventually([&] { return proxy.stats().active_connections.get() == 0; }));
    BOOST_CHECK(proxy.once(get(origin.url("/"))).starts_with("HTTP/1.1 200 "));

    config.max_connections = 10;
    config.max_connections_per_client = 1;
    Harness strict(config);
    Peer one = strict.client();
    BOOST_CHECK(eventually([&] { return strict.stats().active_connections.get() == 1; }));
    BOOST_CHECK(strict.client().read_all().starts_with("HTTP/1.1 429 "));
    BOOST_CHECK_EQUAL(strict.stats().rejected_limits.get(), 1U);
}

BOOST_AUTO_TEST_CASE(slow_clients) {
    Config config = quick();
    config.header_timeout = milliseconds(150);
    config.keep_alive_timeout = milliseconds(150);
    Origin origin(echo_heads);
    Harness proxy(config);
    Peer slow = proxy.client();
    slow.write("GET http://h/ HT");
    BOOST_CHECK(slow.read_all().starts_with("HTTP/1.1 408 "));
    Peer silent = proxy.client();
    BOOST_CHECK_EQUAL(silent.read_all(), "");
    Peer idle = proxy.client();
    idle.write(get(origin.url("/")));
    idle.read_message();
    BOOST_CHECK_EQUAL(idle.read_all(), "");
}

BOOST_AUTO_TEST_CASE(slow_bodies_and_origins) {
    Config config = quick();
    config.exchange_idle_timeout = milliseconds(150);
    Origin mute([](Peer &peer) { peer.read_all(); });
    Harness proxy(config);
    BOOST_CHECK(proxy.once(get(mute.url("/"))).starts_with("HTTP/1.1 504 "));
    Peer slow = proxy.client();
    slow.write("POST " + mute.url("/") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    BOOST_CHECK(slow.read_all().starts_with("HTTP/1.1 408 "));

    Origin stalls([](Peer &peer) {
        peer.read_head();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        peer.read_all();
    });
    Peer client = proxy.client();
    client.write(get(stalls.url("/")));
    BOOST_CHECK(client.read_all().ends_with("\r\n\r\nabc"));
}

BOOST_AUTO_TEST_CASE(a_client_that_goes_away_during_its_upload) {
    std::atomic<bool> ended = false;
    Origin origin([&](Peer &peer) {
        peer.read_all();
        ended = true;
    });
    Harness proxy;
    Peer client = proxy.client();
    client.write("POST " + origin.url("/") +
                 " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab");
    BOOST_CHECK(eventually([&] { return proxy.stats().bytes_in.get() == 2; }));
    client.close();
    BOOST_CHECK(eventually([&] { return ended.load(); }));
    BOOST_CHECK(eventually([&] { return proxy.stats().active_connections.get() == 0; }));
}

BOOST_AUTO_TEST_CASE(drain_waits_for_active_requests) {
    std::atomic<bool> go = false;
    Origin origin([&](Peer &peer) {
        peer.read_head();
        eventually([&] { return go.load(); });
        peer.write(ok("late"));
    });
    Harness proxy;
    Peer idle = proxy.client();
    Peer active = proxy.client();
    active.write(get(origin.url("/")));
    BOOST_CHECK(eventually([&] { return origin.connections() == 1; }));
    BOOST_CHECK(eventually([&] { return proxy.stats().active_connections.get() == 2; }));
    std::atomic<int> cut = -1;
    proxy.on_thread([&](k2s::httpproxy::Proxy &p) {
        p.drain(std::chrono::seconds(8), [&](size_t n) { cut = static_cast<int>(n); });
    });
    BOOST_CHECK_EQUAL(idle.read_all(), "");
    BOOST_CHECK_THROW(proxy.client(), std::exception);
    BOOST_CHECK_EQUAL(cut, -1);
    go = true;
    const std::string answer = active.read_all();
    BOOST_CHECK(contains(answer, "Connection: close\r\n"));
    BOOST_CHECK(answer.ends_with("\r\n\r\nlate"));
    active.close();
    BOOST_CHECK(eventually([&] { return cut == 0; }));
}

BOOST_AUTO_TEST_CASE(drain_cuts_at_the_deadline) {
    Origin origin([](Peer &peer) { peer.read_all(); });
    Harness proxy;
    Peer tunnel = proxy.client();
    tunnel.write("CONNECT " + origin.authority() + " HTTP/1.1\r\n\r\n");
    tunnel.read_head();
    Peer waiting = proxy.client();
    waiting.write(get(origin.url("/")));
    BOOST_CHECK(eventually([&] { return origin.connections() == 2; }));
    std::atomic<int> cut = -1;
    proxy.on_thread([&](k2s::httpproxy::Proxy &p) {
        p.drain(milliseconds(100), [&](size_t n) { cut = static_cast<int>(n); });
    });
    BOOST_CHECK_EQUAL(tunnel.read_all(), "");
    BOOST_CHECK_EQUAL(waiting.read_all(), "");
    BOOST_CHECK(eventually([&] { return cut == 2; }));
}

BOOST_AUTO_TEST_CASE(reload_keeps_connections_and_listeners) {
    Origin origin(echo_heads);
    Harness proxy;
    Peer tunnel = proxy.client();
    tunnel.write("CONNECT " + origin.authority() + " HTTP/1.1\r\n\r\n");
    tunnel.read_head();
    Peer kept = proxy.client();
    kept.write(get(origin.url("/1")));
    kept.read_message();

    proxy.on_thread([&](k2s::httpproxy::Proxy &p) {
        Config wrong = quick();
        wrong.allowed_cidrs = {"nonsense"};
        BOOST_CHECK(!p.reload(wrong));
        Config taken = quick();
        taken.addr.push_back("127.0.0.1:" + std::to_string(origin.port()));
        const auto busy = p.reload(taken);
        BOOST_REQUIRE(!busy);
        BOOST_CHECK_EQUAL(busy.error().code, K2S_E_BUSY);
        Config changed = quick();
        changed.addr.push_back("localhost:0");
        changed.hosts["new.test"] = {"127.0.0.1"};
        const auto ok = p.reload(changed);
        BOOST_CHECK_MESSAGE(ok.has_value(), (ok ? "" : ok.error().message));
        BOOST_CHECK_GE(p.endpoints().size(), 2U);
        BOOST_CHECK(contains(p.endpoints()[0], std::to_string(proxy.port())));
    });
    kept.write(get("http://new.test:" + std::to_string(origin.port()) + "/2"));
    BOOST_CHECK(kept.read_message().starts_with("HTTP/1.1 200 "));
    tunnel.write("GET / HTTP/1.1\r\n\r\n");
    BOOST_CHECK(tunnel.read_message().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(new_rules_hold_for_connections_from_before) {
    std::atomic<bool> asked = false;
    std::atomic<bool> reloaded = false;
    Origin origin([&](Peer &peer) {
        for (;;) {
            peer.read_head();
            asked = true;
            eventually([&] { return reloaded.load(); });
            peer.write(ok("x"));
        }
    });
    Config config = quick();
    config.hosts["x.test"] = {"127.0.0.1"};
    Harness proxy(config);
    Peer client = proxy.client();
    const std::string request = get("http://x.test:" + std::to_string(origin.port()) + "/");
    client.write(request);
    BOOST_REQUIRE(eventually([&] { return asked.load(); }));
    config.routes.push_back({{"127.0.0.0/8"}, "block", {}, {}, {}});
    proxy.on_thread([&](k2s::httpproxy::Proxy &p) { BOOST_CHECK(p.reload(config).has_value()); });
    reloaded = true;
    BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
    client.write(request);
    BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 403 "));
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_an_error) {
    Origin origin(echo_heads);
    Config config = quick();
    config.addr = {"127.0.0.1:0", origin.authority()};
    boost::asio::io_context io;
    auto proxy = k2s::httpproxy::Proxy::create(io, config, std::make_shared<Recorder>());
    BOOST_REQUIRE(proxy.has_value());
    const auto started = (*proxy)->start();
    BOOST_REQUIRE(!started);
    BOOST_CHECK_EQUAL(started.error().code, K2S_E_BUSY);
    BOOST_CHECK(contains(started.error().message, origin.authority()));
    BOOST_CHECK((*proxy)->endpoints().empty());
}

BOOST_AUTO_TEST_SUITE_END()
