// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "services/cancellation.hpp"
#include "services/stdio.hpp"
#include "services/test/redirect.hpp"
#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

/// Exit code of a child that runs `body`; -signal when one ended it.
template <class Body> int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(10);
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

BOOST_AUTO_TEST_SUITE(signals)

BOOST_AUTO_TEST_CASE(signals_become_reasons) {
    const auto reason_of = [](int signal) {
        return in_child([signal] {
            Cancellation cancellation;
            (void)cancellation.install(Cancellation::HangUp::stop);
            ::raise(signal);
            return static_cast<int>(cancellation.wait());
        });
    };
    BOOST_TEST(reason_of(SIGINT) == static_cast<int>(StopReason::interrupt));
    BOOST_TEST(reason_of(SIGTERM) == static_cast<int>(StopReason::terminate));
    BOOST_TEST(reason_of(SIGHUP) == static_cast<int>(StopReason::hang_up));
}

BOOST_AUTO_TEST_CASE(a_second_interrupt_ends_the_process_at_once) {
    BOOST_TEST(in_child([] {
                   Cancellation cancellation;
                   (void)cancellation.install(Cancellation::HangUp::stop);
                   ::raise(SIGINT);
                   ::raise(SIGTERM); // not a further Ctrl-C
                   ::raise(SIGINT);
                   return 1;
               }) == 130);
}

BOOST_AUTO_TEST_CASE(hang_up_reloads_a_service) {
    BOOST_TEST(in_child([] {
                   Cancellation cancellation;
                   int reloads = 0;
                   (void)cancellation.install(Cancellation::HangUp::reload);
                   cancellation.on_reload([&] {
                       if (++reloads == 1) {
                           ::raise(SIGHUP);
                       } else {
                           ::raise(SIGTERM);
                       }
                   });
                   ::raise(SIGHUP);
                   return cancellation.wait() == StopReason::terminate ? reloads : 100;
               }) == 2);
}

BOOST_AUTO_TEST_CASE(an_ignored_hang_up_stays_ignored) {
    BOOST_TEST(in_child([] { // as nohup does
                   ::signal(SIGHUP, SIG_IGN);
                   Cancellation cancellation;
                   (void)cancellation.install(Cancellation::HangUp::stop);
                   ::raise(SIGHUP);
                   return cancellation.requested() ? 1 : 0;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(handlers_are_put_back) {
    BOOST_TEST(in_child([] {
                   {
                       Cancellation cancellation;
                       (void)cancellation.install(Cancellation::HangUp::stop);
                   }
                   ::raise(SIGTERM);
                   return 0;
               }) == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_signal_wakes_a_waiting_read) {
    BOOST_TEST(in_child([] {
                   Cancellation cancellation;
                   (void)cancellation.install(Cancellation::HangUp::stop);
                   Stdio stdio(cancellation);
                   PipedInput input;
                   const pid_t self = ::getpid();
                   std::thread other([self] {
                       std::this_thread::sleep_for(20ms);
                       ::kill(self, SIGTERM);
                   });
                   uint8_t byte = 0;
                   const int64_t got = stdio.read(&byte, 1);
                   other.join();
                   return got == K2S_E_CANCELLED ? 0 : 1;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(a_closed_standard_input_is_at_its_end) {
    BOOST_TEST(in_child([] {
                   ::close(STDIN_FILENO);
                   Cancellation cancellation;
                   // The descriptors that it makes must not land on 0.
                   Stdio stdio(cancellation);
                   uint8_t byte = 0;
                   return static_cast<int>(stdio.read(&byte, 1));
               }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
