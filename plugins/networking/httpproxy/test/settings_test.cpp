// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <functional>

#include "settings.hpp"

using namespace k2s::httpproxy;

namespace {

std::string problem(const std::function<void(Config &)> &change) {
    Config config;
    change(config);
    const auto settings = Settings::check(config);
    return settings ? std::string() : settings.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(defaults_are_those_of_the_original) {
    const auto settings = Settings::check({});
    BOOST_REQUIRE(settings.has_value());
    BOOST_REQUIRE_EQUAL((*settings)->listen.size(), 1U);
    BOOST_CHECK_EQUAL((*settings)->listen[0].host, "");
    BOOST_CHECK_EQUAL((*settings)->listen[0].port, 8181);
    BOOST_CHECK((*settings)->config.verbose);
    BOOST_CHECK((*settings)->route("example.com", 443, true).upstream == nullptr);
}

BOOST_AUTO_TEST_CASE(wrong_values_are_named) {
    const auto names = [](const std::string &message, const char *what) {
        BOOST_CHECK_MESSAGE(message.find(what) != std::string::npos, what << " in: " << message);
    };
    for (const char *addr : {"", "8181", "localhost", ":x", ":65536", "::1:80", "[::1]", "[x]:1"}) {
        names(problem([&](Config &c) { c.addr = {addr}; }), "cannot listen on");
    }
    names(problem([](Config &c) { c.addr.clear(); }), "no address");
    names(problem([](Config &c) { c.allowed_cidrs = {"10.0.0.0/8", "10.0.0.0"}; }), "10.0.0.0");
    names(problem([](Config &c) { c.allowed_destinations = {"x"}; }), "\"x\"");
    names(problem([](Config &c) { c.forwardproxy = "ftp://h"; }), "upstream proxy URL");
    names(problem([](Config &c) { c.hosts["h"] = {"not-an-address"}; }), "not-an-address");
    names(problem([](Config &c) { c.max_header_bytes = 10; }), "max_header_bytes");
    names(problem([](Config &c) { c.max_connections = 0; }), "max_connections");
    names(problem([](Config &c) { c.connect_timeout = std::chrono::milliseconds(0); }),
          "connect_timeout");
    names(problem([](Config &c) {
              c.forwardproxy = "https://h:1";
              c.upstream_ca_file = "/nonexistent/ca.pem";
          }),
          "/nonexistent/ca.pem");
}

BOOST_AUTO_TEST_CASE(routes) {
    Config config;
    config.forwardproxy = "http://corporate:3128";
    config.http_proxy = "http://ignored:1";
    config.no_proxy = ".local,172.20.0.0/16";
    auto settings = Settings::check(config);
    BOOST_REQUIRE(settings.has_value());
    for (const bool connect : {false, true}) {
        BOOST_CHECK((*settings)->route("svc.local", 80, connect).upstream == nullptr);
        BOOST_CHECK((*settings)->route("172.20.1.1", 80, connect).upstream == nullptr);
        BOOST_CHECK((*settings)->route("127.0.0.1", 80, connect).upstream == nullptr);
        const Upstream *upstream = (*settings)->route("example.com", 80, connect).upstream;
        BOOST_REQUIRE(upstream != nullptr);
        BOOST_CHECK_EQUAL(upstream->host, "corporate");
    }
    config.forwardproxy.clear();
    settings = Settings::check(config);
    BOOST_REQUIRE(settings.has_value());
    BOOST_CHECK_EQUAL((*settings)->route("example.com", 80, false).upstream->host, "ignored");
    BOOST_CHECK((*settings)->route("example.com", 443, true).upstream == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
