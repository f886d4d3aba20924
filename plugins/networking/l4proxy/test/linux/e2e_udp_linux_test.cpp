// SPDX-License-Identifier: MIT
#include "../unit.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../udp_harness.hpp"

using namespace test;
using namespace k2s::l4proxy;

namespace {

// Leaves the process so many descriptors, until it is destroyed.
class FewDescriptors {
  public:
    explicit FewDescriptors(unsigned left) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        rlimit few = before_;
        few.rlim_cur = static_cast<rlim_t>(next) + left;
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

} // namespace

BOOST_AUTO_TEST_SUITE(udp_forwarding_on_linux)

BOOST_AUTO_TEST_CASE(without_descriptors_old_sessions_make_room) {
    UdpServer server(echo);
    UdpHarness proxy({{{}, server.endpoint()}});
    std::vector<std::unique_ptr<UdpPeer>> clients;
    for (int i = 0; i < 32; ++i) {
        clients.push_back(std::make_unique<UdpPeer>());
    }
    clients[0]->send("first", proxy.endpoint()); // whatever is made once is made now
    BOOST_REQUIRE(clients[0]->receive());
    {
        const FewDescriptors few(6);
        for (const auto &client : clients) {
            client->send("hello", proxy.endpoint());
            BOOST_REQUIRE(client->receive());
        }
        BOOST_CHECK(proxy.counters().evicted.get() >= 20);
        BOOST_CHECK(proxy.counters().sessions.get() <= 8);
        BOOST_CHECK(proxy.log().find("out of descriptors") != std::string::npos);
    }
    const uint64_t evicted = proxy.counters().evicted.get();
    for (const auto &client : clients) { // all is as before
        client->send("again", proxy.endpoint());
        BOOST_REQUIRE(client->receive());
    }
    BOOST_CHECK_EQUAL(proxy.counters().evicted.get(), evicted);
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 32U);
}

BOOST_AUTO_TEST_SUITE_END()
