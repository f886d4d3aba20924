// SPDX-License-Identifier: MIT
#include "socket_stock.hpp"

#include <algorithm>
#include <deque>

#include <boost/asio/detail/socket_ops.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace k2s::dataplane {

NativeSocket::~NativeSocket() {
    if (valid()) {
        net::detail::socket_ops::state_type state = 0;
        error_code ignored;
        net::detail::socket_ops::close(handle_, state, true, ignored);
    }
}

namespace {

constexpr auto k_soon = Milliseconds(200);

} // namespace

struct SocketStock::Shelf {
    PlaceIdentity identity;
    std::vector<NativeSocket> sockets;
    std::deque<Timer *> waiting;  // for an order, first come, first served
    std::optional<Error> problem; // why the last order failed
    size_t level = k_least;
    bool ordered = false;
    Clock::time_point last_order; // in quick succession they grow: each costs a thread's wake-up
    Clock::time_point used = Clock::now();
    Clock::time_point looked = used; // at what the place's name stands for

    // Wakes as many as can be served; others would only find the shelf empty again.
    void wake(size_t count) {
        for (; count != 0 && !waiting.empty(); --count) {
            waiting.front()->cancel();
            waiting.pop_front();
        }
    }
};

struct SocketStock::Helper {
    net::thread_pool thread{1};
};

namespace {

Error no_socket(const NetworkPlace &place, const error_code &ec) {
    const bool used_up = ec == net::error::no_descriptors || ec == net::error::no_buffer_space ||
                         ec == net::error::no_memory ||
                         ec == boost::system::errc::too_many_files_open_in_system;
    return {used_up ? K2S_E_NO_MEMORY : K2S_E_IO,
            "no socket" + (place.here() ? std::string() : " in " + place.text()) + ": " +
                ec.message()};
}

struct Delivery {
    PlaceIdentity identity;
    std::vector<NativeSocket> sockets;
    std::optional<Error> problem;
};

// On the helper thread.
Delivery make(const NetworkPlace &place, SocketKind kind, size_t count) {
    Delivery delivery;
    const auto entered = enter(place);
    if (!entered) {
        delivery.problem = entered.error();
        return delivery;
    }
    delivery.identity = *entered;
    for (size_t i = 0; i < count; ++i) {
        auto socket = make_socket(kind);
        if (!socket) {
            if (delivery.sockets.empty()) {
                delivery.problem = no_socket(place, socket.error());
            }
            break;
        }
        delivery.sockets.push_back(std::move(*socket));
    }
    return delivery;
}

} // namespace

SocketStock::SocketStock(net::io_context &io) : io_(io) {}

SocketStock::~SocketStock() {
    for (auto &[key, shelf] : shelves_) {
        shelf->wake(shelf->waiting.size());
    }
    if (helper_) {
        helper_->thread.join();
    }
}

std::expected<std::shared_ptr<SocketStock::Shelf>, Error>
SocketStock::shelf(const NetworkPlace &place, SocketKind kind) {
    const auto now = Clock::now();
    const auto known = shelves_.find(Key(place, kind));
    if (known != shelves_.end() && now - known->second->looked < k_trusted) {
        known->second->used = now;
        return known->second;
    }
    // A namespace that was deleted lives on as long as our sockets in it, so that connecting there
    // would time out instead of failing with the reason.
    const auto identity = identify(place);
    if (!identity) {
        std::erase_if(shelves_, [&](auto &item) {
            const bool gone = item.first.first == place;
            if (gone) {
                item.second->problem = identity.error();
                item.second->wake(item.second->waiting.size());
            }
            return gone;
        });
        return std::unexpected(identity.error());
    }
    auto &found = shelves_[Key(place, kind)];
    if (!found || found->identity != *identity) {
        auto fresh = std::make_shared<Shelf>();
        fresh->identity = *identity;
        found = std::move(fresh);
    }
    found->used = now;
    found->looked = now;
    return found;
}

