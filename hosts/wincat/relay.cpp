// SPDX-License-Identifier: MIT
#include "relay.hpp"

#include <atomic>
#include <stdio.h>

namespace k2s::wincat {
namespace {

constexpr size_t k_block_bytes = 64 * 1024;
constexpr size_t k_datagram_bytes = 65'507; // the most that UDP over IPv4 carries

enum class State : uint8_t { running, ended, failed };
enum class Place : uint8_t { input, output, socket };

/// A direction, written by its thread before `state`, read by the main thread after it.
struct Direction {
    std::atomic<State> state{State::running};
    std::atomic<uint64_t> moved_at{0}; ///< now_ms() of the last transfer
    Place where = Place::socket;
    int error = 0;
    uint64_t lost = 0; ///< bytes that were read and not delivered
};

/// Static: the threads outlive relay().
struct Shared {
    Socket socket = -1;
    bool udp = false;
    Direction up;
    Direction down;
} g_shared;

void finish(Direction &direction, State state) {
    direction.state.store(state, std::memory_order_release);
    wake();
}

void fail(Direction &direction, Place where, int error, uint64_t lost = 0) {
    direction.where = where;
    direction.error = error;
    direction.lost = lost;
    finish(direction, State::failed);
}

void copy_up(void *) {
    static char block[k_block_bytes];
    Direction &self = g_shared.up;
    const size_t room = g_shared.udp ? k_datagram_bytes : sizeof(block);
    for (;;) {
        const Moved got = read_input(block, room);
        if (got.bytes < 0) {
            return fail(self, Place::input, got.error);
        }
        if (got.bytes == 0) {
            if (!g_shared.udp) {
                end_sending(g_shared.socket);
            }
            return finish(self, State::ended);
        }
        for (int64_t at = 0; at < got.bytes;) {
            const Moved sent =
                send_some(g_shared.socket, block + at, static_cast<size_t>(got.bytes - at));
            if (sent.bytes < 0) {
                return fail(self, Place::socket, sent.error, static_cast<uint64_t>(got.bytes - at));
            }
            at += sent.bytes;
            self.moved_at.store(now_ms(), std::memory_order_relaxed);
        }
    }
}

void copy_down(void *) {
    static char block[k_block_bytes];
    Direction &self = g_shared.down;
    for (;;) {
        const Moved got = receive(g_shared.socket, block, sizeof(block));
        if (got.bytes < 0) {
            return fail(self, Place::socket, got.error);
        }
        if (got.bytes == 0 && !g_shared.udp) { // an empty datagram ends nothing
            close_output();
            return finish(self, State::ended);
        }
        for (int64_t at = 0; at < got.bytes;) {
            const Moved done = write_output(block + at, static_cast<size_t>(got.bytes - at));
            if (done.bytes < 0) {
                return fail(self, Place::output, done.error, static_cast<uint64_t>(got.bytes - at));
            }
            at += done.bytes;
        }
        self.moved_at.store(now_ms(), std::memory_order_relaxed);
    }
}

Outcome failure(const Direction &direction, bool peer_had_ended, const Options &options) {
    Outcome outcome;
    outcome.code = 1;
    char reason[128];
    error_text(direction.error, reason, sizeof(reason));
    const auto lost = static_cast<unsigned long long>(direction.lost);
    if (direction.where == Place::input) {
        snprintf(outcome.message, sizeof(outcome.message), "cannot read standard input: %s",
                 reason);
    } else if (direction.where == Place::output) {
        snprintf(outcome.message, sizeof(outcome.message),
                 "cannot write to standard output: %s; %llu bytes of %s:%s are lost", reason, lost,
                 options.host, options.port);
    } else if (peer_had_ended) {
        snprintf(outcome.message, sizeof(outcome.message),
                 "%s:%s closed the connection before it took the last %llu bytes", options.host,
                 options.port, lost);
    } else {
        snprintf(outcome.message, sizeof(outcome.message), "the connection to %s:%s broke: %s",
                 options.host, options.port, reason);
    }
    return outcome;
}

} // namespace

Outcome relay(Socket socket, const Options &options) {
    Outcome outcome;
    Direction &up = g_shared.up;
    Direction &down = g_shared.down;
    g_shared.socket = socket;
    g_shared.udp = options.udp;
    up.moved_at = down.moved_at = now_ms();
    if (!start_thread(copy_up, nullptr) || !start_thread(copy_down, nullptr)) {
        outcome.code = 1;
        snprintf(outcome.message, sizeof(outcome.message), "cannot start a thread");
        return outcome;
    }
    uint64_t one_ended_at = 0;
    for (;;) {
        const State up_state = up.state.load(std::memory_order_acquire);
        const State down_state = down.state.load(std::memory_order_acquire);
        // Receiving first: when the peer resets, sending fails too, and with a poorer reason.
        if (down_state == State::failed) {
            return failure(down, false, options);
        }
        if (up_state == State::failed) {
            return failure(up, down_state == State::ended, options);
        }
        if (up_state == State::ended && down_state == State::ended) {
            return outcome;
        }
        // What still runs may do so for ever after the end of standard input – the answer takes its
        // time –, but not after the end of the peer: nothing tells a half-closed peer from one that
        // is gone. UDP has no end at all, so there it is the other way round.
        const Direction *left = nullptr;
        if (down_state == State::ended) {
            left = &up;
        } else if (up_state == State::ended && options.udp) {
            left = &down;
        }
        const uint64_t now = now_ms();
        uint64_t wait = 0;
        if (left != nullptr) {
            one_ended_at = one_ended_at == 0 ? now : one_ended_at;
            const uint64_t moved = left->moved_at.load(std::memory_order_relaxed);
            const uint64_t until =
                (moved > one_ended_at ? moved : one_ended_at) + options.linger_ms;
            if (now >= until) {
                return outcome;
            }
            wait = until - now;
        }
        if (options.idle_ms != 0) {
            const uint64_t one = up.moved_at.load(std::memory_order_relaxed);
            const uint64_t other = down.moved_at.load(std::memory_order_relaxed);
            const uint64_t until = (one > other ? one : other) + options.idle_ms;
            if (now >= until) {
                outcome.code = 7;
                snprintf(outcome.message, sizeof(outcome.message),
                         "no byte in either direction for %llu ms (-idle-timeout)",
                         static_cast<unsigned long long>(options.idle_ms));
                return outcome;
            }
            wait = wait == 0 || until - now < wait ? until - now : wait;
        }
        wait_for_wake(wait);
    }
}

} // namespace k2s::wincat
