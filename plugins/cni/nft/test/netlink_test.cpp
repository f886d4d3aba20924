// SPDX-License-Identifier: MIT
// Messages and answers; what the kernel makes of them is in test/integration/cni_test.py.
#define BOOST_TEST_MODULE cni_netlink
#include <boost/test/included/unit_test.hpp>

#include "netlink/link.hpp"
#include "nft/transaction.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace k2s::cni {
namespace {

using namespace netlink;

Socket route_socket() {
    return std::move(Socket::open(NETLINK_ROUTE).value());
}

} // namespace

BOOST_AUTO_TEST_CASE(an_interface_as_the_kernel_tells_it) {
    Message message(RTM_NEWLINK, 0);
    auto &about = message.extra<ifinfomsg>();
    about.ifi_index = 7;
    about.ifi_flags = IFF_UP;
    const Mac mac{{0x02, 1, 2, 3, 4, 5}};
    message.put_text(IFLA_IFNAME, "port").put_u32(IFLA_MTU, 1400).put_u32(IFLA_MASTER, 3);
    message.put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
    message.nest(IFLA_LINKINFO, [&] {
        message.put_text(IFLA_INFO_KIND, "veth").put_text(IFLA_INFO_SLAVE_KIND, "bridge");
        message.nest(IFLA_INFO_SLAVE_DATA, [&] { message.put_u8(IFLA_BRPORT_MODE, 1); });
    });
    const Link link = read_link(message.header());
    BOOST_TEST(link.name == "port");
    BOOST_TEST(link.index == 7);
    BOOST_TEST(link.mtu == 1400);
    BOOST_TEST(link.master == 3);
    BOOST_TEST(link.kind == "veth");
    BOOST_TEST(link.hairpin.value());
    BOOST_TEST(!link.isolated.has_value());
    BOOST_TEST(link.mac.text() == "02:01:02:03:04:05");
    // Cut off anywhere it is read as far as it goes.
    const auto whole = message.header()->nlmsg_len;
    for (auto size = whole; size > sizeof(nlmsghdr); --size) {
        message.header()->nlmsg_len = size;
        BOOST_TEST(read_link(message.header()).name.size() <= 4);
    }
}

BOOST_AUTO_TEST_CASE(addresses_and_routes) {
    const std::array<uint8_t, 4> own{10, 1, 0, 2}, broadcast{10, 1, 0, 255};
    Message address(RTM_NEWADDR, 0);
    auto &about = address.extra<ifaddrmsg>();
    about.ifa_index = 4;
    about.ifa_prefixlen = 24;
    address.put(IFA_ADDRESS, broadcast.data(), 4).put(IFA_LOCAL, own.data(), 4);
    address.put_u32(IFA_FLAGS, IFA_F_TENTATIVE);
    const auto read = read_address(address.header());
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->prefix.text() == "10.1.0.2/24");
    BOOST_TEST(read->flags == IFA_F_TENTATIVE);
    Message none(RTM_NEWADDR, 0);
    none.extra<ifaddrmsg>();
    BOOST_TEST(!read_address(none.header()).has_value());

    Message route(RTM_NEWROUTE, 0);
    auto &way = route.extra<rtmsg>();
    way.rtm_family = AF_INET;
    way.rtm_type = RTN_UNICAST;
    route.put(RTA_GATEWAY, own.data(), 4).put_u32(RTA_OIF, 4).put_u32(RTA_TABLE, 1000);
    const auto one = read_route(route.header());
    BOOST_REQUIRE(one.has_value());
    BOOST_TEST(one->destination.text() == "0.0.0.0/0");
    BOOST_TEST(one->gateway->text() == "10.1.0.2");
    BOOST_TEST(one->table == 1000);
    way.rtm_type = RTN_LOCAL;
    BOOST_TEST(!read_route(route.header()).has_value());
}

BOOST_AUTO_TEST_CASE(mac_addresses) {
    BOOST_TEST(Mac::parse("02:aA:00-11:22:33")->text() == "02:aa:00:11:22:33");
    for (const char *bad :
         {"", "02:aa:00:11:22", "02:aa:00:11:22:3g", "02aa00112233", "02:aa:00:11:22:333"}) {
        BOOST_TEST(!Mac::parse(bad).has_value());
    }
    BOOST_TEST((Mac::random().bytes[0] & 3) == 2);
}

BOOST_AUTO_TEST_CASE(the_kernel_answers) {
    Socket socket = route_socket();
    const auto loopback = find_link(socket, "lo").value();
    BOOST_REQUIRE(loopback.has_value());
    BOOST_TEST(loopback->index == 1);
    BOOST_TEST(!find_link(socket, "no-such-link").value().has_value());
    BOOST_TEST(!list_links(socket, 0).value().empty());
}

BOOST_AUTO_TEST_CASE(a_refusal_says_what_and_why) {
    Socket socket = route_socket();
    Message message(RTM_SETLINK, NLM_F_ACK);
    message.extra<ifinfomsg>().ifi_index = 0x7ffffff0;
    Batch batch;
    batch.add(message, "set up the interface gone");
    const auto sent = socket.send(batch);
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().message.find("cannot set up the interface gone: ") == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_not_sent) {
    Message message(RTM_NEWLINK, NLM_F_ACK);
    message.extra<ifinfomsg>();
    const std::string much(1000, 'x');
    for (int i = 0; i < 1000 && message.fits(); ++i) {
        message.put_text(IFLA_IFALIAS, much);
    }
    BOOST_TEST(!message.fits());
    Batch batch;
    batch.add(message, "say too much");
    Socket socket = route_socket();
    BOOST_TEST(!socket.send(batch));
}

// What is compared is not what the kernel was given, but a text of it.
BOOST_AUTO_TEST_CASE(rules_as_text) {
    const auto rule = [](uint8_t last) {
        return nft::text_of([last](nft::Expressions &expressions) {
            const std::array<uint8_t, 4> address{10, 1, 0, last};
            expressions.network_header(12, address.size());
            expressions.equal(address.data(), address.size());
            expressions.verdict(NF_DROP);
        });
    };
    BOOST_TEST(rule(2) == rule(2));
    BOOST_TEST(rule(2) != rule(3));
    BOOST_TEST(nft::Transaction().empty());
}

} // namespace k2s::cni
