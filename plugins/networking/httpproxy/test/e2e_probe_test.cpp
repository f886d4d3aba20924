// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"
#include "probe.hpp"
#include "throwaway_ca.hpp"
#include "tls_peer.hpp"

using namespace test;
using k2s::httpproxy::probe;
using k2s::httpproxy::ProbeOptions;
using k2s::httpproxy::ProbeReport;
using k2s::httpproxy::Route;
using k2s::httpproxy::Settings;

namespace {

ProbeReport ask(const Config &config, ProbeOptions options) {
    auto settings = Settings::check(config);
    if (!settings) {
        throw std::runtime_error(settings.error().message);
    }
    auto report = probe(*settings, options);
    if (!report) {
        throw std::runtime_error(report.error().message);
    }
    return *report;
}

ProbeOptions url(std::string text) {
    ProbeOptions options;
    options.url = std::move(text);
    return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(probes)

BOOST_AUTO_TEST_CASE(the_route_and_its_reason) {
    Config config = quick();
    config.forwardproxy = "http://user:s3cret@corporate:3128";
    config.no_proxy = ".local";
    config.routes.push_back({{".bad.test"}, "block", {}, {}, {}});
    struct Case {
        const char *url, *method, *target, *reason;
        Route::Kind kind;
    };
    for (const Case &each : {
             Case{"http://x.bad.test/", "GET", "x.bad.test:80", "rule 1 of routes (.bad.test)",
                  Route::Kind::block},
             Case{"https://svc.local/a", "CONNECT", "svc.local:443", "the bypass list has .local",
                  Route::Kind::direct},
             Case{"https://[2001:db8::1]/", "CONNECT", "[2001:db8::1]:443", "forwardproxy",
                  Route::Kind::upstream},
             Case{"https://h.test:8443", "CONNECT", "h.test:8443", "forwardproxy",
                  Route::Kind::upstream},
             Case{"127.0.0.1:22", "CONNECT", "127.0.0.1:22", "always direct", Route::Kind::direct},
         }) {
        ProbeOptions options = url(each.url);
        options.try_it = false;
        const ProbeReport report = ask(config, options);
        BOOST_CHECK_EQUAL(report.method, each.method);
        BOOST_CHECK_EQUAL(report.target, each.target);
        BOOST_CHECK_MESSAGE(contains(report.reason, each.reason), report.reason);
        BOOST_CHECK(report.route == each.kind);
        BOOST_CHECK(!contains(report.upstream + report.reason + report.problem, "s3cret"));
        BOOST_CHECK_EQUAL(report.exit_code, each.kind == Route::Kind::block ? 5 : 0);
    }
    for (const char *wrong : {"", "h", "ftp://h/", "http://u@h/", "http://h:0/", "h:0", "/x"}) {
        const auto settings = Settings::check(config);
        const auto report = probe(*settings, url(wrong));
        BOOST_REQUIRE_MESSAGE(!report, wrong);
        BOOST_CHECK_EQUAL(report.error().code, K2S_E_USAGE);
    }
}

BOOST_AUTO_TEST_CASE(what_a_remote_client_may_not_have_is_said_without_trying) {
    Config config = quick();
    config.forwardproxy = "http://corporate:3128";
    config.allowed_cidrs = {"192.0.2.0/24"};
    ProbeOptions options = url("http://169.254.169.254/latest/");
    options.try_it = false;
    BOOST_CHECK_EQUAL(ask(config, options).exit_code, 0);
    options.client = boost::asio::ip::make_address("192.0.2.7");
    const ProbeReport report = ask(config, options);
    BOOST_CHECK_EQUAL(report.exit_code, 5);
    BOOST_CHECK(contains(report.problem, "169.254.169.254:80 is a cloud metadata address"));
}

BOOST_AUTO_TEST_CASE(how_it_ended) {
    Origin origin(echo_heads);
    Origin mute([](Peer &peer) { peer.read_all(); });
    Config config = quick();
    config.connect_timeout = std::chrono::milliseconds(500);
    const ProbeReport fine = ask(config, url(origin.url("/x")));
    BOOST_CHECK_EQUAL(fine.exit_code, 0);
    BOOST_CHECK_EQUAL(fine.status.value_or(0), 200U);
    BOOST_CHECK_EQUAL(fine.peer, origin.authority());
    BOOST_CHECK(fine.resolve && fine.connect && fine.first_byte && fine.total);
    BOOST_CHECK_EQUAL(ask(config, url(mute.authority())).exit_code, 0); // the connection stands
    BOOST_CHECK_EQUAL(ask(config, url(mute.url("/"))).exit_code, 7);
    BOOST_CHECK_EQUAL(ask(config, url("http://does-not-exist.invalid/")).exit_code, 6);
    ProbeOptions remote = url(origin.url("/"));
    remote.client = k2s::parse_address("192.0.2.7");
    BOOST_CHECK_EQUAL(ask(config, remote).exit_code, 5);
    config.allowed_cidrs = {"192.0.2.0/24"};
    const ProbeReport loopback = ask(config, remote);
    BOOST_CHECK_EQUAL(loopback.exit_code, 5);
    BOOST_CHECK_MESSAGE(contains(loopback.problem, "loopback"), loopback.problem);
    config.allowed_destinations = {"127.0.0.0/8"};
    BOOST_CHECK_EQUAL(ask(config, remote).exit_code, 0);
    config.addr = {origin.authority()}; // as if that were the proxy itself
    BOOST_CHECK_EQUAL(ask(config, url(origin.url("/"))).exit_code, 5);
}

BOOST_AUTO_TEST_CASE(tls_with_the_target_inside_tls_with_the_upstream) {
    const ThrowawayCa ca;
    boost::asio::ssl::context outer = ca.server("IP:127.0.0.1");
    boost::asio::ssl::context inner = ca.server("DNS:h.test");
    Origin upstream([&](Peer &peer) {
        TlsPeer tls(peer, outer);
        tls.read_head();
        tls.write("HTTP/1.1 200 OK\r\n\r\n");
        boost::asio::ssl::stream<boost::asio::ssl::stream<Tcp::socket &> &> target(tls.stream,
                                                                                   inner);
        target.handshake(boost::asio::ssl::stream_base::server);
        char block[4096];
        target.read_some(boost::asio::buffer(block));
        boost::asio::write(target, boost::asio::buffer(ok("hello")));
        target.read_some(boost::asio::buffer(block)); // until the other side has it
    });
    Config config = quick();
    config.forwardproxy = "https://" + upstream.authority();
    config.upstream_ca_file = ca.file();
    ProbeOptions options = url("https://h.test/");
    options.ca_file = ca.file();
    const ProbeReport report = ask(config, options);
    BOOST_CHECK_EQUAL(report.problem, "");
    BOOST_CHECK_EQUAL(report.status.value_or(0), 200U);
    BOOST_CHECK_EQUAL(report.tls, "TLSv1.3");
    BOOST_CHECK(report.upstream_ready && report.tls_ready);

    options.url = "https://other.test/";
    const ProbeReport wrong = ask(config, options);
    BOOST_CHECK_EQUAL(wrong.exit_code, 1);
    BOOST_CHECK_MESSAGE(contains(wrong.problem, "certificate was refused"), wrong.problem);
}

BOOST_AUTO_TEST_SUITE_END()
