// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/write.hpp>

#include "harness.hpp"

using namespace test;
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

/// Takes everything, then sends it back and ends.
void echo_whole(Peer &peer) {
    const std::string all = peer.read_all();
    peer.write(all);
}

/// Sends `out` on a thread of its own and takes all that comes, both in pieces of random sizes.
std::string exchange(Tcp::socket &socket, const std::string &out, unsigned seed) {
    std::thread writer([&] {
        std::mt19937 random(seed);
        boost::system::error_code ec;
        for (size_t sent = 0; sent < out.size() && !ec;) {
            const size_t piece = std::min<size_t>(random() % 200'000 + 1, out.size() - sent);
            sent += boost::asio::write(socket, boost::asio::buffer(out.data() + sent, piece), ec);
            if (random() % 8 == 0) {
                std::this_thread::sleep_for(1ms);
            }
        }
        socket.shutdown(Tcp::socket::shutdown_send, ec);
    });
    std::string in;
    std::vector<char> block(100'000);
    std::mt19937 random(seed + 100);
    boost::system::error_code ec;
    while (!ec) {
        const size_t room = random() % block.size() + 1;
        in.append(block.data(), socket.read_some(boost::asio::buffer(block.data(), room), ec));
    }
    writer.join();
    return in;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tcp)

BOOST_AUTO_TEST_CASE(bytes_pass_both_ways_with_half_close) {
    Origin origin(echo_whole);
    Harness proxy(forward_to({origin.url()}));
    // Across the sizes at which the way that bytes take changes.
    for (const size_t size : {size_t(0), size_t(1), size_t(1024), size_t(65535), size_t(65536),
                              size_t(131072), size_t(131073), size_t(20'000'000)}) {
        const std::string sent = random_bytes(size);
        Peer client = proxy.client();
        std::thread writer([&] {
            client.write(sent);
            client.shutdown_send();
        });
        writer.join();
        BOOST_CHECK_MESSAGE(client.read_all() == sent, size << " bytes");
    }
    BOOST_CHECK(
        proxy.recorder().saw("access TCP main to=" + origin.url() + " in=20000000 out=20000000"));
    BOOST_CHECK(eventually([&] { return proxy.counters().active.get() == 0; }));
    BOOST_CHECK_EQUAL(proxy.counters().connections.get(), 8U);
    BOOST_CHECK(eventually([&] { return proxy.counters().active.get() == 0; }));
    BOOST_CHECK_EQUAL(proxy.counters().bytes_in.get(), proxy.counters().bytes_out.get());
}

BOOST_AUTO_TEST_CASE(both_ways_at_once_with_random_pieces) {
    const std::string up = random_bytes(7'654'321);
    const std::string down = random_bytes(5'432'109);
    std::string arrived;
    Origin origin([&](Peer &peer) { arrived = exchange(peer.socket(), down, 7); });
    std::string got;
    {
        Harness proxy(forward_to({origin.url()}));
        Peer client = proxy.client();
        got = exchange(client.socket(), up, 8);
        BOOST_CHECK(eventually([&] { return origin.finished() == 1; })); // the proxy may lag behind
    }
    BOOST_CHECK(got == down);
    BOOST_CHECK(arrived == up);
}

BOOST_AUTO_TEST_CASE(a_server_may_speak_first) {
    Origin origin(named("220 hello"));
    Harness proxy(forward_to({origin.url()}));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "220 hello");
}

BOOST_AUTO_TEST_CASE(a_reader_that_stops_holds_the_writer_up) {
    std::atomic<size_t> written{0};
    Origin origin([&](Peer &peer) {
        const std::string block(1'000'000, 'x');
        for (int i = 0; i < 128; ++i) {
            peer.write(block);
            written += block.size();
        }
    });
    Harness proxy(forward_to({origin.url()}));
    Peer client = proxy.client();
    client.read(1);
    size_t before = 0;
    BOOST_CHECK(eventually([&] { // until nothing moves any more
        const size_t now = written;
        const bool still = now == before && now != 0;
        before = now;
        std::this_thread::sleep_for(100ms);
        return still;
    }));
    BOOST_CHECK_LT(written.load(), 100'000'000U); // what the kernel's buffers take
    BOOST_CHECK_EQUAL(client.read_all().size(), 127'999'999U);
}

BOOST_AUTO_TEST_CASE(a_reset_is_passed_on_as_an_end) {
    std::atomic<bool> ended{false};
    Origin origin([&](Peer &peer) {
        peer.write("x");
        peer.read_all();
        ended = true;
    });
    Harness proxy(forward_to({origin.url()}));
    {
        Peer client = proxy.client();
        client.read(1);
        client.reset();
    }
    BOOST_CHECK(eventually([&] { return ended.load(); }));
    Origin rude([](Peer &peer) {
        peer.read(1);
        peer.reset();
    });
    Harness other(forward_to({rude.url()}));
    Peer client = other.client();
    client.write("x");
    BOOST_CHECK(client.at_end());
    BOOST_CHECK(eventually([&] { return other.counters().active.get() == 0; }));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_ended) {
    Origin origin(echo);
    Config config = forward_to({origin.url()});
    config.forwards[0].idle_timeout = 150ms;
    Harness proxy(config);
    Peer client = proxy.client();
    client.write("x");
    BOOST_CHECK_EQUAL(client.read(1), "x");
    BOOST_CHECK(client.at_end());
    BOOST_CHECK(proxy.recorder().saw("idle for too long"));
    BOOST_CHECK_EQUAL(proxy.counters().errors_timeout.get(), 1U);
}

BOOST_AUTO_TEST_CASE(ipv6) {
    try {
        Origin probe(echo, "::1");
    } catch (const std::exception &e) {
        BOOST_TEST_MESSAGE("skipped: no IPv6 here: " << e.what());
        return;
    }
    Origin origin(named("six"), "::1");
    Config config = forward_to({origin.url()});
    config.forwards[0].listen = {"tcp://[::1]:0"};
    Harness proxy(config);
    Peer client = Peer::connect(proxy.port(), "::1");
    BOOST_CHECK_EQUAL(client.read_all(), "six");
}

BOOST_AUTO_TEST_CASE(names_are_looked_up) {
    Origin origin(named("by name"));
    Config config = forward_to({"tcp://db.test:" + std::to_string(origin.port())});
    config.hosts["DB.test"] = {"127.0.0.1"};
    Harness proxy(config);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "by name");
    Config unknown = forward_to({"tcp://nowhere.invalid:80"});
    Harness other(unknown);
    BOOST_CHECK_EQUAL(other.whole_answer(), "");
    BOOST_CHECK_EQUAL(other.counters().errors_no_target.get(), 1U);
}

BOOST_AUTO_TEST_SUITE_END()
