// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <functional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include "l4proxy/health.hpp"

using namespace k2s::l4proxy;
using namespace std::chrono_literals;
namespace dataplane = k2s::dataplane;
namespace net = boost::asio;
using dataplane::Clock;
using dataplane::Endpoint;
using dataplane::k_await;
using dataplane::Task;
using Tcp = net::ip::tcp;

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

using Connection = net::basic_stream_socket<Tcp, dataplane::Executor>;

// Serves each connection on the test's io_context.
class Server {
  public:
    using Serve = std::function<Task<void>(Connection &)>;
    Server(net::io_context &io, Serve serve, Endpoint at = {net::ip::address_v4::loopback(), 0})
        : acceptor_(io, at), serve_(std::move(serve)) {
        net::co_spawn(io.get_executor(), accept(), net::detached);
    }
    Endpoint endpoint() const { return acceptor_.local_endpoint(); }
    int connections = 0;

  private:
    Task<void> accept() {
        for (;;) {
            Connection socket(acceptor_.get_executor());
            const auto [ec] = co_await acceptor_.async_accept(socket, k_await);
            if (ec) {
                co_return;
            }
            ++connections;
            net::co_spawn(acceptor_.get_executor(), one(std::move(socket)), net::detached);
        }
    }
    Task<void> one(Connection socket) { co_await serve_(socket); }

    net::basic_socket_acceptor<Tcp, dataplane::Executor> acceptor_;
    Serve serve_;
};

// Reads a little, then answers and closes.
Server::Serve answering(const std::string &answer) {
    return [&answer](Connection &socket) -> Task<void> {
        char request[1024];
        co_await socket.async_read_some(net::buffer(request), k_await);
        co_await net::async_write(socket, net::buffer(answer), k_await);
    };
}

Task<std::expected<dataplane::Socket, std::string>>
dial(const Target &target, dataplane::Watchdog &watchdog, net::io_context &io) {
    dataplane::Socket socket(io);
    const dataplane::Scoped<dataplane::Socket> slot(watchdog.dialing, &socket);
    const dataplane::SocketAddress to(target.data<Endpoint>());
    const auto [ec] = co_await socket.async_connect(to, k_await);
    if (ec) {
        co_return std::unexpected(ec.message());
    }
    co_return socket;
}

struct Fixture {
    net::io_context io{1};
    std::shared_ptr<Log> log = std::make_shared<Log>();
    std::shared_ptr<Balancer> balancer = std::make_shared<Balancer>("web", log);
    HealthChecker checker{io, balancer,
                          [this](const Target &target, dataplane::Watchdog &watchdog) {
                              return dial(target, watchdog, io);
                          }};
    HealthCheck check;

    Fixture() {
        check.interval = 20ms;
        check.timeout = 300ms;
    }
    void watch(const Endpoint &endpoint) {
        TargetSpec spec;
        spec.name = "a";
        spec.data = std::make_shared<const Endpoint>(endpoint);
        balancer->set({}, {spec});
        checker.set(check);
    }
    bool up() const { return balancer->targets()[0]->health() == Health::up; }
    // Runs until so many more checks have ended.
    void run_checks(uint64_t count) {
        const uint64_t wanted = checker.checks().get() + count;
        const auto deadline = Clock::now() + 10s;
        io.restart();
        while (checker.checks().get() < wanted && Clock::now() < deadline) {
            io.run_one_for(100ms);
        }
        BOOST_REQUIRE(checker.checks().get() >= wanted);
    }
    Endpoint unused_port() {
        Tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
        return acceptor.local_endpoint();
    }
};

const std::string k_ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(health_checks, Fixture)

