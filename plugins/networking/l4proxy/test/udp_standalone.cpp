// SPDX-License-Identifier: MIT
// UDP forwarding without a host, for test/bench/udp.sh: not shipped.
//   udp_standalone LISTEN TARGET…, each address:port
#include "dataplane/test/standalone.hpp"

#include "common/address.hpp"
#include "common/text.hpp"
#include "l4proxy/udp_forward.hpp"

namespace {

using namespace k2s::l4proxy;
namespace dataplane = k2s::dataplane;
namespace net = boost::asio;

} // namespace

int main(int argc, char **argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s LISTEN TARGET…, each udp://address:port\n", argv[0]);
        return 2;
    }
    const auto url = EndpointUrl::parse_listen(argv[1]);
    std::vector<TargetSpec> targets;
    for (int i = 2; i < argc; ++i) {
        const auto target = EndpointUrl::parse_target(argv[i]);
        if (!target) {
            return dataplane::test::failed(target.error());
        }
        TargetSpec spec;
        spec.name = argv[i];
        spec.data = std::make_shared<const UdpTarget>(
            target->place, UdpEndpoint(k2s::parse_address(target->host).value(), target->port));
        targets.push_back(std::move(spec));
    }
    auto opened = url ? open_udp_listen(*url) : std::unexpected(url.error());
    if (!opened) {
        return dataplane::test::failed(opened.error());
    }
    net::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    const auto printer = std::make_shared<dataplane::test::Printer<dataplane::Observer>>();
    const auto balancer = std::make_shared<Balancer>("bench", printer);
    balancer->set({}, std::move(targets));
    UdpLoop loop(io);
    dataplane::SocketStock stock(io);
    UdpForward::Callbacks callbacks;
    callbacks.locate = [](const Target &target) -> std::optional<UdpTarget> {
        return target.data<UdpTarget>();
    };
    UdpForward forward({io, loop, stock, printer, std::make_shared<UdpCounters>()}, "bench",
                       balancer, std::move(callbacks));
    std::vector<UdpListen> added;
    added.push_back(std::move(*opened));
    if (const auto listening = forward.listen({}, std::move(added)); !listening) {
        return dataplane::test::failed(listening.error());
    }
    net::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code, int) {
        forward.close();
        io.stop();
    });
    io.run();
    return 0;
}
