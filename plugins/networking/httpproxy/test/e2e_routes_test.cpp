// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"
#include "throwaway_ca.hpp"
#include "tls_peer.hpp"

using namespace test;

namespace {

Config::RouteRule rule(std::vector<std::string> match, std::string via,
                       std::string credentials = {}) {
    Config::RouteRule out;
    out.match = std::move(match);
    out.via = std::move(via);
    out.credentials = std::move(credentials);
    return out;
}

// A SOCKS5 server that plays the origin itself once the connection "stands".
struct Socks {
    std::string method;       // its choice, one byte
    std::string login_answer; // after user and password; empty: not asked
    std::string reply = std::string("\5\0\0\1\177\0\0\1\0\x50", 10);
    std::function<void(Peer &)> then; // the origin

    std::mutex mutex;
    std::string asked; // everything the proxy said

    void serve(Peer &peer) {
        std::string all = peer.read(2);
        all += peer.read(static_cast<unsigned char>(all[1]));
        peer.write("\5" + method);
        if (!login_answer.empty()) {
            std::string login = peer.read(2);
            login += peer.read(static_cast<unsigned char>(login[1]) + 1U);
            login += peer.read(static_cast<unsigned char>(login.back()));
            all += login;
            peer.write(login_answer);
        }
        std::string request = peer.read(4);
        const char kind = request[3];
        if (kind == 3) {
            request += peer.read(1);
            request += peer.read(static_cast<unsigned char>(request.back()) + 2U);
        } else {
            request += peer.read(kind == 1 ? 6 : 18);
        }
        all += request;
        {
            const std::lock_guard lock(mutex);
            asked = all;
        }
        peer.write(reply);
        if (then) {
            then(peer);
        }
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(routing)

BOOST_AUTO_TEST_CASE(a_blocked_target_is_refused_with_the_rule) {
    Origin origin(echo_heads);
    Config config = quick();
    config.hosts["inside.test"] = {"127.0.0.1"};
    config.hosts["fine.test"] = {"127.0.0.1"};
    config.routes = {rule({"fine.test"}, "direct"), rule({".bad.test"}, "block"),
                     rule({"127.0.0.0/8"}, "block")};
    Harness proxy(config);
    const std::string port = ":" + std::to_string(origin.port());
    for (const std::string &request :
         {get("http://www.bad.test/"), std::string("CONNECT www.BAD.test.:443 HTTP/1.1\r\n\r\n")}) {
        const std::string answer = proxy.once(request);
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), answer);
        BOOST_CHECK_MESSAGE(contains(answer, "blocked by rule 2 of routes (.bad.test)"), answer);
    }
    // A name that resolves into the blocked network, and the address itself.
    for (const std::string &host : {std::string("inside.test"), std::string("127.0.0.1")}) {
        const std::string answer = proxy.once(get("http://" + host + port + "/"));
        BOOST_CHECK_MESSAGE(contains(answer, "blocked by rule 3 of routes (127.0.0.0/8)"), answer);
    }
    BOOST_CHECK(proxy.once(get("http://fine.test" + port + "/")).starts_with("HTTP/1.1 200 "));
    BOOST_CHECK_EQUAL(origin.connections(), 1);
    BOOST_CHECK_EQUAL(proxy.stats().denied_targets.get(), 4U);
    BOOST_CHECK(proxy.recorder().saw("403"));
}

BOOST_AUTO_TEST_CASE(rules_choose_among_upstreams) {
    const auto upstream = [](const char *name) {
        return [name](Peer &peer) {
            const std::string head = peer.read_head();
            const std::string body = std::string(name) + " saw " + head;
            peer.write(head.starts_with("CONNECT") ? "HTTP/1.1 200 OK\r\n\r\n" + body : ok(body));
        };
    };
    Origin first(upstream("first"));
    Origin second(upstream("second"));
    Origin fallback(upstream("fallback"));
    Config config = quick();
    config.forwardproxy = "http://" + fallback.authority();
    config.routes = {rule({".one.test"}, "http://" + first.authority(), "u:p"),
                     rule({":8443"}, "http://" + second.authority())};
    Harness proxy(config);
    const std::string one = proxy.once(get("http://a.one.test/x"));
    BOOST_CHECK_MESSAGE(contains(one, "first saw GET http://a.one.test/x HTTP/1.1\r\n"), one);
    BOOST_CHECK(contains(one, "Proxy-Authorization: Basic dTpw\r\n"));
    const std::string two = proxy.once("CONNECT b.test:8443 HTTP/1.1\r\n\r\n");
    BOOST_CHECK(contains(two, "second saw CONNECT b.test:8443"));
    BOOST_CHECK(!contains(two, "Proxy-Authorization"));
    BOOST_CHECK(contains(proxy.once(get("http://b.test/")), "fallback saw GET"));
    BOOST_CHECK(proxy.recorder().saw("route=http://" + first.authority()));
}

BOOST_AUTO_TEST_CASE(socks_upstream_carries_plain_requests_and_tunnels) {
    Socks socks;
    socks.method = std::string(1, '\0');
    socks.then = echo_heads;
    Origin server([&](Peer &peer) { socks.serve(peer); });
    Config config = quick();
    config.routes = {rule({"*"}, "socks5://" + server.authority())};
    Harness proxy(config);
    Peer client = proxy.client();
    for (int i = 0; i < 2; ++i) { // the second on the kept connection
        client.write(get("http://origin.test:8080/a?b"));
        const std::string answer = client.read_message();
        BOOST_CHECK_MESSAGE(contains(answer, "GET /a?b HTTP/1.1\r\nHost: origin.test:8080\r\n"),
                            answer);
    }
    BOOST_CHECK_EQUAL(server.connections(), 1);
    // No name is looked up here: the SOCKS server gets it.
    BOOST_CHECK_EQUAL(socks.asked,
                      std::string("\5\1\0\5\1\0\3\x0borigin.test\x1f\x90", 3 + 5 + 11 + 2));
    // Another target never travels on the connection to the first.
    client.write(get("http://other.test/"));
    BOOST_CHECK(contains(client.read_message(), "Host: other.test\r\n"));
    BOOST_CHECK_EQUAL(server.connections(), 2);

    Peer tunnel = proxy.client();
    tunnel.write("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n");
    BOOST_CHECK(tunnel.read_head().starts_with("HTTP/1.1 200 "));
    tunnel.write("GET /in-the-tunnel HTTP/1.1\r\n\r\n");
    BOOST_CHECK(contains(tunnel.read_message(), "GET /in-the-tunnel"));
    BOOST_CHECK_EQUAL(socks.asked.substr(3),
                      std::string("\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb", 22));
}

BOOST_AUTO_TEST_CASE(socks_credentials_and_refusals) {
    struct Case {
        std::string credentials, method, login_answer, reply, expected;
    };
    const std::string good("\5\0\0\3\4host\0\x50", 11);
    const std::string login(1, '\2');
    for (const Case &each : std::vector<Case>{
             {"us:pw", login, std::string("\1\0", 2), good, "HTTP/1.1 200 "},
             {"us:pw", login, std::string("\1\1", 2), good, "refused the configured credentials"},
             {"", std::string(1, '\xff'), "", good, "wants credentials"},
             {"us:pw", std::string(1, '\xff'), "", good, "neither user and password nor none"},
             {"", std::string(1, '\0'), "", std::string("\5\2", 2), "not allowed by its rules"},
             {"", std::string(1, '\0'), "", std::string("\5\5\0\1\0\0\0\0\0\0", 10), "refused"},
             {"", std::string(1, '\0'), "", std::string("\4\0\0\1\0", 5), "malformed"},
             {"", std::string(1, '\0'), "", std::string("\5\0\0\7\0", 5), "malformed"},
             {"", std::string(1, '\0'), "", std::string("\5\0\0\1\0", 5), "broke off"},
         }) {
        Socks socks;
        socks.method = each.method;
        socks.login_answer = each.login_answer;
        socks.reply = each.reply;
        Origin server([&](Peer &peer) { socks.serve(peer); });
        Config config = quick();
        config.routes = {rule({"*"}, "socks5h://" + server.authority(), each.credentials)};
        Harness proxy(config);
        const std::string answer = proxy.once("CONNECT h.test:443 HTTP/1.1\r\n\r\n");
        BOOST_CHECK_MESSAGE(contains(answer, each.expected), each.expected << ": " << answer);
        BOOST_CHECK(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 502 "));
        if (!each.login_answer.empty()) {
            BOOST_CHECK(contains(socks.asked, std::string("\1\2us\2pw", 7)) ||
                        !contains(each.login_answer, std::string("\1\0", 2)));
        }
        BOOST_CHECK(!contains(proxy.recorder().text(), "pw"));
    }
}

BOOST_AUTO_TEST_CASE(each_https_upstream_has_its_own_roots) {
    const ThrowawayCa one;
    const ThrowawayCa two;
    boost::asio::ssl::context context = one.server("IP:127.0.0.1");
    Origin upstream([&](Peer &peer) {
        TlsPeer tls(peer, context);
        tls.read_head();
        tls.write(ok("greetings"));
    });
    Config config = quick();
    config.routes = {rule({"right.test"}, "https://" + upstream.authority()),
                     rule({"wrong.test"}, "https://" + upstream.authority())};
    config.routes[0].ca_file = one.file();
    config.routes[1].ca_file = two.file();
    Harness proxy(config);
    BOOST_CHECK(proxy.once(get("http://right.test/")).starts_with("HTTP/1.1 200 "));
    const std::string refused = proxy.once(get("http://wrong.test/"));
    BOOST_CHECK_MESSAGE(contains(refused, "certificate was refused"), refused);
}

// Neither the client nor the proxy may go round in circles with an upstream that always says 407.
BOOST_AUTO_TEST_CASE(an_upstream_that_answers_407_for_ever) {
    Origin upstream([](Peer &peer) {
        for (;;) {
            peer.read_head();
            peer.write("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
                       "Content-Length: 0\r\n\r\n");
        }
    });
    for (const char *credentials : {"", "u:p"}) {
        Config config = quick();
        config.forwardproxy = "http://" + upstream.authority();
        config.upstream_credentials = credentials;
        Harness proxy(config);
        const int before = upstream.connections();
        for (const std::string &request :
             {get("http://h.test/"), std::string("CONNECT h.test:443 HTTP/1.1\r\n\r\n")}) {
            const std::string answer = proxy.once(request);
            BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 502 "), answer);
            BOOST_CHECK_MESSAGE(contains(answer, *credentials != '\0'
                                                     ? "refused the configured credentials (407)"
                                                     : "wants credentials (407)"),
                                answer);
            BOOST_CHECK(!contains(answer, "Proxy-Authenticate"));
        }
        BOOST_CHECK_LE(upstream.connections() - before, 2);
    }
}

BOOST_AUTO_TEST_SUITE_END()
