// SPDX-License-Identifier: MIT
#include "tunnel.hpp"

#include <boost/asio/co_spawn.hpp>

#include "event.hpp"

namespace k2s::dataplane {
namespace {

// One direction.
struct Pump {
    Watchdog &watchdog;
    Clock::duration idle_timeout;
    TunnelEnd from;
    Stream &to;
    const Pump *other = nullptr; ///< the other direction
    bool over = false;
    uint64_t bytes = 0;

    Task<void> run() {
        const bool ended = co_await flush() && co_await copy();
        if (ended) {
            over = true;
            if (!other->over) { // else closing, which comes now, says the same
                co_await to.shutdown_send();
            }
        } else {
            from.stream.close(); // ends the other direction too
            to.close();
        }
    }

  private:
    Task<bool> flush() {
        if (from.in.empty()) {
            co_return true;
        }
        const IoResult sent = co_await to.write(from.in.view(), std::string_view());
        bytes += sent.bytes;
        from.received.add(sent.bytes);
        from.in.consume(sent.bytes);
        watchdog.arm(idle_timeout);
        co_return !sent.ec;
    }

    Task<bool> copy() {
        size_t wanted = Buffer::k_small;
        for (;;) {
            const net::mutable_buffer room = from.in.prepare(wanted);
            const IoResult got = co_await from.stream.read_some(room);
            from.in.commit(got.bytes);
            if (got.ec) {
                co_return got.ec == net::error::eof;
            }
            if (got.bytes == room.size()) {
                wanted = Buffer::k_large;
            }
            if (!co_await flush()) {
                co_return false;
            }
        }
    }
};

} // namespace

Task<TunnelResult> run_tunnel(net::io_context &io, Watchdog &watchdog, Clock::duration idle_timeout,
                              TunnelEnd client, TunnelEnd upstream) {
    Pump out{watchdog, idle_timeout, client, upstream.stream};
    Pump back{watchdog, idle_timeout, upstream, client.stream, &out};
    out.other = &back;
    Event out_done(io);
    watchdog.arm(idle_timeout);
    net::co_spawn(io.get_executor(), out.run(),
                  [&out_done](std::exception_ptr) { out_done.set(); });
    co_await back.run();
    co_await out_done.wait();
    co_return TunnelResult{out.bytes, back.bytes, watchdog.expired()};
}

} // namespace k2s::dataplane
