// SPDX-License-Identifier: MIT
#include "pipe_stock.hpp"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace k2s::dataplane {

Pipe::~Pipe() {
    if (open()) {
        ::close(read_end_);
        ::close(write_end_);
    }
}

Pipe PipeStock::take() noexcept {
    if (!quiet_) {
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGPIPE);
        quiet_ = ::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0;
    }
    if (!kept_.empty()) {
        Pipe pipe = std::move(kept_.back());
        kept_.pop_back();
        return pipe;
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return {};
    }
    // Refused beyond the user's share of pipe memory: then the default size has to do.
    static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(k_pipe_bytes)));
    return {ends[0], ends[1]};
}

void PipeStock::give_back(Pipe pipe) {
    if (kept_.size() < k_kept) {
        kept_.push_back(std::move(pipe));
    }
}

} // namespace k2s::dataplane
