// SPDX-License-Identifier: MIT
#include "relay_loop.hpp"

#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/epoll.h>

namespace k2s::dataplane {

const bool k_native_relay = true;

RelayLoop::Impl::Impl(net::io_context &context)
    : io(context), poller(context, ::epoll_create1(EPOLL_CLOEXEC)) {}

RelayLoop::RelayLoop(net::io_context &io) : impl_(std::make_shared<Impl>(io)) {}

RelayLoop::~RelayLoop() {
    stop();
}

void RelayLoop::stop() noexcept {
    impl_->stop();
}

void RelayLoop::Impl::stop() noexcept {
    stopped = true;
    boost::system::error_code ignored;
    poller.cancel(ignored);
}

bool RelayLoop::Impl::watch(RelaySide &side) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &side;
    return ::epoll_ctl(poller.native_handle(), EPOLL_CTL_ADD, side.socket.get(), &event) == 0;
}

void RelayLoop::Impl::wait() {
    if (waiting || stopped) {
        return;
    }
    waiting = true;
    poller.async_wait(decltype(poller)::wait_read,
                      [self = shared_from_this()](const boost::system::error_code &ec) {
                          self->waiting = false;
                          if (!ec) {
                              self->run_batches();
                          }
                      });
}

void RelayLoop::Impl::run_batches() {
    running = true;
    std::array<epoll_event, k_events> events;
    for (unsigned batch = 0; batch < k_batches; ++batch) {
        const int count = ::epoll_wait(poller.native_handle(), events.data(), k_events, 0);
        for (int i = 0; i < count; ++i) {
            auto *const side = static_cast<RelaySide *>(events[static_cast<size_t>(i)].data.ptr);
            if (!side->relay->over) {
                side->relay->on_event(*side, events[static_cast<size_t>(i)].events);
            }
        }
        const auto continued = std::exchange(unfinished, {});
        for (Relay::State *relay : continued) {
            relay->queued = false;
            if (!relay->over) {
                relay->move();
            }
        }
        finish_dead();
        if (count <= 0 && unfinished.empty()) {
            break;
        }
    }
    running = false;
    if (!unfinished.empty()) {
        net::post(io, [self = shared_from_this()] { self->run_batches(); });
    } else {
        wait();
    }
}

void RelayLoop::Impl::again(Relay::State &relay) {
    if (relay.queued) {
        return;
    }
    relay.queued = true;
    unfinished.push_back(&relay);
    if (!running && unfinished.size() == 1) {
        net::post(io, [self = shared_from_this()] { self->run_batches(); });
    }
}

void RelayLoop::Impl::bury(Relay::State &relay) {
    dead.push_back(&relay);
    if (!running && dead.size() == 1) {
        net::post(io, [self = shared_from_this()] { self->finish_dead(); });
    }
}

void RelayLoop::Impl::finish_dead() {
    while (!dead.empty()) {
        const auto finished = std::exchange(dead, {});
        for (Relay::State *relay : finished) {
            if (relay->queued) {
                std::erase(unfinished, relay);
            }
            const auto done = std::move(relay->done);
            done(relay->result); // destroys the relay
        }
    }
}

} // namespace k2s::dataplane
