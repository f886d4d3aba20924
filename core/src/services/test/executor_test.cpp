// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "services/executor.hpp"
#include "services/lent_threads.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

BOOST_AUTO_TEST_SUITE(executor)

BOOST_AUTO_TEST_CASE(starts_no_thread_before_it_is_used) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    {
        const StrandGuard guard(*strand, "create");
        BOOST_TEST(strand->is_current());
    }
    BOOST_TEST(!executor.running());
    BOOST_TEST(executor.timers_of(*strand).empty());
    Latch ran;
    BOOST_TEST(strand->post([&] { ran.open(); }) == K2S_OK);
    BOOST_TEST(executor.running());
    BOOST_TEST(ran.wait());
}

BOOST_AUTO_TEST_CASE(runs_tasks_in_order_and_never_inside_post) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    Trace trace;
    {
        const StrandGuard guard(*strand, "start");
        for (int i = 0; i < 5; ++i) {
            strand->post([&trace, i] { trace.add(std::to_string(i)); });
        }
        std::this_thread::sleep_for(20ms);
        BOOST_TEST(trace.entries().empty()); // this thread is still on the strand
    }
    BOOST_TEST(trace.text(5) == "0 1 2 3 4");
}

BOOST_AUTO_TEST_CASE(a_held_strand_does_not_hold_up_others) {
    Executor executor;
    const auto held = executor.make_strand("held");
    const auto other = executor.make_strand("other");
    Latch first;
    Latch second;
    {
        const StrandGuard guard(*held, "run");
        held->post([&] { first.open(); });
        other->post([&] { second.open(); });
        BOOST_TEST(second.wait());
        BOOST_TEST(!first.wait(20ms));
    }
    BOOST_TEST(first.wait());
}

BOOST_AUTO_TEST_CASE(guards_wait_until_their_deadline_and_nest) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    Latch entered;
    Latch leave;
    strand->post([&] {
        entered.open();
        leave.wait();
    });
    BOOST_TEST_REQUIRE(entered.wait());
    {
        const StrandGuard late(*strand, "stop", after(20ms));
        BOOST_TEST(!late);
        BOOST_TEST(!strand->is_current());
    }
    BOOST_TEST(strand->holder().starts_with("\"task\" for "));
    leave.open();
    const StrandGuard guard(*strand, "stop");
    const StrandGuard inner(*strand, "again", after(0ms));
    BOOST_TEST(static_cast<bool>(inner));
    BOOST_TEST(strand->holder().starts_with("\"stop\" for "));
}

BOOST_AUTO_TEST_CASE(a_task_that_throws_is_reported) {
    Executor executor;
    Trace reports;
    const auto strand =
        executor.make_strand("a", [&](std::string_view plugin, std::string_view text) {
            reports.add(std::string(plugin).append(": ").append(text));
        });
    Latch next;
    strand->post([] { throw std::runtime_error("boom"); });
    strand->post([&] { next.open(); });
    BOOST_TEST(next.wait());
    BOOST_TEST(reports.text(1) == "a: an exception left a task: boom");
}

