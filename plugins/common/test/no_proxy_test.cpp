// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <k2s/sdk/read_file.hpp>

#include "../no_proxy.hpp"
#include "../text.hpp"

using namespace k2s;

namespace {

std::string read_file(const std::string &path) {
    std::string text;
    k2s::read_file(path, SIZE_MAX, text);
    return text;
}

std::vector<std::string> split(const std::string &text, char at) {
    std::vector<std::string> out(1);
    for (const char c : text) {
        if (c == at) {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(no_proxy)

// The same decisions as golang.org/x/net/http/httpproxy: test/conformance/noproxy made the table.
BOOST_AUTO_TEST_CASE(agrees_with_the_go_oracle) {
    const auto &suite = boost::unit_test::framework::master_test_suite();
    BOOST_REQUIRE_MESSAGE(suite.argc == 2, "give the path of cases.tsv");
    const std::vector<std::string> lines = split(read_file(suite.argv[1]), '\n');
    BOOST_REQUIRE_MESSAGE(lines.size() > 100, "cannot read " << suite.argv[1]);
    const std::vector<std::string> hosts = split(split(lines[0], '\t').at(2), ' ');
    size_t checked = 0;
    for (size_t i = 1; i < lines.size() && !lines[i].empty(); ++i) {
        const std::vector<std::string> columns = split(lines[i], '\t');
        BOOST_REQUIRE_EQUAL(columns.size(), 3U);
        const NoProxy list(columns[0]);
        const auto port = parse_decimal<uint16_t>(columns[1]);
        const std::vector<std::string> direct = split(columns[2], ' ');
        for (const std::string &host : hosts) {
            const bool expected = std::find(direct.begin(), direct.end(), host) != direct.end();
            BOOST_CHECK_MESSAGE(list.bypass(host, port.value()) == expected,
                                "NO_PROXY=\"" << columns[0] << "\" host " << host << " port "
                                              << columns[1] << " should be "
                                              << (expected ? "direct" : "proxied"));
            ++checked;
        }
    }
    BOOST_CHECK_GE(checked, 5000U);
}

BOOST_AUTO_TEST_CASE(wildcards_at_any_place) {
    const NoProxy list("10.*,db*.corp,*-int,a*b*c:8080");
    BOOST_CHECK(list.bypass("10.2.3.4", 80));
    BOOST_CHECK(!list.bypass("110.2.3.4", 80));
    BOOST_CHECK(list.bypass("db.corp", 80));
    BOOST_CHECK(list.bypass("DB17.Corp", 443));
    BOOST_CHECK(!list.bypass("db17.corp.com", 443));
    BOOST_CHECK(list.bypass("web-int", 1));
    BOOST_CHECK(!list.bypass("web-int.com", 1));
    BOOST_CHECK(list.bypass("aXbXbXc", 8080));
    BOOST_CHECK(list.bypass("abc", 8080));
    BOOST_CHECK(!list.bypass("abc", 8081));
    BOOST_CHECK(!list.bypass("acb", 8080));
}

BOOST_AUTO_TEST_CASE(local_means_names_without_a_dot) {
    const NoProxy list("<local>");
    BOOST_CHECK(list.bypass("intranet", 80));
    BOOST_CHECK(!list.bypass("intranet.corp", 80));
    BOOST_CHECK(!list.bypass("10.1.2.3", 80));
    BOOST_CHECK(!list.bypass("fd00::1", 80));
}

BOOST_AUTO_TEST_CASE(items_that_can_never_match_are_reported) {
    const NoProxy list("good.example,:80,x:port,b\xc3\xbc"
                       "cher.example,fe80::1%eth0");
    BOOST_CHECK_GE(list.ignored().size(), 3U);
    BOOST_CHECK_EQUAL(list.ignored().front(), ":80");
    BOOST_CHECK(list.bypass("good.example", 80));
    BOOST_CHECK(!list.bypass("x", 80));
}

BOOST_AUTO_TEST_SUITE_END()
