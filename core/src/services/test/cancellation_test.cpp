// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include "services/cancellation.hpp"
#include "services/stdio.hpp"
#include "services/test/redirect.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

BOOST_AUTO_TEST_SUITE(cancellation)

BOOST_AUTO_TEST_CASE(the_first_reason_stays) {
    Cancellation cancellation;
    BOOST_TEST(!cancellation.requested());
    BOOST_TEST((cancellation.wait_until(after(10ms)) == StopReason::none));
    cancellation.request(StopReason::shutdown);
    cancellation.request(StopReason::terminate);
    BOOST_TEST(cancellation.requested());
    BOOST_TEST((cancellation.wait() == StopReason::shutdown));
    BOOST_TEST(reason_text(cancellation.reason()) == "the system shuts down");
}

BOOST_AUTO_TEST_CASE(wait_wakes_and_runs_reloads_on_its_thread) {
    Cancellation cancellation;
    std::atomic<int> reloads{0};
    std::thread::id reload_thread;
    Latch reloaded;
    cancellation.on_reload([&] {
        reload_thread = std::this_thread::get_id();
        ++reloads;
        reloaded.open();
    });
    std::thread other([&] {
        std::this_thread::sleep_for(10ms);
        cancellation.request_reload();
        reloaded.wait();
        cancellation.request();
    });
    BOOST_TEST((cancellation.wait() == StopReason::requested));
    other.join();
    BOOST_TEST(reloads == 1);
    BOOST_TEST((reload_thread == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(only_one_has_the_handlers) {
    Cancellation first;
    Cancellation second;
    BOOST_TEST_REQUIRE(first.install(Cancellation::HangUp::stop).has_value());
    BOOST_TEST(second.install(Cancellation::HangUp::stop).error().code == K2S_E_BUSY);
}

BOOST_AUTO_TEST_CASE(handlers_are_given_back) {
    for (int i = 0; i < 2; ++i) {
        Cancellation cancellation;
        BOOST_TEST(cancellation.install(Cancellation::HangUp::reload).has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(standard_input)

BOOST_AUTO_TEST_CASE(reads_raw_bytes_to_the_end) {
    Cancellation cancellation;
    Stdio stdio(cancellation);
    PipedInput input;
    input.write(std::string_view("a\r\n\0\x1a\xFF", 6));
    uint8_t buffer[64];
    BOOST_TEST(stdio.read(buffer, 2) == 2);
    BOOST_TEST(stdio.read(buffer, 0) == 0);
    BOOST_TEST(stdio.read(buffer, sizeof(buffer)) == 4);
    BOOST_TEST(buffer[0] == '\n');
    BOOST_TEST(buffer[2] == 0x1a); // no end of file in binary input
    input.end();
    BOOST_TEST(stdio.read(buffer, sizeof(buffer)) == 0);
}

BOOST_AUTO_TEST_CASE(a_waiting_read_wakes_on_cancellation) {
    Cancellation cancellation;
    Stdio stdio(cancellation);
    PipedInput input;
    std::thread other([&] {
        std::this_thread::sleep_for(20ms);
        cancellation.request();
    });
    uint8_t buffer[8];
    BOOST_TEST(stdio.read(buffer, sizeof(buffer)) == K2S_E_CANCELLED);
    other.join();
    input.write("late");
    BOOST_TEST(stdio.read(buffer, sizeof(buffer)) == K2S_E_CANCELLED); // for good
    BOOST_TEST(stdio.cancelled());
}

BOOST_AUTO_TEST_CASE(a_waiting_read_wakes_on_data) {
    Cancellation cancellation;
    Stdio stdio(cancellation);
    PipedInput input;
    std::thread other([&] {
        std::this_thread::sleep_for(20ms);
        input.write("x");
    });
    uint8_t buffer[8];
    BOOST_TEST(stdio.read(buffer, sizeof(buffer)) == 1);
    other.join();
}

BOOST_AUTO_TEST_CASE(terminal_and_environment) {
    PipedInput input;
    BOOST_TEST(Stdio::columns(K2S_STREAM_IN) == 0U); // a pipe
    BOOST_TEST(Stdio::columns(3) == 0U);
    BOOST_TEST(!Stdio::escapes(K2S_STREAM_IN));
    set_variable("K2S_TEST_VARIABLE", "some value");
    BOOST_TEST(Stdio::environment("K2S_TEST_VARIABLE").value_or("") == "some value");
    BOOST_TEST(!Stdio::environment("K2S_TEST_NOT_THERE").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
