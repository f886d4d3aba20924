// SPDX-License-Identifier: MIT
// Real namespaces, made by threads of this process: only root may.
#include "../unit.hpp"

#include <future>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#include "dataplane/socket_stock.hpp"

using namespace k2s::dataplane;

namespace {

/// A network namespace that lives as long as this object, unless sockets keep it.
class Namespace {
  public:
    Namespace() {
        std::promise<long> made;
        auto number = made.get_future();
        thread_ = std::thread([this, &made] {
            const bool ok = ::unshare(CLONE_NEWNET) == 0;
            made.set_value(ok ? ::syscall(SYS_gettid) : 0);
            end_.get_future().wait();
        });
        if (const long tid = number.get(); tid != 0) {
            path_ = "/proc/self/task/" + std::to_string(tid) + "/ns/net";
        }
    }
    ~Namespace() {
        end_.set_value();
        thread_.join();
    }
    bool made() const { return !path_.empty(); }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
    std::promise<void> end_;
    std::thread thread_;
};

bool skipped(const Namespace &space) {
    BOOST_WARN_MESSAGE(space.made(), "skipped: making a network namespace needs root");
    return !space.made();
}

uint64_t cookie(int socket) {
    uint64_t value = 0;
    socklen_t size = sizeof value;
    BOOST_REQUIRE_EQUAL(::getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &value, &size), 0);
    return value;
}

constexpr SocketKind k_stream{AF_INET, SOCK_STREAM};

struct Loop {
    net::io_context io{1};
    CoarseClock clock;
    Watchdog watchdog{clock};
    SocketStock stock{io};

    std::expected<NativeSocket, k2s::Error> take(const NetworkPlace &place) {
        std::expected<NativeSocket, k2s::Error> out;
        net::co_spawn(
            io.get_executor(),
            [&]() -> Task<void> { out = co_await stock.take(place, k_stream, watchdog); },
            net::detached);
        io.restart();
        io.run();
        return out;
    }
};

/// A name that can be pointed at another namespace.
class Link {
  public:
    explicit Link(const std::string &target) { point_to(target); }
    ~Link() { ::unlink(path_.c_str()); }
    void point_to(const std::string &target) {
        ::unlink(path_.c_str());
        BOOST_REQUIRE_EQUAL(::symlink(target.c_str(), path_.c_str()), 0);
        std::this_thread::sleep_for(SocketStock::k_trusted);
    }
    NetworkPlace place() const { return NetworkPlace::parse("netns:" + path_).value(); }

  private:
    std::string path_ = "/tmp/k2s-netns-" + std::to_string(::getpid());
};

} // namespace

BOOST_AUTO_TEST_SUITE(namespaces)

BOOST_AUTO_TEST_CASE(sockets_are_made_inside_and_the_caller_stays_outside) {
    Namespace space;
    if (skipped(space)) {
        return;
    }
    const auto here = make_socket(k_stream);
    Loop loop;
    const auto place = NetworkPlace::parse("netns:" + space.path()).value();
    std::vector<NativeSocket> all;
    for (int i = 0; i < 40; ++i) { // more than the shelf holds at first
        auto socket = loop.take(place);
        BOOST_REQUIRE_MESSAGE(socket.has_value(), socket.error().message);
        BOOST_CHECK_NE(cookie(socket->get()), cookie(here->get()));
        all.push_back(std::move(*socket));
    }
    BOOST_CHECK_GT(loop.stock.size(), 0U);
    BOOST_CHECK_LE(loop.stock.size(), SocketStock::k_most);
    BOOST_CHECK_EQUAL(cookie(make_socket(k_stream)->get()), cookie(here->get()));
    loop.stock.clear();
    BOOST_CHECK_EQUAL(loop.stock.size(), 0U);
    BOOST_CHECK(loop.take(place).has_value());
}

BOOST_AUTO_TEST_CASE(a_namespace_that_is_replaced_is_entered_anew) {
    auto first = std::make_unique<Namespace>();
    if (skipped(*first)) {
        return;
    }
    Namespace second;
    Link link(first->path());
    Loop loop;
    const auto before = loop.take(link.place());
    BOOST_REQUIRE(before.has_value());

    link.point_to("/nowhere");
    const auto gone = loop.take(link.place());
    BOOST_REQUIRE(!gone);
    BOOST_CHECK_EQUAL(gone.error().code, K2S_E_NOT_FOUND);
    BOOST_CHECK_EQUAL(loop.stock.size(), 0U);

    link.point_to(second.path());
    const auto after = loop.take(link.place());
    BOOST_REQUIRE(after.has_value());
    BOOST_CHECK_NE(cookie(before->get()), cookie(after->get()));
    link.point_to(first->path()); // without a gap in between
    BOOST_CHECK_EQUAL(cookie(loop.take(link.place())->get()), cookie(before->get()));
}

BOOST_AUTO_TEST_CASE(what_is_no_namespace_is_refused) {
    Loop loop;
    for (const char *path : {"/etc/passwd", "/dev/null", "/", "/nowhere/at/all"}) {
        const auto place = NetworkPlace::parse(std::string("netns:") + path).value();
        const auto socket = loop.take(place);
        BOOST_REQUIRE_MESSAGE(!socket, path);
        BOOST_CHECK(socket.error().message.find(path) != std::string::npos);
    }
    const auto nobody = loop.take(NetworkPlace::parse("pid:2147483647").value());
    BOOST_REQUIRE(!nobody);
    BOOST_CHECK_EQUAL(nobody.error().code, K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_SUITE_END()
