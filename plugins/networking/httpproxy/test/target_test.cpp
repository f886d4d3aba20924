// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "target.hpp"
#include "upstream.hpp"

using namespace k2s::httpproxy;

BOOST_AUTO_TEST_SUITE(targets)

BOOST_AUTO_TEST_CASE(absolute_form) {
    struct {
        const char *text, *host, *authority, *path;
        unsigned port;
    } const cases[] = {
        {"http://example.com/a?b=c", "example.com", "example.com", "/a?b=c", 80},
        {"HTTP://Example.com:8080", "Example.com", "Example.com:8080", "/", 8080},
        {"http://h?q", "h", "h", "?q", 80},
        {"ws://h/chat", "h", "h", "/chat", 80},
        {"http://[2001:db8::1]:81/x", "2001:db8::1", "[2001:db8::1]:81", "/x", 81},
        {"http://[::1]", "::1", "[::1]", "/", 80},
        {"http://my_host./", "my_host.", "my_host.", "/", 80},
        {"http://10.0.0.7.nip.test/", "10.0.0.7.nip.test", "10.0.0.7.nip.test", "/", 80},
        {"http://1.2.3.4a/", "1.2.3.4a", "1.2.3.4a", "/", 80},
        {"http://xn--bcher-kva.test/", "xn--bcher-kva.test", "xn--bcher-kva.test", "/", 80},
    };
    for (const auto &c : cases) {
        const auto target = parse_absolute_target(c.text, "GET");
        BOOST_REQUIRE_MESSAGE(target.has_value(), c.text);
        BOOST_CHECK_EQUAL(target->host, c.host);
        BOOST_CHECK_EQUAL(target->authority, c.authority);
        BOOST_CHECK_EQUAL(target->path, c.path);
        BOOST_CHECK_EQUAL(target->port, c.port);
    }
    BOOST_CHECK_EQUAL(parse_absolute_target("http://h", "OPTIONS")->path, "*");
}

BOOST_AUTO_TEST_CASE(absolute_form_that_is_refused) {
    struct {
        const char *text;
        TargetError error;
    } const cases[] = {
        {"/path", TargetError::origin_form},
        {"*", TargetError::origin_form},
        {"example.com/", TargetError::scheme},
        {"ftp://h/", TargetError::scheme},
        {"https://h/", TargetError::https_scheme},
        {"http://user:pw@h/", TargetError::user_information},
        {"http://h@evil/", TargetError::user_information},
        {"http:///x", TargetError::host},
        {"http://h%2e/", TargetError::host},
        {"http://\xc3\xbc/", TargetError::host},
        {"http://a..b/", TargetError::host},
        {"http://.a/", TargetError::host},
        {"http://-a/", TargetError::host},
        {"http://[::1/", TargetError::host},
        {"http://[::1]x/", TargetError::host},
        {"http://[127.0.0.1]/", TargetError::host},
        {"http://[fe80::1%251]/", TargetError::host},
        {"http://0177.0.0.1/", TargetError::host},
        {"http://0x7f.1/", TargetError::host},
        {"http://2130706433/", TargetError::host},
        {"http://0x7f000001/", TargetError::host},
        {"http://127.1/", TargetError::host},
        {"http://127.0.0.1./", TargetError::host},
        {"http://256.1.1.1/", TargetError::host},
        {"http://a.0x1f/", TargetError::host},
        {"http://h:0/", TargetError::port},
        {"http://h:/", TargetError::port},
        {"http://h:65536/", TargetError::port},
        {"http://h:8o/", TargetError::port},
        {"http://h:80:80/", TargetError::port},
        {"http://h/#f", TargetError::fragment},
    };
    for (const auto &c : cases) {
        const auto target = parse_absolute_target(c.text, "GET");
        BOOST_REQUIRE_MESSAGE(!target, c.text);
        BOOST_CHECK_MESSAGE(target.error() == c.error, c.text << ": " << describe(target.error()));
    }
}

BOOST_AUTO_TEST_CASE(connect_form) {
    const auto target = parse_connect_target("[2001:db8::1]:443");
    BOOST_REQUIRE(target.has_value());
    BOOST_CHECK_EQUAL(target->host, "2001:db8::1");
    BOOST_CHECK_EQUAL(target->port, 443);
    for (const char *text : {"h", "h:", "h:0", ":443", "h:99999", "http://h:80", "u@h:443",
                             "h:443/", "/", "[::1]", "::1:443", "h h:1"}) {
        BOOST_CHECK_MESSAGE(!parse_connect_target(text), text);
    }
}

BOOST_AUTO_TEST_CASE(upstream_urls) {
    struct {
        const char *url, *display, *authorization;
    } const cases[] = {
        {"http://proxy:3128", "http://proxy:3128", ""},
        {"proxy:3128", "http://proxy:3128", ""},
        {"proxy", "http://proxy:80", ""},
        {"https://proxy/", "https://proxy:443", ""},
        {" HTTP://proxy:1 ", "http://proxy:1", ""},
        {"http://[::1]:3128", "http://[::1]:3128", ""},
        {"http://user:pass@proxy:3128", "http://proxy:3128", "Basic dXNlcjpwYXNz"},
        {"http://user@proxy:3128", "http://proxy:3128", "Basic dXNlcjo="},
        {"http://u%40d:p%3A%2F@proxy:3128", "http://proxy:3128", "Basic dUBkOnA6Lw=="},
        {"http://u:p@q@proxy:3128", "http://proxy:3128", "Basic dTpwQHE="},
    };
    for (const auto &c : cases) {
        const auto upstream = Upstream::parse(c.url);
        BOOST_REQUIRE_MESSAGE(upstream.has_value(), c.url);
        BOOST_CHECK_EQUAL(upstream->display(), c.display);
        BOOST_CHECK_EQUAL(upstream->authorization, c.authorization);
    }
}

BOOST_AUTO_TEST_CASE(upstream_urls_that_are_refused_without_telling_the_secret) {
    for (const char *url :
         {"", "http://", "ftp://u:s3cret@h:1", "http://u:s3cret@h:0", "http://u:s3cret@h:x",
          "http://u:s3cret%0d@h:1", "http://u:s3cret%4@h:1", "http://u%3Ax:s3cret@h:1",
          "http://u:s3cret@h/path", "http://u:s3cret@http://h:1", "http://u:s3cret@"}) {
        const auto upstream = Upstream::parse(url);
        BOOST_REQUIRE_MESSAGE(!upstream, url);
        BOOST_CHECK(upstream.error().message.find("s3cret") == std::string::npos);
        BOOST_CHECK_EQUAL(upstream.error().code, K2S_E_USAGE);
    }
}

BOOST_AUTO_TEST_SUITE_END()
