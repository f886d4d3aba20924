// SPDX-License-Identifier: MIT
#include "relay_loop.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace k2s::dataplane {
namespace {

// Full buffers in a row after which a flow counts as bulk: a small transfer does not pay for pipes.
constexpr uint8_t k_bulk_after = 2;
// Pieces of one direction before others have their turn.
constexpr unsigned k_turn = 16;

bool would_block(int error) noexcept {
    return error == EAGAIN || error == EINTR;
}

} // namespace

Relay::Relay(const RelayLoop &loop, const Options &options)
    : state_(std::make_unique<State>(loop.impl(), options)) {}

Relay::~Relay() {
    state_->options.watchdog.waiter = nullptr;
}

void Relay::start(NativeSocket client, NativeSocket upstream, std::string first,
                  std::function<void(const TunnelResult &)> done) {
    state_->done = std::move(done);
    state_->options.watchdog.waiter = this;
    state_->begin(std::move(client), std::move(upstream), std::move(first));
}

void Relay::cancelled() noexcept {
    state_->end();
}

Relay::State::State(std::shared_ptr<RelayLoop::Impl> on, const Options &given)
    : loop(std::move(on)), options(given) {
    client.relay = upstream.relay = this;
}

void Relay::State::begin(NativeSocket from, NativeSocket to, std::string first) {
    client.socket = std::move(from);
    upstream.socket = std::move(to);
    client.rest = std::move(first);
    options.watchdog.arm(options.idle_timeout);
    if (!loop->watch(client) || !loop->watch(upstream)) {
        end();
        return;
    }
    // What is true by now comes as the first edges; but most clients have sent already.
    upstream.writable = true;
    client.readable = true;
    move();
    loop->wait();
}

void Relay::State::on_event(RelaySide &side, uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
        side.hung_up = true;
        side.readable = true;
        side.writable = true; // an error is found by trying
    }
    side.readable = side.readable || (events & EPOLLIN) != 0;
    side.writable = side.writable || (events & EPOLLOUT) != 0;
    move();
    if ((events & EPOLLERR) != 0 && side.ended && !over) {
        end(); // a reset after its end: reading cannot find it any more
    }
}

void Relay::State::move() {
    const Step in = pump(client, upstream, result.bytes_in, options.received);
    const Step out =
        in == Step::failed ? in : pump(upstream, client, result.bytes_out, options.sent);
    if (out == Step::failed || all_told()) {
        end();
    } else if (in == Step::moved || out == Step::moved) {
        loop->again(*this);
    }
}

void Relay::State::end() {
    if (over) {
        return;
    }
    over = true;
    result.timed_out = options.watchdog.expired();
    // Closing takes the sockets out of the epoll instance: nothing else holds them.
    client.socket = {};
    upstream.socket = {};
    loop->bury(*this);
}

// `moved` when there is more to do that need not be waited for.
Relay::State::Step Relay::State::pump(RelaySide &from, RelaySide &to, uint64_t &bytes,
                                      Counter &counter) {
    const uint64_t before = bytes;
    Step step = Step::moved;
    for (unsigned turn = 0; turn < k_turn && step == Step::moved; ++turn) {
        if (!from.rest.empty()) {
            step = send_rest(from, to, bytes, counter);
        } else if (from.piped != 0) {
            step = empty_pipe(from, to, bytes, counter);
        } else if (from.ended) {
            if (!from.told) {
                from.told = true;
                if (!to.told) { // else both are closed now, which says the same
                    ::shutdown(to.socket.get(), SHUT_WR);
                }
            }
            step = Step::blocked;
        } else if (!from.readable) {
            step = Step::blocked;
        } else if (from.full < k_bulk_after) {
            step = copy(from, to, bytes, counter);
        } else {
            step = fill_pipe(from);
        }
    }
    if (bytes != before) {
        options.watchdog.arm(options.idle_timeout);
    }
    return step;
}

