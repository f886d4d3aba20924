// SPDX-License-Identifier: MIT
#include "dial.hpp"

#include "dataplane/connect.hpp"

namespace k2s::l4proxy {

Task<std::vector<SocketAddress>> addresses_of(Engine &engine, const TargetSettings &target,
                                              dataplane::Watchdog &watchdog, std::string &problem) {
    if (!target.addresses.empty()) {
        co_return target.addresses;
    }
    const auto names = co_await engine.resolver.resolve(target.url.host, watchdog);
    std::vector<SocketAddress> out;
    for (const Address &address : names.addresses) {
        out.push_back(Endpoint(address, target.url.port));
    }
    if (out.empty()) {
        problem = "its name cannot be resolved";
        if (names.ec) {
            problem += ": " + names.ec.message();
        }
    }
    co_return out;
}

Task<std::expected<Socket, std::string>> dial(Engine &engine, const TargetSettings &target,
                                              dataplane::Watchdog &watchdog) {
    std::string problem;
    const auto addresses = co_await addresses_of(engine, target, watchdog, problem);
    for (const SocketAddress &to : addresses) {
        const dataplane::SocketKind kind{to.protocol().family(), SOCK_STREAM};
        auto made = co_await engine.stock.take(target.url.place, kind, watchdog);
        if (!made) {
            co_return std::unexpected(std::move(made.error().message));
        }
        const auto begun = begin_connect(*made, to, false);
        error_code ec = begun ? error_code() : begun.error();
        Socket socket(engine.io);
        if (begun && *begun) {
            socket.assign(to.protocol(), made->get(), ec);
            if (!ec) {
                made->release();
            }
        } else if (begun) {
            const dataplane::Scoped<Socket> dialing(watchdog.dialing, &socket);
            ec = co_await finish_connect(socket, *made, to);
        }
        if (!ec) {
            error_code ignored;
            socket.non_blocking(true, ignored);
            co_return socket;
        }
        problem = watchdog.expired() ? std::string("it does not answer") : ec.message();
        if (watchdog.expired() || watchdog.cut()) {
            break;
        }
    }
    co_return std::unexpected(std::move(problem));
}

Task<std::expected<Socket, std::string>> dial_datagrams(Engine &engine, std::optional<UdpTarget> to,
                                                        dataplane::Watchdog &watchdog) {
    if (!to) {
        co_return std::unexpected(std::string("its name has not been resolved yet"));
    }
    const dataplane::SocketKind kind{to->endpoint.protocol().family(), SOCK_DGRAM};
    auto made = co_await engine.stock.take(to->place, kind, watchdog);
    if (!made) {
        co_return std::unexpected(std::move(made.error().message));
    }
    error_code ec = connect_udp_socket(*made, to->endpoint);
    Socket socket(engine.io);
    if (!ec) {
        socket.assign(SocketAddress::protocol_type(kind.family, 0), made->get(), ec);
    }
    if (ec) {
        co_return std::unexpected(ec.message());
    }
    made->release();
    co_return socket;
}

} // namespace k2s::l4proxy