void SocketStock::order(const Key &key, const std::shared_ptr<Shelf> &shelf) {
    if (shelf->ordered) {
        return;
    }
    if (!helper_) {
        helper_ = std::make_unique<Helper>();
    }
    shelf->ordered = true;
    const auto now = Clock::now();
    if (now - shelf->last_order < k_soon) {
        shelf->level = std::min(shelf->level * 2, k_most);
    }
    shelf->last_order = now;
    const size_t wanted = std::max(shelf->level, std::min(shelf->waiting.size() + 1, k_burst));
    const size_t count = wanted - std::min(wanted, shelf->sockets.size());
    // The work guard keeps the io_context running for those who wait.
    net::post(helper_->thread, [&io = io_, key, shelf, count,
                                work = net::make_work_guard(io_.get_executor())]() mutable {
        auto made = std::make_shared<Delivery>(make(key.first, key.second, count));
        net::post(io, [shelf = std::move(shelf), made = std::move(made)]() mutable {
            shelf->ordered = false;
            shelf->problem = std::move(made->problem);
            shelf->looked = {};
            if (!shelf->problem && made->identity != shelf->identity) {
                // Another namespace has taken over the name in between; the next taker finds out.
                shelf->problem = Error{K2S_E_NOT_FOUND, "the network namespace has been replaced"};
            } else {
                std::move(made->sockets.begin(), made->sockets.end(),
                          std::back_inserter(shelf->sockets));
            }
            shelf->wake(shelf->problem ? shelf->waiting.size() : shelf->sockets.size());
        });
    });
}

std::expected<std::optional<NativeSocket>, Error> SocketStock::take_now(const NetworkPlace &place,
                                                                        SocketKind kind) {
    if (place.here()) {
        auto made = make_socket(kind);
        if (!made) {
            return std::unexpected(no_socket(place, made.error()));
        }
        return std::optional(std::move(*made));
    }
    const auto found = shelf(place, kind);
    if (!found) {
        return std::unexpected(found.error());
    }
    Shelf &from = **found;
    if (from.sockets.empty()) {
        return std::optional<NativeSocket>();
    }
    std::optional<NativeSocket> taken(std::move(from.sockets.back()));
    from.sockets.pop_back();
    if (from.sockets.size() <= from.level / 2) {
        order(Key(place, kind), *found);
    }
    return taken;
}

Task<std::expected<NativeSocket, Error>> SocketStock::take(const NetworkPlace &place,
                                                           SocketKind kind, Watchdog &watchdog) {
    for (unsigned attempt = 0;; ++attempt) {
        auto taken = take_now(place, kind);
        if (!taken) {
            co_return std::unexpected(std::move(taken.error()));
        }
        if (*taken) {
            co_return std::move(**taken);
        }
        if (watchdog.cut() || watchdog.expired()) {
            co_return std::unexpected(
                Error{K2S_E_TIMEOUT, "no socket in " + place.text() + " came about in time"});
        }
        const auto found = shelf(place, kind);
        if (!found) {
            co_return std::unexpected(found.error());
        }
        const std::shared_ptr<Shelf> from = *found;
        if (attempt != 0 && from->problem && !from->ordered) {
            co_return std::unexpected(*from->problem);
        }
        order(Key(place, kind), from);
        Timer done(io_);
        done.expires_at(Clock::time_point::max());
        from->waiting.push_back(&done);
        {
            const Scoped<Timer> waiting(watchdog.waiting, &done);
            co_await done.async_wait(k_await);
        }
        std::erase(from->waiting, &done);
        if (watchdog.cut() || watchdog.expired()) {
            from->wake(std::min<size_t>(1, from->sockets.size())); // in its place
        }
    }
}

void SocketStock::sweep() {
    const auto limit = Clock::now() - k_unused;
    std::erase_if(shelves_, [&](const auto &item) {
        return item.second->used < limit && !item.second->ordered;
    });
}

void SocketStock::clear() {
    for (auto &[key, shelf] : shelves_) {
        shelf->sockets.clear();
        shelf->level = k_least;
    }
}

size_t SocketStock::size() const noexcept {
    size_t count = 0;
    for (const auto &[key, shelf] : shelves_) {
        count += shelf->sockets.size();
    }
    return count;
}

} // namespace k2s::dataplane
