// SPDX-License-Identifier: MIT
#include "pool.hpp"

namespace k2s::httpproxy {

std::unique_ptr<Connection> Pool::take(std::string_view key) {
    const auto found = targets_.find(key);
    if (found == targets_.end()) {
        return nullptr;
    }
    for (Stack &idle = found->second; !idle.empty();) {
        auto connection = std::move(idle.back());
        idle.pop_back();
        --total_;
        idle_.sub();
        if (connection->stream->quiet()) {
            connection->reused = true;
            return connection;
        }
    }
    return nullptr;
}

void Pool::put(std::string_view key, std::unique_ptr<Connection> connection,
               Clock::time_point now) {
    if (total_ >= max_total_ || !connection->in.empty()) {
        return;
    }
    auto found = targets_.find(key);
    if (found == targets_.end()) {
        found = targets_.emplace(std::string(key), Stack{}).first;
    }
    if (found->second.size() >= max_per_target_) {
        return;
    }
    connection->in.shrink();
    connection->idle_since = now;
    found->second.push_back(std::move(connection));
    ++total_;
    idle_.add();
}

void Pool::sweep(Clock::time_point oldest) {
    for (auto target = targets_.begin(); target != targets_.end();) {
        const size_t closed = std::erase_if(target->second, [oldest](const auto &connection) {
            return connection->idle_since < oldest;
        });
        total_ -= closed;
        idle_.sub(closed);
        // The empty stack stays for one more sweep's worth of reuse only when it had connections.
        target = target->second.empty() && closed == 0 ? targets_.erase(target) : std::next(target);
    }
}

void Pool::clear() {
    idle_.sub(total_);
    total_ = 0;
    targets_.clear();
}

void Pool::set_limits(size_t max_total, size_t max_per_target) {
    max_total_ = max_total;
    max_per_target_ = max_per_target;
    clear();
}

} // namespace k2s::httpproxy
