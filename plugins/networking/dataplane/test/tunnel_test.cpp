// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <boost/test/data/test_case.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <random>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "dataplane/relay.hpp"

using namespace k2s::dataplane;
using namespace std::chrono_literals;

namespace {

std::string random_bytes(size_t size) {
    std::mt19937_64 random(size);
    std::string out(size, '\0');
    for (char &c : out) {
        c = static_cast<char>(random());
    }
    return out;
}

/// The two ways of moving bytes; a relay only where there is one.
enum class Way : uint8_t { coroutines, relay };
const std::vector<Way> k_ways =
    k_native_relay ? std::vector{Way::coroutines, Way::relay} : std::vector{Way::coroutines};

std::ostream &operator<<(std::ostream &out, Way way) {
    return out << (way == Way::relay ? "relay" : "coroutines");
}

/// A tunnel on a thread of its own between two loopback connections; the test holds the far ends.
class Tunnel {
  public:
    explicit Tunnel(Way way, Clock::duration idle_timeout = 60s, const std::string &first = {})
        : client(outside_), server(outside_) {
        Socket near_client = join(client);
        Socket near_server = join(server);
        prepare_socket(near_client);
        prepare_socket(near_server);
        client_ = std::make_unique<PlainStream>(std::move(near_client));
        server_ = std::make_unique<PlainStream>(std::move(near_server));
        const auto room = in_.prepare(first.size() + 1);
        std::copy(first.begin(), first.end(), static_cast<char *>(room.data()));
        in_.commit(first.size());
        watchdog_.client = client_.get();
        watchdog_.upstream = server_.get();
        if (way == Way::relay) {
            start_relay(idle_timeout, first);
        } else {
            net::co_spawn(io_.get_executor(), run(idle_timeout), [](std::exception_ptr) {});
        }
        net::co_spawn(io_.get_executor(), tick(), [](std::exception_ptr) {});
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Tunnel() {
        net::post(io_, [this] {
            stopping_ = true;
            watchdog_.cut_now();
        });
        thread_.join();
    }

    TunnelResult result() {
        auto future = done_.get_future();
        BOOST_REQUIRE(future.wait_for(10s) == std::future_status::ready);
        return future.get();
    }
    uint64_t received() const { return received_.get(); }

  private:
    net::io_context outside_;
    net::io_context io_{1};
    CoarseClock clock_{Clock::now(), 10ms};

  public:
    Tcp::socket client;
    Tcp::socket server;

  private:
    Socket join(Tcp::socket &outer) {
        Tcp::acceptor acceptor(outside_, Endpoint(net::ip::address_v4::loopback(), 0));
        outer.connect(acceptor.local_endpoint());
        Socket inner(io_);
        acceptor.accept(inner);
        return inner;
    }
    Task<void> run(Clock::duration idle_timeout) {
        const TunnelResult result = co_await run_tunnel(
            io_, watchdog_, idle_timeout, {*client_, in_, received_}, {*server_, out_, sent_});
        client_->close();
        server_->close();
        stopping_ = true;
        done_.set_value(result);
    }
    void start_relay(Clock::duration idle_timeout, const std::string &first) {
        relay_ = std::make_unique<Relay>(relays_,
                                         Relay::Options{watchdog_, idle_timeout, received_, sent_});
        error_code ec;
        relay_->start(NativeSocket(client_->socket().release(ec)),
                      NativeSocket(server_->socket().release(ec)), first,
                      [this](const TunnelResult &result) {
                          const TunnelResult kept = result; // the relay's own
                          relay_.reset();
                          relays_.stop();
                          stopping_ = true;
                          done_.set_value(kept);
                      });
    }
    Task<void> tick() {
        Timer timer(io_);
        while (!stopping_) {
            timer.expires_after(clock_.tick);
            co_await timer.async_wait(k_await);
            clock_.now = Clock::now();
            watchdog_.check(clock_.now);
        }
    }

    std::unique_ptr<PlainStream> client_;
    std::unique_ptr<PlainStream> server_;
    Buffer in_;
    Buffer out_;
    Counter received_;
    Counter sent_;
    Watchdog watchdog_{clock_};
    RelayLoop relays_{io_};
    std::unique_ptr<Relay> relay_;
    bool stopping_ = false;
    std::promise<TunnelResult> done_;
    std::thread thread_;
};

void send_in_pieces(Tcp::socket &socket, const std::string &data, unsigned seed) {
    std::mt19937 random(seed);
    error_code ec;
    for (size_t sent = 0; sent < data.size() && !ec;) {
        const size_t most = random() % 4 == 0 ? 500'000 : 3'000;
        const size_t piece = std::min<size_t>(random() % most + 1, data.size() - sent);
        sent += net::write(socket, net::buffer(data.data() + sent, piece), ec);
        if (random() % 16 == 0) {
            std::this_thread::sleep_for(1ms);
        }
    }
    socket.shutdown(Tcp::socket::shutdown_send, ec);
}

std::string take_all(Tcp::socket &socket, size_t most = 200'000) {
    std::string in;
    std::vector<char> block(most);
    std::mt19937 random(static_cast<unsigned>(most));
    error_code ec;
    while (!ec) {
        const size_t room = random() % most + 1;
        in.append(block.data(), socket.read_some(net::buffer(block.data(), room), ec));
    }
    return in;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tunnels)

BOOST_DATA_TEST_CASE(keep_every_byte_both_ways, k_ways, way) {
    for (const size_t size : {size_t(1), size_t(65'536), size_t(300'000), size_t(9'000'000)}) {
        Tunnel tunnel(way);
        const std::string up = random_bytes(size);
        const std::string down = random_bytes(size / 2 + 1);
        std::string up_arrived;
        std::thread up_writer([&] { send_in_pieces(tunnel.client, up, 1); });
        std::thread down_writer([&] { send_in_pieces(tunnel.server, down, 2); });
        std::thread up_reader([&] { up_arrived = take_all(tunnel.server); });
        const std::string down_arrived = take_all(tunnel.client);
        up_writer.join();
        down_writer.join();
        up_reader.join();
        BOOST_CHECK(up_arrived == up);
        BOOST_CHECK(down_arrived == down);
        const TunnelResult result = tunnel.result();
        BOOST_CHECK_EQUAL(result.bytes_in, up.size());
        BOOST_CHECK_EQUAL(result.bytes_out, down.size());
        BOOST_CHECK(!result.timed_out);
    }
}

BOOST_DATA_TEST_CASE(send_first_what_was_read_already, k_ways, way) {
    Tunnel tunnel(way, 60s, "early ");
    send_in_pieces(tunnel.client, "late", 3);
    BOOST_CHECK_EQUAL(take_all(tunnel.server), "early late");
}

BOOST_DATA_TEST_CASE(pass_a_half_close_on, k_ways, way) {
    Tunnel tunnel(way);
    send_in_pieces(tunnel.client, "question", 4);
    BOOST_CHECK_EQUAL(take_all(tunnel.server), "question");
    const std::string answer = random_bytes(2'000'000); // long after the client's end
    std::thread writer([&] { send_in_pieces(tunnel.server, answer, 5); });
    BOOST_CHECK(take_all(tunnel.client) == answer);
    writer.join();
}

BOOST_DATA_TEST_CASE(let_a_slow_reader_hold_the_writer_up, k_ways, way) {
    Tunnel tunnel(way);
    const std::string data = random_bytes(48'000'000);
    std::thread writer([&] { send_in_pieces(tunnel.client, data, 6); });
    uint64_t before = 1;
    for (int i = 0; i < 100 && before != tunnel.received(); ++i) { // until nothing moves
        before = tunnel.received();
        std::this_thread::sleep_for(100ms);
    }
    BOOST_CHECK_LT(before, 40'000'000U); // what the kernel's buffers take
    BOOST_CHECK(take_all(tunnel.server, 900'000) == data);
    writer.join();
}

BOOST_DATA_TEST_CASE(end_both_sides_when_one_breaks_off, k_ways, way) {
    Tunnel tunnel(way);
    std::atomic<bool> writing{true};
    std::thread writer([&] { // in the middle of a flow
        const std::string block(100'000, 'x');
        error_code ec;
        while (!ec) {
            net::write(tunnel.client, net::buffer(block), ec);
        }
        writing = false;
    });
    std::vector<char> some(100'000);
    for (int i = 0; i < 50; ++i) {
        tunnel.server.read_some(net::buffer(some));
    }
    tunnel.server.set_option(net::socket_base::linger(true, 0));
    tunnel.server.close(); // a reset
    writer.join();
    BOOST_CHECK(!writing);
    tunnel.result();
}

BOOST_DATA_TEST_CASE(end_when_nothing_moves, k_ways, way) {
    Tunnel tunnel(way, 100ms);
    net::write(tunnel.client, net::buffer("x", 1));
    BOOST_CHECK_EQUAL(take_all(tunnel.server), "x");
    BOOST_CHECK(tunnel.result().timed_out);
}

BOOST_AUTO_TEST_SUITE_END()