BOOST_AUTO_TEST_CASE(slow_tasks_are_reported_when_asked) {
    Executor executor;
    Trace reports;
    const auto strand = executor.make_strand(
        "a", [&](std::string_view, std::string_view text) { reports.add(std::string(text)); });
    strand->check_tasks(true);
    strand->post([] { std::this_thread::sleep_for(Strand::k_slow_task + 20ms); });
    BOOST_TEST(reports.text(1).find("[no-block]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_closed_strand_takes_no_tasks) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    strand->close();
    BOOST_TEST(strand->post([] {}) == K2S_E_STATE);
    BOOST_TEST(executor.offload(strand, [] {}) == K2S_E_STATE);
    BOOST_TEST(executor.add_timer(strand, 1ms, 0ms, [] {}).error().code == K2S_E_STATE);
}

BOOST_AUTO_TEST_CASE(the_queue_of_a_strand_is_bounded) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    const StrandGuard guard(*strand, "run");
    for (std::size_t i = 0; i < Strand::k_max_tasks; ++i) {
        BOOST_TEST_REQUIRE(strand->post([] {}) == K2S_OK);
    }
    BOOST_TEST(strand->post([] {}) == K2S_E_NO_MEMORY);
    strand->drop_pending();
    BOOST_TEST(strand->post([] {}) == K2S_OK);
}

BOOST_AUTO_TEST_CASE(timers_run_once_or_periodically) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    std::atomic<int> once{0};
    std::atomic<int> often{0};
    Latch third;
    const auto single = executor.add_timer(strand, 1ms, 0ms, [&] { ++once; });
    const auto periodic = executor.add_timer(strand, 1ms, 2ms, [&] {
        if (++often == 3) {
            third.open();
        }
    });
    BOOST_TEST_REQUIRE(single.has_value());
    BOOST_TEST_REQUIRE(periodic.has_value());
    BOOST_TEST(third.wait());
    BOOST_TEST(once == 1);
    BOOST_TEST(executor.timers_of(*strand).size() == 1U); // the single one is gone by itself
    BOOST_TEST(executor.cancel_timer(*strand, *single, after(1s)) == K2S_E_NOT_FOUND);
    BOOST_TEST(executor.cancel_timer(*strand, *periodic, after(1s)) == K2S_OK);
    const int count = often;
    std::this_thread::sleep_for(20ms);
    BOOST_TEST(often == count);
}

BOOST_AUTO_TEST_CASE(cancel_waits_for_a_running_task_unless_it_is_the_caller) {
    Executor executor;
    const auto strand = executor.make_strand("a");
    Latch entered;
    Latch leave;
    std::atomic<bool> done{false};
    const auto timer = executor.add_timer(strand, 0ms, 1ms, [&] {
        entered.open();
        leave.wait();
        done = true;
    });
    BOOST_TEST_REQUIRE(entered.wait());
    BOOST_TEST(executor.cancel_timer(*strand, *timer, after(10ms)) == K2S_E_TIMEOUT);
    std::thread opener([&] {
        std::this_thread::sleep_for(20ms);
        leave.open();
    });
    BOOST_TEST(executor.cancel_timer(*strand, *timer, after(5s)) == K2S_OK);
    BOOST_TEST(done);
    opener.join();

    k2s_handle self = 0;
    std::atomic<int> runs{0};
    std::atomic<int> status{1};
    Latch cancelled;
    {
        const StrandGuard guard(*strand, "start"); // `self` is set before the task runs
        self = *executor.add_timer(strand, 0ms, 1ms, [&] {
            ++runs;
            status = executor.cancel_timer(*strand, self, after(5s));
            cancelled.open();
        });
    }
    BOOST_TEST(cancelled.wait());
    BOOST_TEST(status == K2S_OK);
    std::this_thread::sleep_for(10ms);
    BOOST_TEST(runs == 1);
    BOOST_TEST(executor.timers_of(*strand).empty());
}

BOOST_AUTO_TEST_CASE(timers_belong_to_their_plugin_and_are_bounded) {
    Executor executor({.threads = 1, .offload_threads = 1, .offload_queue = 1, .timers = 2});
    const auto mine = executor.make_strand("mine");
    const auto other = executor.make_strand("other");
    const auto timer = executor.add_timer(mine, 1h, 0ms, [] {});
    BOOST_TEST(executor.cancel_timer(*other, *timer, after(1s)) == K2S_E_NOT_FOUND);
    BOOST_TEST(executor.add_timer(mine, 1h, 0ms, [] {}).has_value());
    BOOST_TEST(executor.add_timer(mine, 1h, 0ms, [] {}).error().code == K2S_E_NO_MEMORY);
    BOOST_TEST(executor.add_timer(other, 1h, 0ms, [] {}).has_value());
}

