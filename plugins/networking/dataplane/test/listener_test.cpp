// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <memory>
#include <string>

#include "dataplane/listener.hpp"

using namespace k2s::dataplane;

namespace {

class Silent final : public Observer {
  public:
    void on_log(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

} // namespace

BOOST_AUTO_TEST_SUITE(listeners)

BOOST_AUTO_TEST_CASE(addresses_are_read) {
    struct {
        const char *text, *host;
        uint16_t port;
    } const good[] = {
        {"127.0.0.1:8181", "127.0.0.1", 8181},
        {":80", "", 80},
        {"*:80", "", 80},
        {"[::1]:0", "::1", 0},
        {"host:1", "host", 1},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
    };
    for (const auto &c : good) {
        const auto address = ListenAddress::parse(c.text);
        BOOST_REQUIRE_MESSAGE(address.has_value(), c.text);
        BOOST_CHECK_EQUAL(address->host, c.host);
        BOOST_CHECK_EQUAL(address->port, c.port);
        BOOST_CHECK(address->place.here());
        BOOST_CHECK(!address->unix_socket);
    }
    for (const char *text : {"", "80", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80",
                             "[::1]80", "[::1", "[host]:80", "[netns:]:80", "[netns:x:80",
                             "[compartment:0]:80", "unix://", "unix://relative", "unix:///x?y=1"}) {
        const auto address = ListenAddress::parse(text);
        BOOST_REQUIRE_MESSAGE(!address, text);
        BOOST_CHECK_MESSAGE(address.error().message.find(std::string("\"") + text + "\"") !=
                                std::string::npos,
                            address.error().message);
    }
}

BOOST_AUTO_TEST_CASE(a_taken_port_is_busy_and_changes_nothing) {
    net::io_context io(1);
    ListenerSet set(io, std::make_shared<Silent>(), {.accepted = {}, .shortage = {}});
    BOOST_REQUIRE(set.set({*ListenAddress::parse("127.0.0.1:0")}));
    const std::string mine = set.listeners().at(0)->text();
    ListenerSet other(io, std::make_shared<Silent>(), {.accepted = {}, .shortage = {}});
    const auto taken = other.set({*ListenAddress::parse(mine)});
    BOOST_REQUIRE(!taken);
    BOOST_CHECK_EQUAL(taken.error().code, K2S_E_BUSY);
    BOOST_CHECK(other.listeners().empty());
}

BOOST_AUTO_TEST_SUITE_END()
