// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>

#include "plan/pods.hpp"

using namespace k2s;
using namespace k2s::network;
namespace files = boost::filesystem;

namespace {

struct Cache {
    files::path folder = files::temp_directory_path() / files::unique_path("k2s-results-%%%%%%%%");

    Cache() {
        files::create_directories(folder);
        add("a", "shop", "cart", "172.20.1.9/24");
        add("b", "shop", "db", "172.20.0.7/24");
        add("c", "test", "cart", "172.20.1.10/24");
        write("broken", "{\"result\": {");
        write("other", R"({"kind": "cniCacheV1", "result": {"ips": 5}})");
    }
    ~Cache() {
        boost::system::error_code ignored;
        files::remove_all(folder, ignored);
    }
    void write(const std::string &name, const std::string &text) {
        files::ofstream(folder / name, std::ios::binary) << text;
    }
    void add(const std::string &id, const std::string &name_space, const std::string &name,
             const std::string &address) {
        write("net-" + id + "-eth0", R"({"kind": "cniCacheV1", "containerId": ")" + id +
                                         R"(0000000000000000", "ifName": "eth0",
            "networkName": "net", "cniArgs": [["IgnoreUnknown", "1"],
            ["K8S_POD_NAMESPACE", ")" + name_space +
                                         R"("], ["K8S_POD_NAME", ")" + name +
                                         R"("]], "result": {"cniVersion": "1.0.0",
            "interfaces": [{"name": "cbr"}, {"name": "veth1"}, {"name": "eth0", "sandbox": "/x"}],
            "ips": [{"address": ")" + address +
                                         R"(", "interface": 2},
                    {"address": "fd00::9/64", "interface": 2}]}})");
    }
    std::vector<Pod> pods() const { return cached_pods(folder.string()); }
};

int32_t refused(const std::vector<std::string> &words, const std::vector<Pod> &pods) {
    const auto ends = find_ends(words, pods);
    BOOST_REQUIRE(!ends);
    return ends.error().code;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pods, Cache)

BOOST_AUTO_TEST_CASE(ends_by_name) {
    const auto known = this->pods();
    BOOST_TEST(known.size() == 3U);
    for (const char *word : {"shop/cart", "a00000", "172.20.1.9"}) {
        BOOST_TEST_CONTEXT(word) {
            const auto ends = find_ends({word, "db"}, known);
            BOOST_REQUIRE_MESSAGE(ends, ends.error().message);
            BOOST_TEST(ends->first.address.text() == "172.20.1.9");
            BOOST_TEST(ends->first.pod->text() == "shop/cart");
            BOOST_TEST((ends->first.pod->ports == std::vector<std::string>{"cbr", "veth1"}));
            BOOST_TEST(ends->second.address.text() == "172.20.0.7");
        }
    }
    const auto outside = find_ends({"db", "2001:db8::1"}, known);
    BOOST_REQUIRE(outside);
    BOOST_TEST(outside->first.address.text() == "fd00::9"); // of the other end's family
    BOOST_TEST(outside->second.pod == nullptr);
}

BOOST_AUTO_TEST_CASE(ends_that_are_none) {
    const auto known = this->pods();
    BOOST_TEST(refused({}, known) == K2S_E_USAGE);
    BOOST_TEST(refused({"db"}, known) == K2S_E_USAGE);
    BOOST_TEST(refused({"cart", "db"}, known) == K2S_E_USAGE); // which one?
    BOOST_TEST(refused({"shop/car", "db"}, known) == K2S_E_NOT_FOUND);
    BOOST_TEST(refused({"a00", "db"}, known) == K2S_E_NOT_FOUND); // too little of an id
    BOOST_TEST(refused({"10.0.0.1", "::1"}, known) == K2S_E_USAGE);
    BOOST_TEST(cached_pods((folder / "none").string()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
