// SPDX-License-Identifier: MIT
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "folder.hpp"

namespace k2s::cni {
namespace {

namespace fs = boost::filesystem;

const std::string k_simple = R"({"type": "host-local", "subnet": "10.1.0.0/24"})";

std::string refusal(const std::string &ipam, const Json &more = {}) {
    const Folder folder;
    const auto result = HostLocal(folder.places()).add(request(ipam, "pod", more));
    BOOST_REQUIRE_MESSAGE(!result, ipam);
    if (fs::exists(folder.network)) {
        for (const auto &entry : fs::directory_iterator(folder.network)) {
            BOOST_TEST(!Address::parse(entry.path().filename().string()).has_value());
        }
    }
    return result.error().message;
}

/// The addresses that an ADD gives, with spaces between.
std::string added(const Folder &folder, const Request &from) {
    std::string texts;
    const auto result = HostLocal(folder.places()).add(from).value();
    for (const auto &ip : result.ips) {
        texts += (texts.empty() ? "" : " ") + ip.address.text();
    }
    return texts;
}

using Texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(host_local)

BOOST_AUTO_TEST_CASE(a_container_gets_one_address_of_each_set) {
    const Folder folder;
    const auto ipam = R"({"ranges": [[{"subnet": "10.1.0.0/30"}, {"subnet": "10.2.0.0/24"}],
                                     [{"subnet": "fd00::/64", "rangeStart": "fd00::10"}]]})";
    BOOST_TEST(added(folder, request(ipam, "a")) == "10.1.0.2/30 fd00::10/64");
    BOOST_TEST(added(folder, request(ipam, "b")) == "10.2.0.2/24 fd00::11/64");
}

BOOST_AUTO_TEST_CASE(the_result_has_routes_gateway_and_dns) {
    const Folder folder;
    std::ofstream((folder.root / "resolv.conf").string())
        << "# comment\nnameserver 10.0.0.10\nsearch a b\noptions ndots:5\ndomain d\n";
    const auto result = HostLocal(folder.places())
                            .add(request(R"({"subnet": "10.1.0.0/24", "gateway": "10.1.0.9",
                             "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.1.1/8", "gw": "10.1.0.7"}],
                             "resolvConf": ")" +
                                         (folder.root / "resolv.conf").generic_string() + "\"}"))
                            .value();
    BOOST_TEST(result.ips.front().gateway->text() == "10.1.0.9");
    BOOST_TEST(result.routes.size() == 2U);
    BOOST_TEST(result.routes[1].destination.text() == "10.0.0.0/8");
    BOOST_TEST(result.dns.nameservers == (Texts{"10.0.0.10"}));
    BOOST_TEST(result.dns.search == (Texts{"a", "b"}));
    BOOST_TEST(result.dns.options == (Texts{"ndots:5"}));
    BOOST_TEST(result.dns.domain == "d");
}

BOOST_AUTO_TEST_CASE(addresses_can_be_asked_for) {
    const Folder folder;
    Request from = request(k_simple, "a");
    from.args = "IgnoreUnknown=1;IP=10.1.0.77";
    BOOST_TEST(added(folder, from) == "10.1.0.77/24");
    BOOST_TEST(
        added(folder, request(k_simple, "b", {{"args", {{"cni", {{"ips", {"10.1.0.78"}}}}}}})) ==
        "10.1.0.78/24");
    BOOST_TEST(
        added(folder, request(k_simple, "c", {{"runtimeConfig", {{"ips", {"10.1.0.79/24"}}}}})) ==
        "10.1.0.79/24");
    const auto taken =
        HostLocal(folder.places())
            .add(request(k_simple, "d", {{"runtimeConfig", {{"ips", {"10.1.0.79"}}}}}));
    BOOST_TEST(taken.error().message.find("is not available") != std::string::npos);
    BOOST_TEST(refusal(k_simple, {{"runtimeConfig", {{"ips", {"10.1.0.1"}}}}}).find("gateway") !=
               std::string::npos);
    BOOST_TEST(refusal(k_simple, {{"runtimeConfig", {{"ips", {"10.7.0.1"}}}}}).find("10.7.0.1") !=
               std::string::npos);
    BOOST_TEST(refusal(k_simple, {{"runtimeConfig", {{"ips", {"ten"}}}}}).find("ten") !=
               std::string::npos);
    BOOST_TEST(
        added(folder,
              request(k_simple, "e",
                      {{"runtimeConfig",
                        {{"ipRanges", Json::parse(R"([[{"subnet": "10.5.0.0/24"}]])")}}}})) ==
        "10.5.0.2/24 10.1.0.2/24");
}

