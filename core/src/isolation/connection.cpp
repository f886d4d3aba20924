// SPDX-License-Identifier: MIT
#include "isolation/connection.hpp"

#include <algorithm>

#include "services/host_thread.hpp"

namespace k2s::core::isolation {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto k_look_around = 50ms; // for cancellation

// A worker that only sends keeps one thread of the host busy, but not a whole processor.
constexpr unsigned k_frames_per_turn = 20'000;
constexpr auto k_turn = 100ms;

} // namespace

Connection::Connection(std::unique_ptr<Channel> channel, Inbound inbound,
                       std::function<void()> ended)
    : channel_(std::move(channel)), inbound_(std::move(inbound)), ended_(std::move(ended)),
      reader_([this] { read(); }) {}

Connection::~Connection() {
    finish();
}

void Connection::finish() noexcept {
    close();
    if (reader_.joinable()) {
        reader_.join();
    }
}

void Connection::close() noexcept {
    channel_->close();
}

bool Connection::open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::string Connection::nonsense() const {
    const std::lock_guard lock(mutex_);
    return nonsense_;
}

void Connection::read() {
    name_this_thread("k2s-worker-line");
    Frame frame;
    unsigned frames = 0;
    auto turn = Clock::now();
    while (channel_->receive(frame) && take(frame)) {
        if (++frames == k_frames_per_turn) {
            const auto now = Clock::now();
            if (now - turn < k_turn) {
                std::this_thread::sleep_for(k_turn - (now - turn));
            }
            frames = 0;
            turn = Clock::now();
        }
    }
    channel_->close();
    {
        const std::lock_guard lock(mutex_);
        open_ = false;
        for (const auto &[id, call] : calls_) {
            call->news.notify_one();
        }
    }
    ended_();
}

bool Connection::take(Frame &frame) {
    const bool of_a_call =
        frame.kind == Kind::reply || frame.kind == Kind::output || frame.kind == Kind::input;
    const bool too_long = frame.kind != Kind::reply && frame.body.size() > k_max_unasked;
    if (!too_long && (of_a_call ? hand_over(frame) : inbound_(*this, frame))) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    nonsense_ = fmt::format("it sent a frame that makes no sense (kind {}, number {}, {} bytes)",
                            static_cast<unsigned>(frame.kind), frame.id, frame.body.size());
    return false;
}

bool Connection::hand_over(Frame &frame) {
    const std::lock_guard lock(mutex_);
    const auto call = calls_.find(frame.id);
    if (call == calls_.end() || call->second->arrived.size() >= k_max_arrived) {
        return false;
    }
    call->second->arrived.push_back(std::move(frame));
    call->second->news.notify_one();
    return true;
}

Result<Reply> Connection::call(Kind kind, const std::string &body, const Options &options) {
    if (body.size() > k_max_body) {
        return fail(K2S_E_NO_MEMORY, "{} bytes are too many for a call into a worker ({} at most)",
                    body.size(), k_max_body);
    }
    Call own;
    std::unique_lock lock(mutex_);
    if (!open_) {
        return fail(K2S_E_IO, "the line is closed");
    }
    const uint32_t id = ++last_id_;
    calls_.emplace(id, &own);
    lock.unlock();
    channel_->send(kind, id, body); // when that fails the reader sees the end
    auto until =
        options.deadline.count() > 0 ? Clock::now() + options.deadline : Clock::time_point::max();
    bool told = false;
    lock.lock();
    std::optional<Result<Reply>> result;
    while (!result) {
        if (!own.arrived.empty()) {
            Frame frame = std::move(own.arrived.front());
            own.arrived.pop_front();
            if (frame.kind != Kind::reply) {
                lock.unlock();
                channel_->send(Kind::answer, frame.id,
                               options.serve ? options.serve(frame) : std::string());
                lock.lock();
                continue;
            }
            Unpacker in(frame.body);
            Reply reply{in.get<int32_t>(), std::string(in.text()), std::string(in.text())};
            result = in.complete() ? Result<Reply>(std::move(reply))
                                   : fail(K2S_E_IO, "its answer makes no sense");
        } else if (!open_) {
            result = fail(K2S_E_IO, "the line is closed");
        } else if (Clock::now() >= until) {
            result = fail(K2S_E_TIMEOUT, "no answer in time");
        } else if (options.cancelled && !told) {
            own.news.wait_until(lock, std::min(until, Clock::now() + k_look_around));
            if (own.arrived.empty() && options.cancelled()) {
                told = true;
                lock.unlock();
                channel_->send(Kind::cancel, 0, {});
                lock.lock();
                if (options.grace.count() > 0) {
                    until = std::min(until, Clock::now() + options.grace);
                }
            }
        } else if (until == Clock::time_point::max()) {
            own.news.wait(lock);
        } else {
            own.news.wait_until(lock, until);
        }
    }
    calls_.erase(id);
    return std::move(*result);
}

} // namespace k2s::core::isolation
