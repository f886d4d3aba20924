// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <boost/asio/ip/address.hpp>

#include "harness.hpp"

using namespace test;

namespace {

// A proxy on every address, and one client of it on an address beyond loopback.
struct Outside {
    explicit Outside(Config config) : address(outside_address()), proxy(everywhere(config)) {}

    static Config everywhere(Config config) {
        config.addr = {":0"};
        return config;
    }
    Peer client() const {
        return Peer::connect(Tcp::endpoint(boost::asio::ip::make_address(address), proxy.port()));
    }
    std::string once(const std::string &request) const {
        Peer peer = client();
        peer.write(request);
        return peer.read_all();
    }

    std::string address;
    Harness proxy;
};

} // namespace

BOOST_AUTO_TEST_SUITE(access_rules)

BOOST_AUTO_TEST_CASE(remote_clients_need_an_allowed_range) {
    Origin origin(echo_heads);
    Outside outside{quick()};
    BOOST_CHECK(outside.proxy.recorder().saw("without any allowed range"));
    BOOST_CHECK(outside.proxy.once(get(origin.url("/"))).starts_with("HTTP/1.1 200 "));
    if (outside.address.empty()) {
        BOOST_TEST_MESSAGE("this host has no address beyond loopback: remote part skipped");
        return;
    }
    for (const std::string &request :
         {get(origin.url("/")), "CONNECT " + origin.authority() + " HTTP/1.1\r\n\r\n"}) {
        const std::string answer = outside.once(request);
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), answer);
        BOOST_CHECK(contains(answer, "Connection: close\r\n"));
    }
    BOOST_CHECK_EQUAL(outside.proxy.stats().denied_clients.get(), 2U);
    BOOST_CHECK_EQUAL(origin.connections(), 1);
}

