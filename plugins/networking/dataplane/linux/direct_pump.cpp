// SPDX-License-Identifier: MIT
#include "../direct_pump.hpp"

#include <algorithm>
#include <cerrno>

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <sys/socket.h>

#include "relay_loop.hpp"

namespace k2s::dataplane {
namespace {

// Full buffers in a row after which a flow counts as bulk: a small transfer does not pay for pipes.
constexpr unsigned k_bulk_after = 2;
// … and the piece that makes it an ordinary one again.
constexpr size_t k_bulk_least = 16 * 1024;
// A flow that never has to wait lets the others run after so many pieces.
constexpr unsigned k_turn = 16;

bool would_block(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK;
}

} // namespace

const bool k_direct_pump = true;

namespace {

class Direct {
  public:
    explicit Direct(DirectFlow &flow) : flow_(flow) {}
    Direct(const Direct &) = delete;
    Direct &operator=(const Direct &) = delete;

    Task<DirectEnd> run() {
        while (moved_ < flow_.limit) {
            if (flow_.stopped) {
                co_return DirectEnd::source_failed;
            }
            const Step step = full_ < k_bulk_after ? copy() : fill_pipe();
            if (step == Step::ended) {
                co_return DirectEnd::source_ended;
            }
            if (step == Step::source_failed) {
                co_return DirectEnd::source_failed;
            }
            if (step == Step::sink_failed) {
                co_return DirectEnd::sink_failed;
            }
            if (step == Step::moved) {
                flow_.watchdog.arm(flow_.idle_timeout);
            }
            if (!rest_.empty() && !co_await send_rest()) {
                co_return DirectEnd::sink_failed;
            }
            if (piped_ != 0 && !co_await empty_pipe()) {
                co_return DirectEnd::sink_failed;
            }
            if (moved_ < flow_.limit && !co_await next_turn(step)) {
                co_return DirectEnd::source_failed;
            }
        }
        co_return DirectEnd::limit_reached;
    }

  private:
    enum class Step : uint8_t { moved, drained, ended, source_failed, sink_failed };
    static constexpr net::use_awaitable_t<Executor> k_await_nothing{};

    // Waits when there is nothing to read, else lets the others run now and then.
    Task<bool> next_turn(Step step) {
        if (step == Step::drained || drained_) {
            drained_ = false;
            turn_ = 0;
            const auto [ec] = co_await flow_.from.async_wait(Socket::wait_read, k_await);
            co_return !ec;
        }
        if (++turn_ == k_turn) {
            turn_ = 0;
            co_await net::post(flow_.from.get_executor(), k_await_nothing);
        }
        co_return true;
    }

    size_t at_most(size_t piece) const noexcept {
        return static_cast<size_t>(std::min<uint64_t>(piece, flow_.limit - moved_));
    }

    void count(size_t bytes) noexcept {
        moved_ += bytes;
        flow_.bytes += bytes;
        flow_.counter.add(bytes);
    }

    // One piece through the shared buffer; what the sink does not take stays in rest_.
    Step copy() {
        auto &scratch = flow_.loop.impl()->scratch;
        const ssize_t got = ::recv(from(), scratch.data(), at_most(scratch.size()), 0);
        if (got == 0) {
            return Step::ended;
        }
        if (got < 0) {
            return errno == EINTR       ? Step::moved
                   : would_block(errno) ? Step::drained
                                        : Step::source_failed;
        }
        const auto size = static_cast<size_t>(got);
        full_ = size == scratch.size() ? full_ + 1 : 0;
        drained_ = size < scratch.size(); // asking again would only be told so
        ssize_t sent = ::send(to(), scratch.data(), size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (!would_block(errno) && errno != EINTR) {
                return Step::sink_failed;
            }
            sent = 0;
        }
        count(static_cast<size_t>(sent));
        rest_.assign(scratch.begin() + sent, scratch.begin() + got);
        return Step::moved;
    }

    Task<bool> send_rest() {
        size_t done = 0;
        while (done < rest_.size()) {
            if (const auto [ec] = co_await flow_.to.async_wait(Socket::wait_write, k_await); ec) {
                co_return false;
            }
            const ssize_t sent =
                ::send(to(), rest_.data() + done, rest_.size() - done, MSG_NOSIGNAL);
            if (sent < 0 && !would_block(errno) && errno != EINTR) {
                co_return false;
            }
            if (sent > 0) {
                done += static_cast<size_t>(sent);
                count(static_cast<size_t>(sent));
                flow_.watchdog.arm(flow_.idle_timeout);
            }
        }
        std::vector<char>().swap(rest_);
        co_return true;
    }

    Step fill_pipe() {
        if (!pipe_.open()) {
            pipe_ = flow_.loop.impl()->pipes.take();
        }
        if (!pipe_.open()) {
            full_ = 0; // no descriptors left: copy
            return Step::moved;
        }
        const ssize_t got =
            ::splice(from(), nullptr, pipe_.write_end(), nullptr, at_most(PipeStock::k_pipe_bytes),
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (got > 0) {
            piped_ = static_cast<size_t>(got);
            if (piped_ < k_bulk_least) {
                full_ = 0;
            }
            return Step::moved;
        }
        const int error = got < 0 ? errno : 0;
        if (error == EINTR) {
            return Step::moved;
        }
        flow_.loop.impl()->pipes.give_back(std::move(pipe_));
        if (got == 0) {
            return Step::ended;
        }
        if (would_block(error)) {
            return Step::drained;
        }
        return Step::source_failed;
    }

    Task<bool> empty_pipe() {
        while (piped_ != 0) {
            const ssize_t sent = ::splice(pipe_.read_end(), nullptr, to(), nullptr, piped_,
                                          SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (sent > 0) {
                piped_ -= static_cast<size_t>(sent);
                count(static_cast<size_t>(sent));
                flow_.watchdog.arm(flow_.idle_timeout);
                continue;
            }
            if (sent == 0 || (!would_block(errno) && errno != EINTR)) {
                co_return false;
            }
            if (const auto [ec] = co_await flow_.to.async_wait(Socket::wait_write, k_await); ec) {
                co_return false;
            }
        }
        co_return true;
    }

    // -1 once the other direction or a deadline has closed it, perhaps while this one waited.
    int from() const noexcept { return flow_.from.native_handle(); }
    int to() const noexcept { return flow_.to.native_handle(); }

    DirectFlow &flow_;
    Pipe pipe_;
    size_t piped_ = 0; // bytes in it
    uint64_t moved_ = 0;
    std::vector<char> rest_;
    unsigned full_ = 0;
    unsigned turn_ = 0;
    bool drained_ = false;
};

} // namespace

Task<DirectEnd> run_direct(DirectFlow flow) {
    Direct direct(flow);
    co_return co_await direct.run();
}

} // namespace k2s::dataplane
