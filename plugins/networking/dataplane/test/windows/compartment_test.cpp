// SPDX-License-Identifier: MIT
// Compartments against a double of the call that enters them, which wine does not have.
#include "../unit.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/listener.hpp"
#include "dataplane/socket_stock.hpp"
#include "dataplane/windows/compartment.hpp"

using namespace k2s::dataplane;

namespace {

/// Stands in for the system as long as it lives.
class Double {
  public:
    explicit Double(DWORD answer = NO_ERROR) : before_(std::exchange(set_compartment(), &enter)) {
        answer_ = answer;
        calls_.clear();
    }
    ~Double() { set_compartment() = before_; }

    /// Compartment and thread of each call.
    static std::vector<std::pair<UINT32, DWORD>> calls() {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

  private:
    static DWORD WINAPI enter(UINT32 id) {
        const std::lock_guard lock(mutex_);
        calls_.emplace_back(id, ::GetCurrentThreadId());
        return answer_;
    }

    SetCompartment before_;
    static inline std::mutex mutex_;
    static inline DWORD answer_ = NO_ERROR;
    static inline std::vector<std::pair<UINT32, DWORD>> calls_;
};

class Silent final : public Observer {
  public:
    void on_log(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

NetworkPlace seven() {
    return NetworkPlace::parse("compartment:7").value();
}

std::expected<NativeSocket, k2s::Error> take_socket() {
    net::io_context io{1};
    CoarseClock clock;
    Watchdog watchdog{clock};
    SocketStock stock{io};
    std::expected<NativeSocket, k2s::Error> out;
    net::co_spawn(
        io.get_executor(),
        [&]() -> Task<void> {
            out = co_await stock.take(seven(), {AF_INET, SOCK_STREAM}, watchdog);
        },
        net::detached);
    io.run();
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(compartments)

BOOST_AUTO_TEST_CASE(work_is_done_by_a_thread_that_has_entered) {
    const Double system;
    DWORD worked = 0;
    const auto done = run_in_place(seven(), [&]() -> std::expected<void, k2s::Error> {
        worked = ::GetCurrentThreadId();
        return {};
    });
    BOOST_REQUIRE_MESSAGE(done, done.error().message);
    BOOST_CHECK(*done == identify(seven()).value());
    BOOST_REQUIRE_EQUAL(Double::calls().size(), 1U);
    BOOST_CHECK_EQUAL(Double::calls()[0].first, 7U);
    BOOST_CHECK_EQUAL(Double::calls()[0].second, worked);
    BOOST_CHECK_NE(worked, ::GetCurrentThreadId()); // which stays where it is
    BOOST_CHECK(run_in_place(NetworkPlace(), [] { return std::expected<void, k2s::Error>(); }));
    BOOST_CHECK_EQUAL(Double::calls().size(), 1U);
}

BOOST_AUTO_TEST_CASE(sockets_and_listeners_are_made_inside) {
    const Double system;
    const auto socket = take_socket();
    BOOST_REQUIRE_MESSAGE(socket, socket.error().message);
    BOOST_CHECK(socket->valid());
    BOOST_REQUIRE(!Double::calls().empty());
    net::io_context io(1);
    ListenerSet set(io, std::make_shared<Silent>(), {.accepted = {}, .shortage = {}});
    const auto before = Double::calls().size();
    const auto listening = set.set({*ListenAddress::parse("[compartment:7]127.0.0.1:0")});
    BOOST_REQUIRE_MESSAGE(listening, listening.error().message);
    BOOST_CHECK_EQUAL(Double::calls().size(), before + 1);
    for (const auto &[id, thread] : Double::calls()) {
        BOOST_CHECK_EQUAL(id, 7U);
        BOOST_CHECK_NE(thread, ::GetCurrentThreadId());
    }
}

BOOST_AUTO_TEST_CASE(refusals_are_told) {
    const struct {
        DWORD answer;
        int32_t code;
        const char *says;
    } cases[] = {{ERROR_ACCESS_DENIED, K2S_E_PERMISSION, "administrator"},
                 {ERROR_NOT_FOUND, K2S_E_NOT_FOUND, "error 1168"},
                 {ERROR_INVALID_PARAMETER, K2S_E_NOT_FOUND, "Get-NetCompartment"}};
    for (const auto &each : cases) {
        const Double system(each.answer);
        bool worked = false;
        const auto done = run_in_place(seven(), [&]() -> std::expected<void, k2s::Error> {
            worked = true;
            return {};
        });
        BOOST_REQUIRE(!done);
        BOOST_CHECK(!worked);
        const auto socket = take_socket();
        BOOST_REQUIRE(!socket);
        for (const auto &error : {done.error(), socket.error()}) {
            BOOST_CHECK_EQUAL(error.code, each.code);
            BOOST_CHECK_MESSAGE(error.message.contains("[compartment:7]"), error.message);
            BOOST_CHECK_MESSAGE(error.message.contains(each.says), error.message);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_system_without_them_says_so) {
    const Double system;
    set_compartment() = nullptr;
    const auto done = run_in_place(seven(), [] { return std::expected<void, k2s::Error>(); });
    BOOST_REQUIRE(!done);
    BOOST_CHECK_EQUAL(done.error().code, K2S_E_UNSUPPORTED);
    BOOST_CHECK(Double::calls().empty());
}

BOOST_AUTO_TEST_SUITE_END()