BOOST_AUTO_TEST_CASE(offloaded_work_is_bounded_and_can_be_waited_for) {
    Executor executor({.threads = 1, .offload_threads = 1, .offload_queue = 2, .timers = 1});
    const auto strand = executor.make_strand("a");
    Latch entered;
    Latch leave;
    std::atomic<int> ran{0};
    BOOST_TEST(executor.offload(strand, [&] {
        entered.open();
        leave.wait();
        ++ran;
    }) == K2S_OK);
    BOOST_TEST_REQUIRE(entered.wait());
    BOOST_TEST(executor.offload(strand, [&] { ++ran; }) == K2S_OK);
    BOOST_TEST(executor.offload(strand, [&] { ++ran; }) == K2S_OK);
    BOOST_TEST(executor.offload(strand, [&] { ++ran; }) == K2S_E_BUSY);
    BOOST_TEST(executor.finish_offloaded(*strand, true, after(10ms)) == 3U);
    BOOST_TEST(executor.finish_offloaded(*strand, false, after(10ms)) == 1U); // two dropped
    leave.open();
    BOOST_TEST(executor.finish_offloaded(*strand, true, after(5s)) == 0U);
    BOOST_TEST(ran == 1);
}

BOOST_AUTO_TEST_CASE(shutdown_names_what_does_not_end) {
    Executor executor;
    const auto strand = executor.make_strand("stuck");
    // Shared: the threads outlive this test's frame for a moment.
    const auto leave = std::make_shared<Latch>();
    const auto entered = std::make_shared<Latch>();
    const auto busy = std::make_shared<Latch>();
    const auto left = std::make_shared<Latch>();
    executor.offload(strand, [=] {
        entered->open();
        leave->wait();
        left->open();
    });
    strand->post([=] { busy->open(); });
    BOOST_TEST_REQUIRE(entered->wait());
    BOOST_TEST_REQUIRE(busy->wait());
    const auto blockers = executor.shutdown(after(20ms));
    BOOST_TEST_REQUIRE(blockers.size() == 1U);
    BOOST_TEST(blockers[0] == "an offloaded task of plugin \"stuck\" still runs");
    BOOST_TEST(executor.offload(strand, [] {}) == K2S_E_STATE);
    BOOST_TEST(executor.add_timer(strand, 1ms, 0ms, [] {}).error().code == K2S_E_STATE);
    leave->open();
    BOOST_TEST(left->wait());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lent_threads)

BOOST_AUTO_TEST_CASE(join_interrupts_once_and_waits) {
    LentThreads threads;
    Latch stop;
    std::atomic<int> interrupts{0};
    const auto thread = threads.lend(
        "loop", [&] { stop.wait(); },
        [&] {
            ++interrupts;
            stop.open();
        });
    BOOST_TEST_REQUIRE(thread.has_value());
    BOOST_TEST(threads.name_of(*thread) == "loop");
    BOOST_TEST(threads.join(*thread, after(5s)) == K2S_OK);
    BOOST_TEST(interrupts == 1);
    BOOST_TEST(threads.join(*thread, after(5s)) == K2S_E_NOT_FOUND);
    BOOST_TEST(threads.handles().empty());
}

BOOST_AUTO_TEST_CASE(join_times_out_and_can_be_repeated) {
    LentThreads threads;
    Latch stop;
    std::atomic<int> interrupts{0};
    const auto thread = threads.lend("deaf", [&] { stop.wait(); }, [&] { ++interrupts; });
    BOOST_TEST(threads.join(*thread, after(10ms)) == K2S_E_TIMEOUT);
    BOOST_TEST(threads.join(*thread, after(10ms)) == K2S_E_TIMEOUT);
    BOOST_TEST(threads.handles().size() == 1U);
    stop.open();
    BOOST_TEST(threads.join(*thread, after(5s)) == K2S_OK);
    BOOST_TEST(interrupts == 1);
}

BOOST_AUTO_TEST_CASE(a_thread_cannot_join_itself) {
    LentThreads threads;
    Latch known;
    k2s_handle self = 0;
    std::atomic<int> status{0};
    Latch done;
    self = *threads.lend(
        "self",
        [&] {
            known.wait();
            status = threads.join(self, after(5s));
            done.open();
        },
        [] {});
    known.open();
    BOOST_TEST(done.wait());
    BOOST_TEST(status == K2S_E_STATE);
    BOOST_TEST(threads.join(self, after(5s)) == K2S_OK);
}

BOOST_AUTO_TEST_CASE(no_thread_after_close) {
    LentThreads threads;
    threads.close();
    BOOST_TEST(threads.lend("late", [] {}, [] {}).error().code == K2S_E_STATE);
}

BOOST_AUTO_TEST_SUITE_END()
