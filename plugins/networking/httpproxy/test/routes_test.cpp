// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <cstdio>
#include <functional>

#include <boost/filesystem/operations.hpp>

#include "routes.hpp"
#include "settings.hpp"

using namespace k2s::httpproxy;
using k2s::Subject;

namespace {

using Rules = std::vector<Config::RouteRule>;

Config::RouteRule rule(std::vector<std::string> match, std::string via) {
    Config::RouteRule out;
    out.match = std::move(match);
    out.via = std::move(via);
    return out;
}

/// "direct", "block" or the upstream, with the number of the rule; "-" when no rule matches.
std::string way(const Routes &routes, const std::string &host, uint16_t port) {
    const auto route = routes.find(Subject(host, port));
    if (!route) {
        return "-";
    }
    const std::string to = route->kind == Route::Kind::block    ? "block"
                           : route->kind == Route::Kind::direct ? "direct"
                                                                : route->upstream->display();
    return to + " " + std::to_string(route->rule);
}

std::string problem(const Rules &rules) {
    const auto routes = Routes::parse(rules);
    return routes ? std::string() : routes.error().message;
}

/// A file that is gone at the end of the test.
struct TemporaryFile {
    explicit TemporaryFile(const std::string &content)
        : path((boost::filesystem::temp_directory_path() /
                boost::filesystem::unique_path("k2s-%%%%-%%%%"))
                   .string()) {
        std::FILE *file = std::fopen(path.c_str(), "wb");
        std::fwrite(content.data(), 1, content.size(), file);
        std::fclose(file);
    }
    ~TemporaryFile() { std::remove(path.c_str()); }
    std::string path;
};

} // namespace

BOOST_AUTO_TEST_SUITE(routes)

BOOST_AUTO_TEST_CASE(the_first_rule_that_matches_decides) {
    const auto parsed = Routes::parse({
        rule({".ads.test", "tracker.test"}, "block"),
        rule({"10.0.0.0/8", "fd00::/8", "<local>"}, "direct"),
        rule({":8443", "*.corp.test:8080"}, "socks5h://bastion:1080"),
        rule({"10.*.corp.test"}, "Block"),
        rule({"192.0.2.7", "corp.test"}, "https://proxy.test"),
        rule({"*"}, "http://other.test:3128"),
    });
    BOOST_REQUIRE(parsed.has_value());
    const Routes &table = *parsed;
    const std::vector<std::tuple<std::string, uint16_t, std::string>> cases{
        {"x.ads.test", 443, "block 1"},
        {"X.Ads.Test", 443, "block 1"},
        {"ads.test", 443, "http://other.test:3128 6"},
        {"tracker.test", 80, "block 1"},
        {"sub.tracker.test", 80, "block 1"},
        {"10.1.2.3", 80, "direct 2"},
        {"::ffff:10.1.2.3", 80, "direct 2"},
        {"fd00::5", 80, "direct 2"},
        {"intranet", 80, "direct 2"},
        {"example.com", 8443, "socks5://bastion:1080 3"},
        {"a.corp.test", 8080, "socks5://bastion:1080 3"},
        {"a.corp.test", 80, "https://proxy.test:443 5"},
        {"10.x.corp.test", 80, "block 4"},
        {"192.0.2.7", 80, "https://proxy.test:443 5"},
        {"192.0.2.8", 80, "http://other.test:3128 6"},
        {"localhost.", 80, "http://other.test:3128 6"},
    };
    for (const auto &[host, port, expected] : cases) {
        BOOST_CHECK_MESSAGE(way(table, host, port) == expected,
                            host << ":" << port << " goes " << way(table, host, port));
    }
}

BOOST_AUTO_TEST_CASE(without_a_matching_rule_the_upstream_and_its_bypass_list_hold) {
    Config config;
    config.forwardproxy = "http://corporate:3128";
    config.no_proxy = ".local";
    config.routes = {rule({"special.test"}, "direct"), rule({"bad.test"}, "block"),
                     rule({"svc.local"}, "http://second:3128")};
    const auto settings = Settings::check(config);
    BOOST_REQUIRE(settings.has_value());
    for (const bool connect : {false, true}) {
        const auto route = [&](const char *host) { return (*settings)->route(host, 80, connect); };
        BOOST_CHECK(route("special.test").kind == Route::Kind::direct);
        BOOST_CHECK(route("bad.test").kind == Route::Kind::block);
        BOOST_CHECK(route("BAD.test.").kind == Route::Kind::block); // no way round by a dot
        BOOST_CHECK_EQUAL(route("svc.local").upstream->host, "second");
        BOOST_CHECK(route("other.local").kind == Route::Kind::direct);
        BOOST_CHECK_EQUAL(route("other.local").item, ".local");
        BOOST_CHECK_EQUAL(route("127.0.0.1").item, "(loopback)");
        BOOST_CHECK_EQUAL(route("example.com").upstream->host, "corporate");
    }
}