// One piece through the shared buffer; what the sink does not take stays in `rest`.
Relay::State::Step Relay::State::copy(RelaySide &from, RelaySide &to, uint64_t &bytes,
                                      Counter &counter) {
    auto &scratch = loop->scratch;
    const ssize_t got = ::recv(from.socket.get(), scratch.data(), scratch.size(), 0);
    if (got == 0) {
        from.ended = true;
        return Step::moved;
    }
    if (got < 0) {
        if (!would_block(errno)) {
            return Step::failed;
        }
        from.readable = errno == EINTR;
        return Step::moved;
    }
    const auto size = static_cast<size_t>(got);
    if (size < scratch.size()) {
        // Drained, and an edge tells of more. Only the end may have come with these very bytes.
        from.readable = from.hung_up;
        from.full = 0;
    } else {
        ++from.full;
    }
    ssize_t sent = ::send(to.socket.get(), scratch.data(), size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!would_block(errno)) {
            return Step::failed;
        }
        sent = 0;
    }
    bytes += static_cast<size_t>(sent);
    counter.add(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < size) {
        from.rest.assign(scratch.data() + sent, scratch.data() + size);
        to.writable = false;
    }
    return Step::moved;
}

Relay::State::Step Relay::State::send_rest(RelaySide &from, RelaySide &to, uint64_t &bytes,
                                           Counter &counter) {
    if (!to.writable) {
        return Step::blocked;
    }
    const ssize_t sent = ::send(to.socket.get(), from.rest.data() + from.rest_sent,
                                from.rest.size() - from.rest_sent, MSG_NOSIGNAL);
    if (sent < 0) {
        to.writable = errno == EINTR;
        return would_block(errno) ? Step::moved : Step::failed;
    }
    from.rest_sent += static_cast<size_t>(sent);
    bytes += static_cast<size_t>(sent);
    counter.add(static_cast<size_t>(sent));
    if (from.rest_sent == from.rest.size()) {
        std::string().swap(from.rest);
        from.rest_sent = 0;
    }
    return Step::moved;
}

Relay::State::Step Relay::State::fill_pipe(RelaySide &from) {
    if (!from.pipe.open()) {
        from.pipe = loop->pipes.take();
    }
    if (!from.pipe.open()) {
        from.full = 0; // no descriptors left: copy
        return Step::moved;
    }
    const ssize_t got = ::splice(from.socket.get(), nullptr, from.pipe.write_end(), nullptr,
                                 PipeStock::k_pipe_bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got > 0) {
        from.piped = static_cast<size_t>(got);
        from.burst += from.piped;
        return Step::moved;
    }
    const int error = got < 0 ? errno : 0;
    if (error == EINTR) {
        return Step::moved;
    }
    loop->pipes.give_back(std::move(from.pipe));
    if (got == 0) {
        from.ended = true;
        return Step::moved;
    }
    from.readable = false;
    // While much comes at a time it stays bulk; else one full buffer makes it so again.
    from.full = from.burst >= loop->scratch.size() ? k_bulk_after : k_bulk_after - 1;
    from.burst = 0;
    return would_block(error) ? Step::moved : Step::failed;
}

Relay::State::Step Relay::State::empty_pipe(RelaySide &from, RelaySide &to, uint64_t &bytes,
                                            Counter &counter) {
    if (!to.writable) {
        return Step::blocked;
    }
    const ssize_t sent = ::splice(from.pipe.read_end(), nullptr, to.socket.get(), nullptr,
                                  from.piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent > 0) {
        from.piped -= static_cast<size_t>(sent);
        bytes += static_cast<size_t>(sent);
        counter.add(static_cast<size_t>(sent));
        return Step::moved;
    }
    if (sent == 0) {
        return Step::failed;
    }
    to.writable = errno == EINTR;
    return would_block(errno) ? Step::moved : Step::failed;
}

} // namespace k2s::dataplane
