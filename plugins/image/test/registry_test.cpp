// SPDX-License-Identifier: MIT
#include "helpers.hpp"
#include "registry/auth.hpp"
#include "registry/proxy.hpp"
#include "registry/url.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(registry)

BOOST_AUTO_TEST_CASE(urls) {
    const auto url = must(Url::parse("https://r.example:5000/v2/?a=b#c"));
    BOOST_TEST(url.origin() == "https://r.example:5000");
    BOOST_TEST(url.target == "/v2/?a=b");
    BOOST_TEST(must(Url::parse("http://[::1]:80/x")).text() == "http://[::1]/x");
    const auto moved = [&](const std::string &to) { return must(url.resolve(to)).text(); };
    BOOST_TEST(moved("/up?x=1") == "https://r.example:5000/up?x=1");
    BOOST_TEST(moved("next") == "https://r.example:5000/v2/next");
    BOOST_TEST(moved("//cdn.example/b") == "https://cdn.example/b");
    BOOST_TEST(moved("http://cdn.example/b") == "http://cdn.example/b");
    for (const std::string wrong : {"ftp://a/", "https://", "https://a:0/", "https://a:x/",
                                    "https://u:p@a/", "https://a/b c", "a", "https://a/\r\nX: y"}) {
        BOOST_CHECK_MESSAGE(!Url::parse(wrong), wrong);
    }
    BOOST_TEST(encode_query("a:b/c d~") == "a%3Ab%2Fc%20d~");
}

ProxySettings settings(std::map<std::string, std::string> variables) {
    return must(ProxySettings::read([&](const char *name) { return variables[name]; }));
}

BOOST_AUTO_TEST_CASE(the_way_out) {
    const auto proxies = settings(
        {{"HTTPS_PROXY", "http://me:p%40ss@proxy:3128"},
         {"http_proxy", "other:8080"},
         {"NO_PROXY", "corp.example, .sub.example,10.0.0.0/8,r.example:5000,192.0.2.7,fd00::/8"}});
    const auto by = [&](const std::string &url) {
        const auto *proxy = proxies.proxy_for(must(Url::parse(url)));
        return proxy == nullptr ? std::string("directly") : proxy->host;
    };
    BOOST_TEST(by("https://a.example/") == "proxy");
    BOOST_TEST(by("http://a.example/") == "other");
    BOOST_TEST(by("https://corp.example/") == "directly");
    BOOST_TEST(by("https://x.Corp.example/") == "directly");
    BOOST_TEST(by("https://notcorp.example/") == "proxy");
    BOOST_TEST(by("https://sub.example/") == "proxy");
    BOOST_TEST(by("https://x.sub.example/") == "directly");
    BOOST_TEST(by("https://10.1.2.3/") == "directly");
    BOOST_TEST(by("https://11.1.2.3/") == "proxy");
    BOOST_TEST(by("https://192.0.2.7/") == "directly");
    BOOST_TEST(by("https://[fd00::1]/") == "directly");
    BOOST_TEST(by("https://r.example:5000/") == "directly");
    BOOST_TEST(by("https://r.example/") == "proxy");
    BOOST_TEST(by("https://localhost:5000/") == "directly");
    BOOST_TEST(by("https://127.0.0.2/") == "directly");
    BOOST_TEST(proxies.proxy_for(must(Url::parse("https://a/")))->authorization ==
               "Basic bWU6cEBzcw==");
    BOOST_TEST(settings({{"HTTPS_PROXY", "http://p:1"}, {"no_proxy", "*"}})
                   .proxy_for(must(Url::parse("https://a/"))) == nullptr);
    const auto wrong = ProxySettings::read([](const char *name) {
        return std::string(name) == "HTTPS_PROXY" ? std::string("socks5://u:secret@p:1")
                                                  : std::string();
    });
    CHECK_SAYS(error_of(wrong), "HTTPS_PROXY");
    BOOST_CHECK(!has(error_of(wrong), "secret"));
}

BOOST_AUTO_TEST_CASE(challenges) {
    const auto bearer = parse_challenges(
        R"(Basic realm="x", Bearer realm="https://auth.example/token",service="r, \"s\"",error=invalid_token)");
    BOOST_REQUIRE(bearer.has_value());
    BOOST_TEST(bearer->scheme == "bearer");
    BOOST_TEST(bearer->parameters.at("service") == "r, \"s\"");
    BOOST_TEST(bearer->parameters.at("error") == "invalid_token");
    BOOST_TEST(parse_challenges("Negotiate, Basic realm=x")->scheme == "basic");
    BOOST_CHECK(!parse_challenges("Negotiate"));
    BOOST_CHECK(!parse_challenges("Bearer"));
    BOOST_CHECK(!parse_challenges(""));
    BOOST_CHECK(!parse_challenges("Bearer realm=\""));
    BOOST_CHECK(!parse_challenges(",,,=\"\\"));
}

BOOST_AUTO_TEST_CASE(credentials_of_files) {
    const std::string file = R"({"auths":{
        "r.example":{"auth":"YTpi"}, "r.example/team":{"auth":"Yzpk"},
        "https://index.docker.io/v1/":{"identitytoken":"t"}, "broken":{"auth":"!!"}}})";
    BOOST_TEST(must(credentials_from(file, "r.example", "x"))->user == "a");
    BOOST_TEST(must(credentials_from(file, "r.example", "team/x"))->password == "d");
    BOOST_TEST(must(credentials_from(file, "docker.io", "library/x"))->identity_token == "t");
    BOOST_CHECK(!must(credentials_from(file, "other.example", "x")));
    CHECK_SAYS(error_of(credentials_from(file, "broken", "x")), "base64");
    CHECK_SAYS(error_of(credentials_from("[", "r.example", "x")), "no valid JSON");
    BOOST_CHECK(!must(credentials_from("{}", "r.example", "x")));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