BOOST_AUTO_TEST_CASE(a_second_address_is_refused_until_the_first_is_returned) {
    const Folder folder;
    const HostLocal plugin(folder.places());
    BOOST_TEST(plugin.add(request(k_simple)).has_value());
    BOOST_TEST(plugin.add(request(k_simple)).error().message.find("duplicate") !=
               std::string::npos);
    BOOST_TEST(plugin.check(request(k_simple)).has_value());
    BOOST_TEST(plugin.del(request(k_simple)).has_value());
    BOOST_TEST(plugin.del(request(k_simple)).has_value());
    BOOST_TEST(!plugin.check(request(k_simple)).has_value());
    BOOST_TEST(plugin.add(request(k_simple)).has_value());
}

BOOST_AUTO_TEST_CASE(an_exhausted_set_gives_back_the_others) {
    const Folder folder;
    const HostLocal plugin(folder.places());
    const auto ipam = R"({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/30"}]]})";
    BOOST_TEST(plugin.status(request(ipam)).has_value());
    BOOST_TEST(plugin.add(request(ipam, "a")).has_value());
    const auto failed = plugin.add(request(ipam, "b"));
    BOOST_TEST(failed.error().message.find("range 1: no IP addresses available") !=
               std::string::npos);
    BOOST_TEST(!fs::exists(folder.network + "/10.1.0.3"));
    BOOST_TEST(plugin.status(request(ipam)).error().code == k_unavailable);
}

BOOST_AUTO_TEST_CASE(nothing_is_made_by_a_delete) {
    const Folder folder;
    BOOST_TEST(HostLocal(folder.places()).del(request(k_simple)).has_value());
    BOOST_TEST(!fs::exists(folder.network));
}

BOOST_AUTO_TEST_CASE(wrong_ranges_are_named) {
    for (const auto &[ipam, words] : std::initializer_list<std::pair<const char *, const char *>>{
             {"{}", "no IP ranges"},
             {R"({"subnet": "10.0.0.0"})", "CIDR"},
             {R"({"subnet": "10.0.0.1/24"})", "host bits"},
             {R"({"subnet": "10.0.0.0/31"})", "too small"},
             {R"({"subnet": "fd00::/127"})", "too small"},
             {R"({"subnet": "10.0.0.0/24", "rangeStart": "10.0.1.0"})", "rangeStart"},
             {R"({"subnet": "10.0.0.0/24", "rangeEnd": "fd00::1"})", "rangeEnd"},
             {R"({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.8"})",
              "after"},
             {R"({"subnet": "10.0.0.0/24", "gateway": "x"})", "gateway"},
             {R"({"subnet": "10.0.0.0/24", "gateway": "fd00::1"})", "address family"},
             {R"({"subnet": "fd00::/64", "gateway": "10.0.0.1"})", "address family"},
             {R"({"ranges": [[]]})", "at least one"},
             {R"({"ranges": [{"subnet": "10.0.0.0/24"}]})", "list"},
             {R"({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]]})", "mixes"},
             {R"({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.0.0/16"}]]})", "overlap"},
             {R"({"ranges": [[{"subnet": "10.0.0.0/24"}], [{"subnet": "10.0.0.0/16"}]]})",
              "overlaps with 0"},
             {R"({"subnet": "10.0.0.0/24", "resolvConf": "/nowhere"})", "/nowhere"},
             {R"({"subnet": "10.0.0.0/24", "routes": [{"gw": "10.0.0.1"}]})", "dst"}}) {
        const auto said = refusal(ipam);
        BOOST_TEST(said.find(words) != std::string::npos, ipam << ": " << said);
    }
    Request without = request(k_simple);
    without.config.erase("ipam");
    BOOST_TEST(HostLocal(Folder().places()).add(without).error().code == k_bad_config);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