BOOST_AUTO_TEST_CASE(rise_and_fall) {
    check.rise = 2;
    check.fall = 3;
    HealthCount count;
    std::string told;
    for (const char c : std::string("+--+---+-++-+--- ")) {
        if (c == ' ') {
            break;
        }
        const auto change = count.add(c == '+', check);
        told += !change ? '.' : *change ? 'U' : 'D';
    }
    BOOST_CHECK_EQUAL(told, "U.....D...U....D");
    HealthCount down_first;
    BOOST_CHECK(down_first.add(false, check) == std::optional(false));
    BOOST_CHECK(!down_first.add(true, check));
    BOOST_CHECK(down_first.add(true, check) == std::optional(true));
}

BOOST_AUTO_TEST_CASE(http_answers) {
    check.kind = HealthCheck::Kind::http;
    check.status_from = 200;
    check.status_to = 299;
    struct {
        std::string answer;
        char verdict; // ok, refused, more is needed
    } const cases[] = {
        {"HTTP/1.1 200 OK\r\n", 'o'},
        {"HTTP/1.0 204 No Content\r\nX: y\r\n\r\n", 'o'},
        {"HTTP/1.1 200\r\n", 'o'},
        {"HTTP/1.1 299 \r\n", 'o'},
        {"HTTP/1.1 300 Multiple Choices\r\n", 'r'},
        {"HTTP/1.1 503 No\r\n", 'r'},
        {"HTTP/1.1 100 Continue\r\n", 'r'},
        {"HTTP/1.1 099 Odd\r\n", 'r'},
        {"HTTP/1.1 20 OK\r\n", 'r'},
        {"HTTP/1.1 2000 OK\r\n", 'r'},
        {"HTTP/1.1  200 OK\r\n", 'r'},
        {"HTTP/1.1 +20 OK\r\n", 'r'},
        {"HTTP/1.1 200 OK\n", 'r'},
        {"HTTP/2.0 200 OK\r\n", 'r'},
        {"HTTP/1.x 200 OK\r\n", 'r'},
        {"SSH-2.0", 'r'},
        {"\n", 'r'},
        {"", 'm'},
        {"HTTP", 'm'},
        {"HTTP/1.1 200 OK\r", 'm'},
        {"HTTP/1.1 200 " + std::string(1100, 'x'), 'r'},
    };
    for (const auto &c : cases) {
        const auto judged = judge_http_answer(c.answer, check);
        const char verdict = !judged ? 'm' : *judged ? 'o' : 'r';
        BOOST_CHECK_MESSAGE(verdict == c.verdict, c.answer);
    }
}

BOOST_AUTO_TEST_CASE(refused) {
    watch(unused_port());
    run_checks(1);
    BOOST_CHECK(!up());
    BOOST_CHECK(log->text.starts_with("target down web a the health check failed: "));
    run_checks(5);
    BOOST_CHECK_EQUAL(std::count(log->text.begin(), log->text.end(), '\n'), 1); // told once
}

BOOST_AUTO_TEST_CASE(connecting_is_enough) {
    Server server(io, [](Connection &) -> Task<void> { co_return; });
    watch(server.endpoint());
    run_checks(3);
    BOOST_CHECK(up());
    BOOST_CHECK_EQUAL(checker.failures().get(), 0U);
    BOOST_CHECK_EQUAL(log->text, "");
}

BOOST_AUTO_TEST_CASE(blackholed) {
    check.timeout = 100ms;
    watch({net::ip::make_address("192.0.2.1"), 9}); // unreachable at once where there is no route
    run_checks(1);
    BOOST_CHECK(!up());
}

BOOST_AUTO_TEST_CASE(silent) {
    check.kind = HealthCheck::Kind::exchange;
    check.expect = "hello";
    check.timeout = 60ms;
    Tcp::acceptor backlog(io, {net::ip::address_v4::loopback(), 0}); // accepts nobody
    watch(backlog.local_endpoint());
    run_checks(1);
    BOOST_CHECK(!up());
    BOOST_CHECK(log->text.ends_with("no answer in time\n"));
}

