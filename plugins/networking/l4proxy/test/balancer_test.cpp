// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <cmath>
#include <map>
#include <string>

#include "l4proxy/balancer.hpp"

using k2s::Address;
using k2s::parse_address;
using namespace k2s::l4proxy;
using namespace std::chrono_literals;
namespace dataplane = k2s::dataplane;

namespace {

class Log final : public dataplane::Observer {
  public:
    void on_log(dataplane::LogLevel, std::string_view message,
                std::initializer_list<dataplane::LogField> fields) override {
        text += message;
        for (const auto &field : fields) {
            text += ' ';
            text += field.value;
        }
        text += '\n';
    }
    std::string text;
};

struct Fixture {
    std::shared_ptr<Log> log = std::make_shared<Log>();
    std::shared_ptr<Balancer> balancer = std::make_shared<Balancer>("web", log);
    Clock::time_point now = Clock::now();
    Address client = *parse_address("10.1.2.3");

    void set(Balance balance, std::vector<TargetSpec> targets, PassiveCheck passive = {}) {
        balancer->set({balance, passive}, std::move(targets));
    }
    std::string pick() {
        const Lease lease = balancer->pick(client, {}, now);
        return lease ? lease->name() : "";
    }
    std::string picks(unsigned times) {
        std::string all;
        while (times-- != 0) {
            all += pick();
        }
        return all;
    }
    void fail(unsigned times) {
        for (unsigned i = 0; i < times; ++i) {
            balancer->pick(client, {}, now).failed("refused", now);
        }
    }
};

TargetSpec spec(std::string name, unsigned weight = 1, bool backup = false) {
    return {std::move(name), weight, backup, false, nullptr};
}

Address address(unsigned i) {
    return boost::asio::ip::address_v4(0x0a000000U + i);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(balancer, Fixture)

BOOST_AUTO_TEST_CASE(turns_are_spread_by_weight) {
    set(Balance::round_robin, {spec("a", 5), spec("b", 1), spec("c", 1)});
    std::string order;
    for (int i = 0; i < 14; ++i) {
        order += pick();
    }
    BOOST_CHECK_EQUAL(order, "aabacaaaabacaa"); // nginx's order for 5, 1, 1
}

BOOST_AUTO_TEST_CASE(one_target_gets_all_and_none_gives_none) {
    set(Balance::round_robin, {spec("a")});
    BOOST_CHECK_EQUAL(picks(2), "aa");
    set(Balance::round_robin, {});
    BOOST_CHECK_EQUAL(pick(), "");
    set(Balance::round_robin, {spec("a", 0)});
    BOOST_CHECK_EQUAL(pick(), "");
}

BOOST_AUTO_TEST_CASE(least_connections_counts_what_is_open) {
    set(Balance::least_connections, {spec("a"), spec("b"), spec("c", 2)});
    std::map<std::string, std::vector<Lease>> open;
    for (int i = 0; i < 40; ++i) {
        Lease lease = balancer->pick(client);
        const std::string name = lease->name();
        open[name].push_back(std::move(lease));
    }
    BOOST_CHECK_EQUAL(open["a"].size(), 10U);
    BOOST_CHECK_EQUAL(open["b"].size(), 10U);
    BOOST_CHECK_EQUAL(open["c"].size(), 20U);
    open["b"].resize(4);
    for (int i = 0; i < 6; ++i) {
        Lease lease = balancer->pick(client);
        BOOST_CHECK_EQUAL(lease->name(), "b");
        open["b"].push_back(std::move(lease));
    }
    open.clear();
    for (const auto &target : balancer->targets()) {
        BOOST_CHECK_EQUAL(target->active(), 0U);
    }
}

BOOST_AUTO_TEST_CASE(equally_loaded_targets_take_turns) {
    set(Balance::least_connections, {spec("a"), spec("b"), spec("c")});
    BOOST_CHECK_EQUAL(picks(4), "abca");
}

BOOST_AUTO_TEST_CASE(source_hash_follows_weights) {
    set(Balance::source_hash, {spec("a"), spec("b", 2), spec("c", 3), spec("d", 4)});
    std::map<std::string, int> counts;
    constexpr int k_clients = 100'000;
    for (unsigned i = 0; i < k_clients; ++i) {
        client = address(i);
        ++counts[pick()];
    }
    int weight = 1;
    for (const char *name : {"a", "b", "c", "d"}) {
        const double share = weight++ / 10.0;
        const double deviation = std::sqrt(k_clients * share * (1 - share));
        BOOST_CHECK_SMALL(counts[name] - k_clients * share, 5 * deviation);
    }
}

BOOST_AUTO_TEST_CASE(source_hash_moves_only_whom_it_must) {
    constexpr unsigned k_clients = 20'000;
    const auto map_all = [&] {
        std::vector<std::string> out;
        for (unsigned i = 0; i < k_clients; ++i) {
            client = address(i * 7919);
            out.push_back(pick());
        }
        return out;
    };
    set(Balance::source_hash, {spec("a"), spec("b"), spec("c"), spec("d")});
    const auto four = map_all();
    BOOST_TEST((map_all() == four));
    set(Balance::source_hash, {spec("d"), spec("a"), spec("b"), spec("c"), spec("e")});
    const auto five = map_all();
    unsigned moved = 0;
    for (unsigned i = 0; i < k_clients; ++i) {
        if (four[i] != five[i]) {
            ++moved;
            BOOST_REQUIRE_EQUAL(five[i], "e");
        }
    }
    BOOST_CHECK_CLOSE(moved / double(k_clients), 0.2, 10.0);
    balancer->set_active_health("b", false, "test");
    const auto without = map_all();
    for (unsigned i = 0; i < k_clients; ++i) {
        BOOST_REQUIRE((five[i] == "b") != (without[i] == five[i]));
    }
}

BOOST_AUTO_TEST_CASE(source_hash_takes_mapped_addresses_for_what_they_mean) {
    set(Balance::source_hash, {spec("a"), spec("b"), spec("c"), spec("d"), spec("e")});
    for (unsigned i = 0; i < 100; ++i) {
        client = address(i);
        const std::string plain = pick();
        client = *parse_address("::ffff:" + address(i).to_string());
        BOOST_CHECK_EQUAL(pick(), plain);
    }
}

BOOST_AUTO_TEST_CASE(clients_without_an_address_take_turns) {
    set(Balance::source_hash, {spec("a"), spec("b")});
    client = Address();
    BOOST_CHECK_EQUAL(picks(3), "aba");
}

BOOST_AUTO_TEST_CASE(backups_wait_until_no_primary_is_up) {
    set(Balance::round_robin, {spec("a"), spec("b"), spec("spare", 1, true)});
    balancer->set_active_health("a", false, "test");
    BOOST_CHECK_EQUAL(picks(2), "bb");
    balancer->set_active_health("b", false, "test");
    BOOST_CHECK_EQUAL(picks(2), "sparespare");
    balancer->set_active_health("a", true, "test");
    BOOST_CHECK_EQUAL(pick(), "a");
}

BOOST_AUTO_TEST_CASE(a_draining_target_keeps_what_it_has) {
    set(Balance::round_robin, {spec("a"), spec("b")});
    const Lease held = balancer->pick(client);
    BOOST_REQUIRE_EQUAL(held->name(), "a");
    TargetSpec draining = spec("a");
    draining.drain = true;
    set(Balance::round_robin, {draining, spec("b")});
    BOOST_CHECK_EQUAL(picks(2), "bb");
    BOOST_CHECK(held->health() == Health::draining);
    BOOST_CHECK_EQUAL(balancer->targets().at(0)->active(), 1U);
}

BOOST_AUTO_TEST_CASE(failures_in_a_row_mark_a_target) {
    set(Balance::round_robin, {spec("a"), spec("b", 1, true)}, {3, 10s});
    fail(2);
    balancer->pick(client, {}, now).succeeded();
    fail(2);
    BOOST_CHECK_EQUAL(pick(), "a");
    fail(1);
    BOOST_CHECK_EQUAL(pick(), "b");
    BOOST_CHECK(balancer->targets()[0]->health() == Health::down);
    BOOST_CHECK_EQUAL(log->text, "target down web a refused\n");
}

BOOST_AUTO_TEST_CASE(one_trial_decides_about_a_marked_target) {
    set(Balance::round_robin, {spec("a"), spec("b", 1, true)}, {1, 10s});
    fail(1);
    now += 9s;
    BOOST_CHECK_EQUAL(pick(), "b");
    now += 2s;
    {
        Lease trial = balancer->pick(client, {}, now);
        BOOST_REQUIRE_EQUAL(trial->name(), "a");
        BOOST_CHECK_EQUAL(pick(), "b"); // the others do not wait for the verdict
        trial.failed("refused again", now);
    }
    now += 9s;
    BOOST_CHECK_EQUAL(pick(), "b");
    now += 2s;
    {
        const Lease abandoned = balancer->pick(client, {}, now);
        BOOST_REQUIRE_EQUAL(abandoned->name(), "a");
    }
    Lease trial = balancer->pick(client, {}, now); // no verdict: the next may try at once
    BOOST_REQUIRE_EQUAL(trial->name(), "a");
    trial.succeeded();
    BOOST_CHECK_EQUAL(picks(2), "aa");
    BOOST_CHECK_EQUAL(log->text, "target down web a refused\n"
                                 "target up web a a connection came about\n");
}

BOOST_AUTO_TEST_CASE(marked_targets_are_tried_when_nothing_else_is_left) {
    set(Balance::round_robin, {spec("a"), spec("b")}, {1, 10s});
    fail(2);
    BOOST_CHECK(balancer->targets()[0]->health() == Health::down);
    BOOST_CHECK(balancer->targets()[1]->health() == Health::down);
    BOOST_CHECK_EQUAL(picks(2), "ba");
    balancer->set_active_health("a", false, "test");
    BOOST_CHECK_EQUAL(picks(2), "bb");
    balancer->set_active_health("b", false, "test");
    BOOST_CHECK_EQUAL(pick(), ""); // known to be dead
}

BOOST_AUTO_TEST_CASE(a_retry_goes_elsewhere) {
    set(Balance::source_hash, {spec("a"), spec("b"), spec("c", 1, true)});
    std::vector<const Target *> tried;
    std::string seen;
    for (int i = 0; i < 3; ++i) {
        const Lease lease = balancer->pick(client, tried, now);
        BOOST_REQUIRE(lease);
        seen += lease->name();
        tried.push_back(&*lease);
    }
    BOOST_CHECK(seen == "abc" || seen == "bac");
    BOOST_CHECK(!balancer->pick(client, tried, now));
}

BOOST_AUTO_TEST_CASE(passive_checks_can_be_off) {
    set(Balance::round_robin, {spec("a")}, {1, 10s});
    fail(1);
    BOOST_CHECK(balancer->targets()[0]->health() == Health::down);
    set(Balance::round_robin, {spec("a")}, {0, 10s});
    BOOST_CHECK(balancer->targets()[0]->health() == Health::up);
    fail(100);
    BOOST_CHECK(balancer->targets()[0]->health() == Health::up);
    BOOST_CHECK_EQUAL(balancer->targets()[0]->failed_counter().get(), 101U);
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_the_state_of_targets_that_stay) {
    set(Balance::round_robin, {spec("a"), spec("b"), spec("c")}, {1, 10s});
    balancer->set_active_health("b", false, "test");
    Lease held = balancer->pick(client, {}, now);
    BOOST_REQUIRE_EQUAL(held->name(), "a");
    const auto data = std::make_shared<const int>(7);
    TargetSpec changed = spec("b", 9);
    changed.data = data;
    set(Balance::round_robin, {changed, spec("d"), spec("c")}, {1, 10s});
    BOOST_CHECK(balancer->targets()[0]->health() == Health::down);
    BOOST_CHECK_EQUAL(balancer->targets()[0]->spec().weight, 9U);
    BOOST_CHECK_EQUAL(balancer->targets()[0]->data<int>(), 7);
    BOOST_CHECK_EQUAL(picks(2), "dc");
    BOOST_CHECK(held->health() == Health::draining); // gone from the list, still in use
    held.failed("reset");
    balancer->set_active_health("a", false, "gone"); // no longer listed
    balancer.reset();
    held.release(); // leases keep what they need
}

BOOST_AUTO_TEST_CASE(data_stays_as_long_as_a_lease) {
    const auto with = [](int number) {
        TargetSpec made = spec("a");
        made.data = std::make_shared<const int>(number);
        return made;
    };
    TargetSpec first = with(1);
    const std::weak_ptr<const void> seen = first.data;
    set(Balance::round_robin, {std::move(first)});
    Lease lease = balancer->pick(client);
    const int &number = lease->data<int>();
    set(Balance::round_robin, {with(2)});
    set(Balance::round_robin, {with(3)});
    BOOST_CHECK(!seen.expired());
    BOOST_CHECK_EQUAL(number, 1);
    BOOST_CHECK_EQUAL(lease->data<int>(), 3);
    lease.release();
    BOOST_CHECK(seen.expired());
}

BOOST_AUTO_TEST_CASE(an_active_check_that_succeeds_clears_passive_marks) {
    set(Balance::round_robin, {spec("a")}, {1, 10s});
    fail(1);
    balancer->set_active_health("a", false, "no answer");
    balancer->set_active_health("a", true, "answered");
    BOOST_CHECK(balancer->targets()[0]->health() == Health::up);
    BOOST_CHECK_EQUAL(log->text, "target down web a refused\ntarget up web a answered\n");
}

BOOST_AUTO_TEST_SUITE_END()
