// SPDX-License-Identifier: MIT
#include "roster.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace k2s::dataplane {

Roster::Admission Roster::admits(const Address &client) const {
    if (members_.size() >= limits_.total) {
        return Admission::full;
    }
    const auto mine = per_client_.find(unmapped(client));
    return mine != per_client_.end() && mine->second >= limits_.per_client ? Admission::client_full
                                                                           : Admission::admitted;
}

void Roster::set_tick(Clock::duration tick) noexcept {
    clock_.now = Clock::now();
    clock_.tick = std::clamp<Clock::duration>(tick, Milliseconds(5), std::chrono::seconds(1));
}

void Roster::start(std::function<void()> also) {
    net::co_spawn(io_.get_executor(), tick_loop(std::move(also)), net::detached);
}

Task<void> Roster::tick_loop(std::function<void()> also) {
    const auto self = shared_from_this();
    while (!stopped_) {
        ticker_.expires_after(clock_.tick);
        const auto [ec] = co_await ticker_.async_wait(k_await);
        if (ec || stopped_) {
            co_return;
        }
        clock_.now = Clock::now();
        for (Member *member : members_) {
            member->watchdog().check(clock_.now);
            member->tick();
        }
        also();
    }
}

void Roster::drain(Milliseconds patience, std::function<void(size_t)> done) {
    draining_ = true;
    net::co_spawn(io_.get_executor(), drain_loop(patience, std::move(done)), net::detached);
}

Task<void> Roster::drain_loop(Milliseconds patience, std::function<void(size_t)> done) {
    const auto self = shared_from_this();
    const auto deadline = Clock::now() + patience;
    Timer timer(io_);
    while (!members_.empty() && Clock::now() < deadline) {
        for (Member *member : members_) {
            if (member->idle()) {
                member->watchdog().cut_now();
            }
        }
        timer.expires_after(Milliseconds(10));
        co_await timer.async_wait(k_await);
    }
    const size_t cut = members_.size();
    cut_all();
    while (!members_.empty() && Clock::now() < deadline + std::chrono::seconds(2)) {
        timer.expires_after(Milliseconds(5));
        co_await timer.async_wait(k_await);
    }
    done(cut);
}

void Roster::cut_all() {
    draining_ = stopped_ = true;
    ticker_.cancel();
    for (Member *member : members_) {
        member->watchdog().cut_now();
    }
}

Member::Member(std::shared_ptr<Roster> roster, const Address &client)
    : watchdog_(roster->clock()), roster_(std::move(roster)), client_address_(unmapped(client)),
      index_(roster_->members_.size()) {
    roster_->members_.push_back(this);
    ++roster_->per_client_[client_address_];
}

Member::~Member() {
    auto &members = roster_->members_;
    members[index_] = members.back();
    members[index_]->index_ = index_;
    members.pop_back();
    const auto mine = roster_->per_client_.find(client_address_);
    if (--mine->second == 0) {
        roster_->per_client_.erase(mine);
    }
}

} // namespace k2s::dataplane
