// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/buffer.hpp"
#include "dataplane/stream.hpp"
#include "observer.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// A connection to an origin or to the upstream proxy.
struct Connection {
    std::unique_ptr<Stream> stream;
    Buffer in;
    Clock::time_point idle_since;
    bool reused = false;
};

/// Idle connections for reuse: last in, first out per target, bounded per target and in total.
class Pool {
  public:
    Pool(size_t max_total, size_t max_per_target, Counter &idle)
        : max_total_(max_total), max_per_target_(max_per_target), idle_(idle) {}
    ~Pool() { clear(); }

    /// Null when there is none. One that has said something unasked is closed instead: it would be
    /// taken for the answer to the next request (RFC 9112 9.2).
    std::unique_ptr<Connection> take(std::string_view key);

    /// Keeps the connection, or closes it when there is no room or it holds unasked bytes.
    void put(std::string_view key, std::unique_ptr<Connection> connection, Clock::time_point now);

    /// Closes what was idle since before `oldest`.
    void sweep(Clock::time_point oldest);
    void clear();
    void set_limits(size_t max_total, size_t max_per_target);
    size_t size() const noexcept { return total_; }

  private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    using Stack = std::vector<std::unique_ptr<Connection>>;

    std::unordered_map<std::string, Stack, Hash, std::equal_to<>> targets_;
    size_t max_total_;
    size_t max_per_target_;
    size_t total_ = 0;
    Counter &idle_;
};

} // namespace k2s::httpproxy