BOOST_AUTO_TEST_CASE(a_name_does_not_lead_into_a_blocked_network) {
    const auto table = Routes::parse({rule({"10.1.0.0/16", "allowed.test"}, "direct"),
                                      rule({"10.0.0.0/8", "192.0.2.1:22"}, "block"),
                                      rule({"late.test"}, "direct")});
    BOOST_REQUIRE(table.has_value());
    const auto blocks = [&](const char *address, uint16_t port, size_t decided_by) {
        const auto parsed = k2s::parse_address(address);
        return table->find_block(*parsed, port, decided_by).kind == Route::Kind::block;
    };
    BOOST_CHECK(blocks("10.2.0.1", 80, 0));
    BOOST_CHECK(blocks("10.2.0.1", 80, 3));  // a later rule decided by name
    BOOST_CHECK(!blocks("10.2.0.1", 80, 1)); // an earlier one did
    BOOST_CHECK(!blocks("10.1.0.1", 80, 0)); // let through before the block
    BOOST_CHECK(blocks("192.0.2.1", 22, 0));
    BOOST_CHECK(!blocks("192.0.2.1", 80, 0));
    BOOST_CHECK(!blocks("192.0.2.2", 22, 0));
}

BOOST_AUTO_TEST_CASE(wrong_rules_are_named) {
    const auto names = [](const Rules &rules, const char *what) {
        const std::string message = problem(rules);
        BOOST_CHECK_MESSAGE(message.find(what) != std::string::npos, what << " in: " << message);
    };
    const Config::RouteRule good = rule({"a.test"}, "direct");
    names({good, rule({}, "direct")}, "rule 2 of routes: match needs");
    names({rule({"a.test", ""}, "direct")}, "rule 1 of routes: match: \"\" can never match");
    for (const char *item : {"10.0.0.0/33", "host:port", "[::1", "a/b", ":0x50", "fe80::1%eth0"}) {
        names({rule({item}, "direct")}, item);
    }
    names({rule({"a"}, "somewhere")}, "via must be direct, block or the URL");
    names({rule({"a"}, "ftp://proxy")}, "scheme");
    names({rule({"a"}, "http://u:s3cret@proxy")}, "credentials_file");
    BOOST_CHECK(problem({rule({"a"}, "http://u:s3cret@proxy")}).find("s3cret") ==
                std::string::npos);
    Config::RouteRule blocked = rule({"a"}, "block");
    blocked.credentials_file = "x";
    names({blocked}, "belong to an upstream");
    Config::RouteRule missing = rule({"a"}, "http://proxy");
    missing.credentials_file = "/nonexistent/credentials";
    names({missing}, "/nonexistent/credentials");
    Config::RouteRule roots = rule({"a"}, "https://proxy");
    roots.ca_file = "/nonexistent/roots.pem";
    names({roots}, "/nonexistent/roots.pem");
    names(Rules(Routes::k_max_rules + 1, good), "at most 1000");
    BOOST_CHECK_EQUAL(problem(Rules(Routes::k_max_rules, good)), "");
}

BOOST_AUTO_TEST_CASE(credentials_come_from_a_file_or_a_variable) {
    const TemporaryFile file("user name:p:ss word\r\nsecond line\n");
    UpstreamSpec spec{"http://proxy:1", "from:environment", file.path, {}};
    auto upstream = make_upstream(spec);
    BOOST_REQUIRE(upstream.has_value());
    BOOST_CHECK_EQUAL(upstream->user, "user name");
    BOOST_CHECK_EQUAL(upstream->password, "p:ss word");
    BOOST_CHECK_EQUAL(upstream->authorization, "Basic dXNlciBuYW1lOnA6c3Mgd29yZA==");
    spec.credentials_file.clear();
    BOOST_CHECK_EQUAL(make_upstream(spec)->user, "from");

    for (const std::string &bad : {std::string(), std::string("no colon"), std::string(":p"),
                                   std::string("a\tb:c"), std::string(5000, 'x') + ":y"}) {
        const TemporaryFile wrong(bad + "\n");
        spec.credentials_file = wrong.path;
        const auto refused = make_upstream(spec);
        BOOST_REQUIRE(!refused);
        BOOST_CHECK(refused.error().message.find(wrong.path) != std::string::npos);
    }
    // RFC 1929 has one byte for a length.
    const std::string name(256, 'n');
    BOOST_CHECK(!make_upstream({"socks5://proxy", name + ":p", {}, {}}));
    BOOST_CHECK(make_upstream({"http://proxy", name + ":p", {}, {}}));
    BOOST_CHECK_EQUAL(make_upstream({"socks5h://proxy", {}, {}, {}})->port, 1080);
}

BOOST_AUTO_TEST_SUITE_END()
