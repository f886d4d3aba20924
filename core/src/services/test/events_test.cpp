// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include "services/events.hpp"
#include "services/executor.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

struct Bus {
    Executor executor;
    Events events{4};
    std::shared_ptr<Strand> strand = executor.make_strand("a");
    Trace trace;

    Events::Deliver into_trace() {
        return [this](std::string_view topic, std::string_view json) {
            trace.add(std::string(topic).append("=").append(json));
        };
    }
};

int32_t code_of(const auto &result) {
    return result ? K2S_OK : result.error().code;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(events_, Bus)

BOOST_AUTO_TEST_CASE(delivers_by_prefix_of_whole_words) {
    Trace all;
    BOOST_TEST_REQUIRE(events.subscribe(strand, "service", into_trace()).has_value());
    BOOST_TEST_REQUIRE(events
                           .subscribe(strand, "",
                                      [&](std::string_view topic, std::string_view) {
                                          all.add(std::string(topic));
                                      })
                           .has_value());
    for (const char *topic : {"service", "services.x", "service.started", "other"}) {
        BOOST_TEST(code_of(events.publish(topic, "1")) == K2S_OK);
    }
    BOOST_TEST(all.text(4) == "service services.x service.started other");
    BOOST_TEST(trace.text(2) == "service=1 service.started=1");
}

BOOST_AUTO_TEST_CASE(without_subscribers_no_thread_starts) {
    BOOST_TEST(code_of(events.publish("service.started", "{}")) == K2S_OK);
    BOOST_TEST(!executor.running());
}

BOOST_AUTO_TEST_CASE(bad_notices_are_refused) {
    BOOST_TEST(code_of(events.publish("", "1")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish("Upper", "1")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish("a..b", "1")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish(".a", "1")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish(std::string(129, 'a'), "1")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish("a", "{")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.publish("a", "")) == K2S_E_USAGE);
    const std::string largest = "\"" + std::string(Events::k_max_json - 2, 'x') + "\"";
    BOOST_TEST(code_of(events.publish("a", largest)) == K2S_OK);
    BOOST_TEST(code_of(events.publish("a", largest + " ")) == K2S_E_USAGE);
    BOOST_TEST(code_of(events.subscribe(strand, "a b", into_trace())) == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(a_full_queue_loses_the_oldest) {
    std::atomic<int> dropped{0};
    BOOST_TEST_REQUIRE(events.subscribe(strand, "n", into_trace(), [&] { ++dropped; }).has_value());
    {
        const StrandGuard guard(*strand, "run"); // nothing is delivered meanwhile
        for (int i = 0; i < 7; ++i) {
            BOOST_TEST(code_of(events.publish("n", std::to_string(i))) == K2S_OK);
        }
        BOOST_TEST(events.dropped(*strand) == 3U);
    }
    BOOST_TEST(trace.text(4) == "n=3 n=4 n=5 n=6");
    BOOST_TEST(dropped == 3);
}

BOOST_AUTO_TEST_CASE(unsubscribe_waits_for_a_running_delivery) {
    Latch entered;
    Latch leave;
    std::atomic<int> runs{0};
    const auto subscription = events.subscribe(strand, "", [&](auto, auto) {
        entered.open();
        leave.wait();
        ++runs;
    });
    events.publish("n", "1");
    events.publish("n", "2");
    BOOST_TEST_REQUIRE(entered.wait());
    BOOST_TEST(events.unsubscribe(*strand, *subscription, after(10ms)) == K2S_E_TIMEOUT);
    std::thread opener([&] {
        std::this_thread::sleep_for(20ms);
        leave.open();
    });
    BOOST_TEST(events.unsubscribe(*strand, *subscription, after(5s)) == K2S_OK);
    BOOST_TEST(runs == 1); // the second one was taken back with the subscription
    opener.join();
    BOOST_TEST(events.unsubscribe(*strand, *subscription, after(5s)) == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(unsubscribe_from_within_prevents_the_next) {
    k2s_handle self = 0;
    std::atomic<int> runs{0};
    std::atomic<int> status{1};
    Latch done;
    {
        const StrandGuard guard(*strand, "start"); // `self` is set before the delivery
        self = *events.subscribe(strand, "", [&](auto, auto) {
            ++runs;
            status = events.unsubscribe(*strand, self, after(5s));
            done.open();
        });
        events.publish("n", "1");
        events.publish("n", "2");
    }
    BOOST_TEST(done.wait());
    BOOST_TEST(status == K2S_OK);
    std::this_thread::sleep_for(10ms);
    BOOST_TEST(runs == 1);
    BOOST_TEST(events.handles_of(*strand).empty());
}

BOOST_AUTO_TEST_CASE(subscriptions_belong_to_their_plugin) {
    const auto other = executor.make_strand("other");
    const auto subscription = events.subscribe(strand, "", into_trace());
    BOOST_TEST(events.unsubscribe(*other, *subscription, after(1s)) == K2S_E_NOT_FOUND);
    other->close();
    BOOST_TEST(code_of(events.subscribe(other, "", into_trace())) == K2S_E_STATE);
}

BOOST_AUTO_TEST_SUITE_END()