BOOST_AUTO_TEST_CASE(send_and_expect) {
    const std::string answer = "+PONG\r\n";
    std::string seen;
    Server server(io, [&](Connection &socket) -> Task<void> {
        char request[64];
        const auto [ec, size] = co_await socket.async_read_some(net::buffer(request), k_await);
        seen.assign(request, size);
        for (const char &c : answer) { // in pieces
            co_await net::async_write(socket, net::buffer(&c, 1), k_await);
        }
    });
    check.kind = HealthCheck::Kind::exchange;
    check.send = "PING\r\n";
    check.expect = "PONG";
    watch(server.endpoint());
    run_checks(2);
    BOOST_CHECK(up());
    BOOST_CHECK_EQUAL(checker.failures().get(), 0U);
    BOOST_CHECK_EQUAL(seen, "PING\r\n");
    check.expect = "READY";
    checker.set(check); // another check decides anew
    run_checks(1);
    BOOST_CHECK(!up());
    BOOST_CHECK(log->text.find("the connection ended before") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_endless_answer_is_cut_off) {
    Server server(io, [](Connection &socket) -> Task<void> {
        const std::string noise(4096, 'n');
        for (;;) {
            const auto [ec, size] = co_await net::async_write(socket, net::buffer(noise), k_await);
            if (ec) {
                co_return;
            }
        }
    });
    check.kind = HealthCheck::Kind::exchange;
    check.expect = "hello";
    watch(server.endpoint());
    run_checks(1);
    BOOST_CHECK(!up());
    BOOST_CHECK(log->text.ends_with("the answer does not contain what is expected\n"));
}

BOOST_AUTO_TEST_CASE(http) {
    std::string answer = k_ok;
    Server server(io, answering(answer));
    check.kind = HealthCheck::Kind::http;
    check.host = "example.com";
    check.rise = 1;
    check.fall = 1;
    watch(server.endpoint());
    run_checks(1);
    BOOST_CHECK(up());
    answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
    run_checks(2); // one may have been answered already
    BOOST_CHECK(!up());
    BOOST_CHECK(log->text.find("the answer has status 503") != std::string::npos);
    answer = k_ok;
    run_checks(2);
    BOOST_CHECK(up());
}

BOOST_AUTO_TEST_CASE(flapping_is_told_as_rise_and_fall_say) {
    int asked = 0;
    const std::string good = k_ok;
    const std::string bad = "HTTP/1.1 500 Oops\r\n\r\n";
    Server server(io, [&](Connection &socket) -> Task<void> {
        char request[1024];
        co_await socket.async_read_some(net::buffer(request), k_await);
        const std::string &answer = ++asked % 2 == 1 ? good : bad;
        co_await net::async_write(socket, net::buffer(answer), k_await);
    });
    check.kind = HealthCheck::Kind::http;
    check.rise = check.fall = 2;
    watch(server.endpoint());
    run_checks(11);
    BOOST_CHECK(up()); // every second one fails, never two in a row
    BOOST_CHECK(checker.failures().get() >= 5U);
    BOOST_CHECK_EQUAL(log->text, "");
}

BOOST_AUTO_TEST_CASE(a_reload_goes_on_and_removal_ends_checks) {
    Server server(io, [](Connection &) -> Task<void> { co_return; });
    watch(server.endpoint());
    run_checks(2);
    TargetSpec kept = balancer->targets()[0]->spec();
    TargetSpec added;
    added.name = "b";
    added.data = std::make_shared<const Endpoint>(unused_port());
    balancer->set({}, {kept, added});
    checker.set(check);
    run_checks(4);
    BOOST_CHECK(balancer->targets()[0]->health() == Health::up);
    BOOST_CHECK(balancer->targets()[1]->health() == Health::down);
    checker.set(std::nullopt);
    BOOST_CHECK(balancer->targets()[1]->health() == Health::up);
    const uint64_t before = checker.checks().get();
    io.restart();
    io.run_for(100ms);
    BOOST_CHECK_EQUAL(checker.checks().get(), before);
}

BOOST_AUTO_TEST_SUITE_END()
