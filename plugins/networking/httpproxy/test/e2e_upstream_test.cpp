// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"
#include "throwaway_ca.hpp"
#include "tls_peer.hpp"

using namespace test;

namespace {

// An upstream proxy that reports what it was asked.
void upstream_server(Peer &peer) {
    for (;;) {
        const std::string head = peer.read_head();
        if (contains(head, "refuse.test")) {
            peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        } else if (contains(head, "auth.test")) {
            peer.write("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
                       "Content-Length: 0\r\n\r\n");
        } else if (head.starts_with("CONNECT ")) {
            peer.write("HTTP/1.1 200 Fine\r\n\r\nseen:" + head + "end");
            peer.write(peer.read(4));
            return;
        } else {
            peer.write(ok(head));
        }
    }
}

Config through(const std::string &url) {
    Config config = quick();
    config.forwardproxy = url;
    return config;
}

} // namespace

BOOST_AUTO_TEST_SUITE(upstream)

BOOST_AUTO_TEST_CASE(plain_requests_and_tunnels_with_credentials) {
    Origin upstream(upstream_server);
    Harness proxy(through("http://us%40er:s3cret@" + upstream.authority()));
    Peer client = proxy.client();
    for (int i = 0; i < 2; ++i) {
        client.write(get("http://origin.test:8080/x?y"));
        const std::string answer = client.read_message();
        BOOST_CHECK(contains(answer, "GET http://origin.test:8080/x?y HTTP/1.1\r\n"
                                     "Host: origin.test:8080\r\n"));
        BOOST_CHECK(contains(answer, "Proxy-Authorization: Basic dXNAZXI6czNjcmV0\r\n"));
    }
    BOOST_CHECK_EQUAL(upstream.connections(), 1);

    client.write("CONNECT secure.test:443 HTTP/1.1\r\nHost: secure.test:443\r\n\r\n");
    BOOST_CHECK(client.read_head().starts_with("HTTP/1.1 200 "));
    const std::string asked = client.read_head();
    BOOST_CHECK(asked.starts_with("seen:CONNECT secure.test:443 HTTP/1.1\r\n"
                                  "Host: secure.test:443\r\n"));
    BOOST_CHECK(contains(asked, "Proxy-Authorization: Basic dXNAZXI6czNjcmV0\r\n"));
    client.write("ping");
    BOOST_CHECK_EQUAL(client.read(7), "endping");
    client.close();
    BOOST_CHECK(proxy.recorder().saw("CONNECT secure.test:443 200"));
    BOOST_CHECK(contains(proxy.recorder().text(), "route=http://" + upstream.authority()));
    BOOST_CHECK(!contains(proxy.recorder().text(), "s3cret"));
    BOOST_CHECK(!contains(proxy.recorder().text(), "czNjcmV0"));
}

BOOST_AUTO_TEST_CASE(tunnels_that_come_back_are_ended) {
    Origin upstream(upstream_server);
    Harness proxy(through("http://" + upstream.authority()));
    Peer client = proxy.client();
    client.write("CONNECT secure.test:443 HTTP/1.1\r\nVia: 1.0 first\r\n\r\n");
    client.read_head();
    const std::string asked = client.read_head();
    BOOST_REQUIRE(contains(asked, "\r\nVia: 1.0 first\r\nVia: 1.1 "));
    client.close();
    BOOST_CHECK(proxy.once(asked.substr(5)).starts_with("HTTP/1.1 508 ")); // behind "seen:"
    BOOST_CHECK_EQUAL(upstream.connections(), 1);
}

