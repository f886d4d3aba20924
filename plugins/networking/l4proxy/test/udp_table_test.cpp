// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <set>

#include "l4proxy/udp_table.hpp"

using namespace k2s::l4proxy;
using namespace std::chrono_literals;
namespace ip = boost::asio::ip;
using k2s::dataplane::Clock;

namespace {

struct Entry : UdpTableEntry {
    int number = 0;
};

struct Fixture {
    UdpTable<Entry> table;
    Clock::time_point now = Clock::now();

    static UdpKey key(const char *address, uint16_t port, uint16_t listener = 0) {
        Received received;
        received.from = {ip::make_address(address), port};
        return UdpKey::of(received, listener);
    }
    Entry &add(const char *address, uint16_t port, int number) {
        auto entry = std::make_unique<Entry>();
        entry->key = key(address, port);
        entry->number = number;
        now += 1ms;
        return table.insert(std::move(entry), now);
    }
    std::vector<int> empty() {
        std::vector<int> order;
        while (Entry *entry = table.first_to_go()) {
            order.push_back(entry->number);
            table.take(*entry);
        }
        return order;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(udp_table, Fixture)

BOOST_AUTO_TEST_CASE(keys_tell_sessions_apart) {
    Received received;
    received.from = {ip::make_address("10.0.0.1"), 5};
    const UdpKey plain = UdpKey::of(received, 0);
    BOOST_CHECK(plain == UdpKey::of(received, 0));
    BOOST_CHECK(!(plain == UdpKey::of(received, 1)));
    received.local.known = true;
    received.local.address[15] = 1;
    BOOST_CHECK(!(plain == UdpKey::of(received, 0)));
    BOOST_CHECK(!(plain == key("10.0.0.1", 6)));
    BOOST_CHECK(!(plain == key("10.0.0.2", 5)));
    // A dual-stack socket reports IPv4 clients in the mapped form.
    BOOST_CHECK(plain == key("::ffff:10.0.0.1", 5));
    BOOST_CHECK(!(key("fe80::1%1", 5) == key("fe80::1%2", 5)));
}

BOOST_AUTO_TEST_CASE(found_and_taken) {
    Entry &one = add("10.0.0.1", 1, 1);
    add("10.0.0.1", 2, 2);
    add("10.0.0.2", 1, 3);
    BOOST_CHECK_EQUAL(table.find(key("10.0.0.1", 1)), &one);
    BOOST_CHECK(table.find(key("10.0.0.1", 3)) == nullptr);
    BOOST_CHECK_EQUAL(table.of_client(key("10.0.0.1", 99)), 2U);
    BOOST_CHECK_EQUAL(table.of_client(key("10.0.0.9", 1)), 0U);
    BOOST_CHECK_EQUAL(table.take(one)->number, 1);
    BOOST_CHECK(table.find(key("10.0.0.1", 1)) == nullptr);
    BOOST_CHECK_EQUAL(table.of_client(key("10.0.0.1", 1)), 1U);
    BOOST_CHECK_EQUAL(table.size(), 2U);
}

BOOST_AUTO_TEST_CASE(the_unanswered_and_the_oldest_go_first) {
    Entry &one = add("10.0.0.1", 1, 1);
    Entry &two = add("10.0.0.1", 2, 2);
    add("10.0.0.2", 1, 3);
    add("10.0.0.2", 2, 4);
    table.set_answered(one);
    table.set_answered(two);
    table.set_answered(two); // again
    now += 1ms;
    table.touch(one, now);
    table.touch(*table.find(key("10.0.0.2", 1)), now);
    BOOST_CHECK_EQUAL(table.oldest_of_client(key("10.0.0.1", 0))->number, 2);
    BOOST_CHECK((empty() == std::vector{4, 3, 2, 1}));
    BOOST_CHECK_EQUAL(table.size(), 0U);
    BOOST_CHECK(table.oldest_of_client(key("10.0.0.1", 0)) == nullptr);
}

BOOST_AUTO_TEST_CASE(many) {
    for (unsigned i = 0; i < 20'000; ++i) {
        auto entry = std::make_unique<Entry>();
        Received received;
        received.from = {ip::address_v4(0x0a000000U + i % 200), static_cast<uint16_t>(1 + i / 200)};
        entry->key = UdpKey::of(received, 0);
        entry->number = static_cast<int>(i);
        table.insert(std::move(entry), now);
    }
    BOOST_CHECK_EQUAL(table.size(), 20'000U);
    BOOST_CHECK_EQUAL(table.of_client(key("10.0.0.7", 1)), 100U);
    BOOST_CHECK_EQUAL(empty().size(), 20'000U);
}

BOOST_AUTO_TEST_CASE(the_hash_spreads_neighbours_and_differs_between_tables) {
    const UdpHash one;
    const UdpHash two;
    std::set<size_t> buckets;
    unsigned equal = 0;
    for (uint16_t port = 1; port <= 4096; ++port) {
        const UdpKey neighbour = key("10.0.0.1", port);
        buckets.insert(one(neighbour) % 4096);
        equal += one(neighbour) == two(neighbour);
    }
    BOOST_CHECK(buckets.size() > 2400); // 63 % of 4096 is what chance gives: 2589
    BOOST_CHECK_EQUAL(equal, 0U);
}

BOOST_AUTO_TEST_SUITE_END()
