// SPDX-License-Identifier: MIT
// What a failed ADD takes back of what pods share, in a network namespace of the test's own.
// Kernels without VLAN filtering as well: the port of a VLAN's gateway is the same, only its VLAN
// is not set.
#define BOOST_TEST_MODULE cni_bridge_ports
#include <boost/test/included/unit_test.hpp>

#include <cstdlib>
#include <optional>
#include <sched.h>

#include <boost/filesystem.hpp>

#include "bridge/linux/ports.hpp"

namespace k2s::cni {
namespace {

namespace fs = boost::filesystem;
using netlink::Link;
using netlink::NetworkNamespace;

boost::test_tools::assertion_result can_unshare(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result can = unshare(CLONE_NEWNET) == 0;
    can.message() << "network namespaces need root";
    return can;
}

/// A node: a new network namespace, and a folder for the lock.
struct Node {
    Node() { fs::create_directories(folder); }
    ~Node() { fs::remove_all(folder); }

    std::vector<std::string> addresses(const std::string &name) {
        std::vector<std::string> texts;
        const auto link = netlink::find_link(socket, name).value();
        if (!link) {
            return {"no interface"};
        }
        const auto list = netlink::list_addresses(socket, link->index).value();
        for (const auto &one : list) {
            if (one.prefix.address.is_v4()) {
                texts.push_back(one.prefix.text());
            }
        }
        return texts;
    }
    bool has(const std::string &name) {
        return netlink::find_link(socket, name).value().has_value();
    }

    fs::path folder = fs::temp_directory_path() / fs::unique_path();
    netlink::Socket socket = std::move(netlink::Socket::open(NETLINK_ROUTE).value());
    NetworkNamespace here = std::move(NetworkNamespace::current().value());
};

/// The part of an ADD that is about the bridge. At its end it fails, unless it was kept.
struct Add {
    Add(Node &node, const BridgeConfig &config, const std::string &pod)
        : node(node), config(config), ports(node.socket, this->config, node.folder.string()) {
        bridge = ports.ensure_bridge(journal).value();
        BOOST_REQUIRE(ports.add_pair(*bridge, {"h" + pod, "c" + pod, pod}, node.here, journal));
    }
    void gateway(const std::string &address) {
        const Link link = ports.gateway_interface(*bridge, node.here).value();
        BOOST_REQUIRE(ports.ensure_address(link, *Prefix::parse(address)));
    }

    Node &node;
    const BridgeConfig config;
    Ports ports;
    std::optional<Link> bridge;
    Journal journal;
};

BridgeConfig config(uint16_t vlan = 0) {
    BridgeConfig made;
    made.bridge = "cbr";
    made.gateway = made.force_address = true;
    made.vlan = vlan;
    return made;
}

void ip(const std::string &arguments) {
    BOOST_REQUIRE(std::system(("ip " + arguments).c_str()) == 0);
}

using Texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(ports, *boost::unit_test::precondition(can_unshare))

BOOST_AUTO_TEST_CASE(an_address_goes_and_the_old_one_comes_back) {
    BOOST_REQUIRE(unshare(CLONE_NEWNET) == 0);
    Node node;
    ip("link add cbr type bridge");
    ip("link set cbr up");
    ip("link add uplink type veth peer name far");
    ip("link set uplink master cbr");
    ip("addr add 192.168.55.1/24 dev cbr label cbr:0 valid_lft 9000 preferred_lft 8000");
    ip("route add 10.99.0.0/16 via 192.168.55.254");
    {
        Add failing(node, config(), "a");
        failing.gateway("10.78.0.1/24");
        BOOST_TEST(node.addresses("cbr") == Texts{"10.78.0.1/24"},
                   boost::test_tools::per_element());
    }
    BOOST_TEST(node.addresses("cbr") == Texts{"192.168.55.1/24"}, boost::test_tools::per_element());
    ip("route del 10.99.0.0/16 via 192.168.55.254 dev cbr");
    ip("addr del 192.168.55.1/24 dev cbr label cbr:0");
    {
        Add failing(node, config(), "a");
        failing.gateway("10.78.0.1/24");
    }
    BOOST_TEST(node.addresses("cbr").empty());
    BOOST_TEST(!node.has("ha"));
}

BOOST_AUTO_TEST_CASE(an_address_that_another_pod_came_to_use_stays) {
    BOOST_REQUIRE(unshare(CLONE_NEWNET) == 0);
    Node node;
    ip("link add cbr type bridge");
    for (const bool before : {true, false}) {
        std::optional<Add> other;
        if (before) { // its port is there already, but not yet its gateway
            other.emplace(node, config(), "b");
        }
        {
            Add failing(node, config(), "a");
            failing.gateway("10.78.0.1/24");
            if (!before) {
                other.emplace(node, config(), "b");
            }
            other->gateway("10.78.0.1/24");
            other->journal.keep();
            other.reset();
        }
        BOOST_TEST(node.addresses("cbr") == Texts{"10.78.0.1/24"},
                   boost::test_tools::per_element());
        ip("link del hb");
        ip("addr flush dev cbr");
    }
}

BOOST_AUTO_TEST_CASE(the_gateway_of_a_vlan_goes_unless_another_pod_came_to_use_it) {
    BOOST_REQUIRE(unshare(CLONE_NEWNET) == 0);
    Node node;
    ip("link add cbr type bridge");
    {
        Add failing(node, config(100), "a");
        failing.gateway("10.78.0.1/24");
        BOOST_TEST(node.has("cbr.100"));
    }
    BOOST_TEST(!node.has("cbr.100"));
    {
        Add failing(node, config(100), "a");
        failing.gateway("10.78.0.1/24");
        Add other(node, config(100), "b");
        other.gateway("10.78.0.1/24");
        other.journal.keep();
    }
    BOOST_TEST(node.addresses("cbr.100") == Texts{"10.78.0.1/24"},
               boost::test_tools::per_element());
    BOOST_TEST(!node.has("ha"));
    BOOST_TEST(node.has("hb"));
    { // the one that is there already gets its address back
        Add failing(node, config(100), "a");
        failing.gateway("10.79.0.1/24");
    }
    BOOST_TEST(node.addresses("cbr.100") == Texts{"10.78.0.1/24"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
