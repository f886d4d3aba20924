// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "dataplane/network_place.hpp"

using namespace k2s::dataplane;

BOOST_AUTO_TEST_SUITE(network_places)

#ifdef _WIN32
constexpr const char *k_own[] = {"compartment:1", "compartment:2147483647"};
constexpr const char *k_foreign[] = {"netns:web", "netns:/run/netns/web", "pid:7"};
constexpr const char *k_wrong[] = {"",
                                   "compartment:",
                                   "compartment:0",
                                   "compartment:-1",
                                   "compartment:2147483648",
                                   "compartment:1x",
                                   "web"};
#else
constexpr const char *k_own[] = {"netns:web", "netns:/run/netns/web", "netns:a.b-c", "pid:1"};
constexpr const char *k_foreign[] = {"compartment:1"};
constexpr const char *k_wrong[] = {
    "",     "netns",  "netns:",   "netns:.",  "netns:..",       "netns:a/b",      "netns:../x",
    "pid:", "pid:0",  "pid:-1",   "pid:1x",   "pid:4294967296", "pid:2147483648", "netns:a\nb",
    "web",  "pid: 1", "netns:a]", "Netns:web"};
#endif

BOOST_AUTO_TEST_CASE(are_read_as_the_system_has_them) {
    for (const char *text : k_own) {
        const auto place = NetworkPlace::parse(text);
        BOOST_REQUIRE_MESSAGE(place.has_value(), text);
        BOOST_CHECK(!place->here());
        BOOST_CHECK_EQUAL(place->text(), "[" + std::string(text) + "]");
    }
    for (const char *text : k_foreign) {
        const auto place = NetworkPlace::parse(text);
        BOOST_REQUIRE_MESSAGE(!place, text);
        BOOST_CHECK_EQUAL(place.error().code, K2S_E_UNSUPPORTED);
    }
    for (const char *text : k_wrong) {
        const auto place = NetworkPlace::parse(text);
        BOOST_REQUIRE_MESSAGE(!place, text);
        BOOST_CHECK_EQUAL(place.error().code, K2S_E_USAGE);
    }
    BOOST_CHECK(!NetworkPlace::parse("netns:" + std::string(256, 'n')));
    BOOST_CHECK(!NetworkPlace::parse("netns:/" + std::string(4096, 'n')));
}

BOOST_AUTO_TEST_CASE(are_taken_off_the_front) {
    const std::string with = "[" + std::string(k_own[0]) + "]:80";
    std::string_view text = with;
    const auto place = NetworkPlace::take_from(text);
    BOOST_REQUIRE(place.has_value());
    BOOST_CHECK_EQUAL(text, ":80");
    BOOST_CHECK(!place->here());
    for (const char *other : {"[::1]:80", "10.0.0.1:80", "", "[", "[x]"}) {
        text = other;
        const auto none = NetworkPlace::take_from(text);
        BOOST_REQUIRE_MESSAGE(none.has_value(), other);
        BOOST_CHECK(none->here());
        BOOST_CHECK_EQUAL(text, other);
    }
    text = std::string_view(with).substr(0, with.find(']'));
    BOOST_CHECK(!NetworkPlace::take_from(text));
}

BOOST_AUTO_TEST_CASE(here_needs_no_thread) {
    const auto done =
        run_in_place(NetworkPlace(), [] { return std::expected<void, k2s::Error>(); });
    BOOST_CHECK(done.has_value());
    const auto failed = run_in_place(NetworkPlace(), []() -> std::expected<void, k2s::Error> {
        return std::unexpected(k2s::Error{K2S_E_BUSY, "taken"});
    });
    BOOST_REQUIRE(!failed);
    BOOST_CHECK_EQUAL(failed.error().code, K2S_E_BUSY);
}

BOOST_AUTO_TEST_SUITE_END()
