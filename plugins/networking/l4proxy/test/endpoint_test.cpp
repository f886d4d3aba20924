// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <string>

#include "l4proxy/endpoint.hpp"

using namespace k2s::l4proxy;
using Transport = EndpointUrl::Transport;

#ifdef _WIN32
#define KIND "compartment"
#define PLACE "[" KIND ":7]"
#define FOREIGN "[netns:web]"
#else
#define KIND "netns"
#define PLACE "[" KIND ":web]"
#define FOREIGN "[compartment:7]"
#endif

BOOST_AUTO_TEST_SUITE(endpoints)

BOOST_AUTO_TEST_CASE(are_read) {
    struct {
        const char *text;
        Transport transport;
        const char *place, *host;
        uint16_t port;
    } const cases[] = {
        {"tcp://:80", Transport::tcp, "", "", 80},
        {"tcp://10.0.0.5:5432", Transport::tcp, "", "10.0.0.5", 5432},
        {"tcp://[::1]:80", Transport::tcp, "", "::1", 80},
        {"tcp://[fe80::1%1]:80", Transport::tcp, "", "fe80::1%1", 80},
        {"tcp://db.example.com:5432", Transport::tcp, "", "db.example.com", 5432},
        {"udp://my_name:53", Transport::udp, "", "my_name", 53},
        {"tcp://" PLACE ":80", Transport::tcp, PLACE, "", 80},
        {"tcp://" PLACE "10.0.0.5:65535", Transport::tcp, PLACE, "10.0.0.5", 65535},
        {"udp://" PLACE "[::1]:1", Transport::udp, PLACE, "::1", 1},
        {"tcp://" PLACE "name:80", Transport::tcp, PLACE, "name", 80},
    };
    for (const auto &c : cases) {
        for (const auto &url :
             {EndpointUrl::parse_target(c.text), EndpointUrl::parse_listen(c.text)}) {
            BOOST_REQUIRE_MESSAGE(url.has_value(), url.error().message);
            BOOST_CHECK(url->transport == c.transport);
            BOOST_CHECK_EQUAL(url->place.text(), c.place);
            BOOST_CHECK_EQUAL(url->host, c.host);
            BOOST_CHECK_EQUAL(url->port, c.port);
            BOOST_CHECK_EQUAL(url->text, c.text);
            BOOST_CHECK(!url->unix_socket);
        }
    }
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
    const std::string long_name = "tcp://" + std::string(254, 'a') + ":80";
    const std::string with_nul("tcp://a\0b:80", 12);
    for (const std::string &text : {std::string(),
                                    std::string("80"),
                                    std::string("host:80"),
                                    std::string("http://host:80"),
                                    std::string("TCP://host:80"),
                                    std::string("tcp:host:80"),
                                    std::string("tcp://"),
                                    std::string("tcp://host"),
                                    std::string("tcp://host:"),
                                    std::string("tcp://host:http"),
                                    std::string("tcp://host:65536"),
                                    std::string("tcp://host:-1"),
                                    std::string("tcp://host:+1"),
                                    std::string("tcp://host:80 "),
                                    std::string("tcp://host:80/"),
                                    std::string("tcp:///x:80"),
                                    std::string("tcp://::1:80"),
                                    std::string("tcp://[::1:80"),
                                    std::string("tcp://[::1]"),
                                    std::string("tcp://[10.0.0.1]:80"),
                                    std::string("tcp://[name]:80"),
                                    std::string("tcp://[" KIND ":]:80"),
                                    std::string("tcp://[" KIND ":x:80"),
                                    std::string("tcp://" PLACE),
                                    std::string("tcp://" PLACE PLACE ":80"),
                                    std::string("tcp://10.0.0:80"),
                                    std::string("tcp://010.0.0.1:80"),
                                    std::string("tcp://256.0.0.1:80"),
                                    std::string("tcp://user@host:80"),
                                    std::string("tcp://a,b:80"),
                                    std::string("unix://"),
                                    std::string("unix://run/x"),
                                    std::string("unix:///x?user=root"),
                                    long_name,
                                    with_nul,
                                    std::string(5000, 'x')}) {
        for (const auto &url : {EndpointUrl::parse_target(text), EndpointUrl::parse_listen(text)}) {
            BOOST_REQUIRE_MESSAGE(!url, text);
            BOOST_CHECK_EQUAL(url.error().code, K2S_E_USAGE);
            BOOST_CHECK(!url.error().message.empty());
        }
    }
    const auto foreign = EndpointUrl::parse_target("tcp://" FOREIGN ":80");
    BOOST_REQUIRE(!foreign);
    BOOST_CHECK_EQUAL(foreign.error().code, K2S_E_UNSUPPORTED);
}

BOOST_AUTO_TEST_CASE(what_can_be_listened_on_need_not_be_reachable) {
    for (const char *text : {"tcp://:0", "tcp://host:0", "tcp://0.0.0.0:80", "tcp://[::]:80",
                             "udp://224.0.0.1:80", "tcp://*:80"}) {
        BOOST_CHECK_MESSAGE(!EndpointUrl::parse_target(text), text);
        BOOST_CHECK_MESSAGE(EndpointUrl::parse_listen(text), text);
    }
    BOOST_CHECK_EQUAL(EndpointUrl::parse_listen("tcp://*:80")->host, "");
}

BOOST_AUTO_TEST_CASE(unix_sockets) {
    const auto url = EndpointUrl::parse_listen("unix:///run/x.sock?mode=0660");
#ifdef _WIN32
    BOOST_REQUIRE(!url);
    BOOST_CHECK(url.error().message.find("Linux") != std::string::npos);
#else
    BOOST_REQUIRE(url.has_value());
    BOOST_CHECK(url->transport == Transport::unix_stream);
    BOOST_CHECK_EQUAL(url->unix_socket->path, "/run/x.sock");
    BOOST_CHECK_EQUAL(url->unix_socket->mode, 0660U);
    BOOST_CHECK(!EndpointUrl::parse_target("unix:///run/x.sock?mode=0660"));
    BOOST_CHECK(EndpointUrl::parse_target("unix:///run/x.sock"));
    const auto abstract = EndpointUrl::parse_target("unix://" PLACE "@name");
    BOOST_REQUIRE(abstract.has_value());
    BOOST_CHECK_EQUAL(abstract->place.text(), PLACE);
    BOOST_CHECK(abstract->unix_socket->abstract());
    BOOST_CHECK(!abstract->same_as(*EndpointUrl::parse_target("unix://@name")));
    BOOST_CHECK(!abstract->same_as(*EndpointUrl::parse_target("unix://" PLACE "@other")));
#endif
}

BOOST_AUTO_TEST_CASE(listen_addresses_say_the_same) {
    const auto url = EndpointUrl::parse_listen("tcp://" PLACE "10.0.0.5:80");
    BOOST_REQUIRE(url.has_value());
    const ListenAddress address = url->listen_address();
    BOOST_CHECK_EQUAL(address.host, "10.0.0.5");
    BOOST_CHECK_EQUAL(address.port, 80);
    BOOST_CHECK_EQUAL(address.place.text(), PLACE);
    BOOST_CHECK_EQUAL(address.text, url->text);
}

BOOST_AUTO_TEST_SUITE_END()