BOOST_AUTO_TEST_CASE(bypassed_targets_are_direct_for_both_kinds) {
    Origin upstream(upstream_server);
    Origin origin([](Peer &peer) {
        peer.read_head();
        peer.write(ok("direct"));
    });
    Config config = through("http://" + upstream.authority());
    config.hosts["svc.local"] = {"127.0.0.1"};
    config.hosts["svc.elsewhere"] = {"127.0.0.1"};
    config.no_proxy = ".local";
    Harness proxy(config);
    const std::string port = ":" + std::to_string(origin.port());
    BOOST_CHECK(proxy.once(get("http://svc.local" + port + "/")).ends_with("\r\n\r\ndirect"));
    BOOST_CHECK(contains(proxy.once(get("http://svc.elsewhere" + port + "/")), "GET http://svc"));
    BOOST_CHECK(proxy.once("CONNECT svc.local" + port + " HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
                    .ends_with("\r\n\r\ndirect"));
}

BOOST_AUTO_TEST_CASE(refusals_are_explained) {
    Origin upstream(upstream_server);
    Harness proxy(through("http://" + upstream.authority()));
    const std::string refused = proxy.once("CONNECT refuse.test:443 HTTP/1.1\r\n\r\n");
    BOOST_CHECK(refused.starts_with("HTTP/1.1 502 "));
    BOOST_CHECK(contains(refused, "refused the tunnel with status 403"));
    const std::string wanted = proxy.once("CONNECT auth.test:443 HTTP/1.1\r\n\r\n");
    BOOST_CHECK(wanted.starts_with("HTTP/1.1 502 "));
    BOOST_CHECK(contains(wanted, "wants credentials (407)"));
    const std::string plain = proxy.once(get("http://auth.test/"));
    BOOST_CHECK(plain.starts_with("HTTP/1.1 502 "));
    BOOST_CHECK(!contains(plain, "Proxy-Authenticate"));

    Origin mute([](Peer &peer) { peer.read_all(); });
    Config config = through("http://" + mute.authority());
    config.connect_timeout = std::chrono::milliseconds(200);
    Harness waiting(config);
    const std::string late = waiting.once("CONNECT h.test:443 HTTP/1.1\r\n\r\n");
    BOOST_CHECK(late.starts_with("HTTP/1.1 504 "));
}

BOOST_AUTO_TEST_CASE(https_upstream_with_a_verified_certificate) {
    const ThrowawayCa ca;
    boost::asio::ssl::context by_address = ca.server("IP:127.0.0.1");
    Origin upstream([&](Peer &peer) {
        TlsPeer tls(peer, by_address);
        const std::string head = tls.read_head();
        if (head.starts_with("CONNECT ")) {
            tls.write("HTTP/1.1 200 OK\r\n\r\ntunnelled " + head);
        } else {
            tls.write(ok(head));
        }
    });
    Config config = through("https://u:p@" + upstream.authority());
    config.upstream_ca_file = ca.file();
    Harness proxy(config);
    const std::string plain = proxy.once(get("http://h.test/"));
    BOOST_CHECK_MESSAGE(contains(plain, "Proxy-Authorization: Basic dTpw\r\n"), plain);
    Peer client = proxy.client();
    client.write("CONNECT h.test:443 HTTP/1.1\r\n\r\n");
    client.read_head();
    BOOST_CHECK(client.read_head().starts_with("tunnelled CONNECT h.test:443 HTTP/1.1\r\n"));
}

BOOST_AUTO_TEST_CASE(https_upstream_with_a_bad_certificate_is_refused) {
    const ThrowawayCa ca;
    const ThrowawayCa other;
    std::atomic<int> heads = 0;
    boost::asio::ssl::context wrong_name = ca.server("DNS:other.test");
    Origin upstream([&](Peer &peer) {
        TlsPeer tls(peer, wrong_name);
        tls.read_head();
        ++heads;
    });
    for (const std::string &file : {ca.file(), other.file()}) {
        Config config = through("https://u:p@" + upstream.authority());
        config.upstream_ca_file = file;
        Harness proxy(config);
        for (const std::string &request :
             {get("http://h.test/"), std::string("CONNECT h.test:443 HTTP/1.1\r\n\r\n")}) {
            const std::string answer = proxy.once(request);
            BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 502 "), answer);
            BOOST_CHECK_MESSAGE(contains(answer, "certificate was refused"), answer);
        }
    }
    BOOST_CHECK_EQUAL(heads, 0); // nothing, and no credentials, were sent
}

BOOST_AUTO_TEST_SUITE_END()