BOOST_AUTO_TEST_CASE(remote_clients_do_not_reach_loopback) {
    Config config = quick();
    const std::string address = outside_address();
    if (address.empty()) {
        BOOST_TEST_MESSAGE("this host has no address beyond loopback: skipped");
        return;
    }
    config.allowed_cidrs = {address + "/32"};
    config.hosts["rebind.test"] = {"127.0.0.1"};
    config.hosts["meta.test"] = {"169.254.169.254"};
    Origin origin(echo_heads);
    const std::string port = std::to_string(origin.port());
    {
        const Outside outside(config);
        for (const std::string &host :
             {std::string("127.0.0.1"), std::string("localhost"), std::string("[::1]"),
              std::string("[::ffff:127.0.0.1]"), std::string("0.0.0.0"), std::string("rebind.test"),
              std::string("meta.test")}) {
            const std::string connect =
                outside.once("CONNECT " + host + ":" + port + " HTTP/1.1\r\n\r\n");
            BOOST_CHECK_MESSAGE(connect.starts_with("HTTP/1.1 403 "), host << ": " << connect);
        }
        const std::string plain = "http://rebind.test:" + port + "/";
        // A local client may, and the connection that it leaves behind is not lent to others.
        BOOST_CHECK(outside.proxy.once(get(plain)).starts_with("HTTP/1.1 200 "));
        Peer client = outside.client();
        client.write(get(plain));
        BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 403 "));
        BOOST_CHECK_EQUAL(outside.proxy.stats().denied_targets.get(), 8U);
    }
    config.allowed_destinations = {"127.0.0.1/32"};
    const Outside outside(config);
    Peer client = outside.client();
    client.write(get(origin.url("/")));
    BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(remote_clients_do_not_reach_administrative_ports_of_the_host) {
    const std::string address = outside_address();
    if (address.empty()) {
        BOOST_TEST_MESSAGE("this host has no address beyond loopback: skipped");
        return;
    }
    boost::asio::io_context io;
    const auto listen = [&] {
        return Tcp::acceptor(io, Tcp::endpoint(boost::asio::ip::make_address(address), 0));
    };
    Tcp::acceptor admin = listen();
    Tcp::acceptor other = listen();
    const auto connect = [&](const Tcp::acceptor &to) {
        return "CONNECT " + address + ":" + std::to_string(to.local_endpoint().port()) +
               " HTTP/1.1\r\n\r\n";
    };
    Config config = quick();
    config.allowed_cidrs = {address + "/32"};
    config.protected_ports = {admin.local_endpoint().port()};
    {
        const Outside outside(config);
        const std::string refused = outside.once(connect(admin));
        BOOST_CHECK_MESSAGE(refused.starts_with("HTTP/1.1 403 "), refused);
        BOOST_CHECK(contains(refused, "protected_ports"));
        for (const auto &[local, to] : {std::pair{false, &other}, std::pair{true, &admin}}) {
            Peer client = local ? outside.proxy.client() : outside.client();
            client.write(connect(*to));
            BOOST_CHECK(client.read_head().starts_with("HTTP/1.1 200 "));
        }
    }
    config.allowed_destinations = {address + "/32"};
    const Outside outside(config);
    Peer client = outside.client();
    client.write(connect(admin));
    BOOST_CHECK(client.read_head().starts_with("HTTP/1.1 200 "));
}

// The upstream may stand on this host, where it is trusted as well.
BOOST_AUTO_TEST_CASE(an_upstream_leads_remote_clients_nowhere_else) {
    const std::string address = outside_address();
    if (address.empty()) {
        BOOST_TEST_MESSAGE("this host has no address beyond loopback: skipped");
        return;
    }
    Origin upstream(echo_heads);
    Config config = quick();
    config.allowed_cidrs = {address + "/32"};
    config.routes.push_back({{"*"}, "http://" + upstream.authority(), {}, {}, {}});
    const std::vector<std::string> refused{"169.254.169.254", "0.0.0.0:22",        "[fe80::1]",
                                           "127.0.0.1:22",    "[::127.0.0.1]",     "localhost.:80",
                                           address + ":22",   "[64:ff9b::7f00:1]", "a.LocalHost"};
    {
        const Outside outside(config);
        for (const std::string &host : refused) {
            Peer client = outside.client();
            client.write(get("http://" + host + "/"));
            const std::string answer = client.read_message();
            BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 403 "), host << ": " << answer);
        }
        BOOST_CHECK(outside.once("CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n")
                        .starts_with("HTTP/1.1 403 "));
        BOOST_CHECK_EQUAL(outside.proxy.stats().denied_targets.get(), refused.size() + 1);
        BOOST_CHECK_EQUAL(upstream.connections(), 0);
        for (const std::string &host : {address + ":8080", std::string("localhosts.test")}) {
            Peer client = outside.client();
            client.write(get("http://" + host + "/"));
            BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
        }
        Peer local = outside.proxy.client();
        local.write(get("http://169.254.169.254/"));
        BOOST_CHECK(local.read_message().starts_with("HTTP/1.1 200 "));
    }
    config.allowed_destinations = {"127.0.0.1/32"};
    const Outside outside(config);
    Peer client = outside.client();
    client.write(get("http://localhost/"));
    BOOST_CHECK(client.read_message().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(the_proxy_does_not_talk_to_itself) {
    Config config = quick();
    config.hosts["me.test"] = {"127.0.0.1"};
    Harness proxy(config);
    const std::string port = std::to_string(proxy.port());
    BOOST_CHECK(proxy.once(get("http://me.test:" + port + "/")).starts_with("HTTP/1.1 508 "));
    BOOST_CHECK(
        proxy.once("CONNECT 127.0.0.1:" + port + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 508 "));
    // Through another proxy and back again: recognised by Via.
    Harness *back = &proxy;
    Origin detour([&](Peer &peer) {
        const std::string head = peer.read_head();
        Peer again = back->client();
        again.write(head);
        peer.write(again.read_all());
    });
    Config chained = quick();
    chained.forwardproxy = "http://" + detour.authority();
    Harness looping(chained);
    back = &looping;
    const std::string answer = looping.once(get("http://far.test/"));
    BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 508 "), answer);
}

BOOST_AUTO_TEST_CASE(a_wildcard_listener_is_recognised_on_every_address) {
    const Outside outside{quick()};
    const std::string port = std::to_string(outside.proxy.port());
    for (const std::string &host :
         {std::string("127.0.0.1"), outside.address.empty() ? "127.0.0.1" : outside.address}) {
        const std::string answer =
            outside.proxy.once("CONNECT " + host + ":" + port + " HTTP/1.1\r\n\r\n");
        BOOST_CHECK_MESSAGE(answer.starts_with("HTTP/1.1 508 "), host << ": " << answer);
    }
}

BOOST_AUTO_TEST_CASE(requests_that_are_not_for_a_proxy) {
    Harness proxy;
    const std::string origin_form = proxy.once("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    BOOST_CHECK(origin_form.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    BOOST_CHECK(contains(origin_form, "this is a forward proxy"));
    BOOST_CHECK(contains(proxy.once(get("https://h/")), "CONNECT"));
    BOOST_CHECK(proxy.once(get("http://user:pw@h/")).starts_with("HTTP/1.1 400 "));
    BOOST_CHECK(!contains(proxy.once(get("http://user:pw@h/")), "pw"));
}

BOOST_AUTO_TEST_SUITE_END()
