// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "../relay.hpp"
#include "pipe_stock.hpp"

namespace k2s::dataplane {

/// One socket of a relay.
struct RelaySide {
    Relay::State *relay = nullptr;
    NativeSocket socket;
    bool readable = false; // as far as is known
    bool writable = false;
    bool hung_up = false; // the end of the stream has been announced
    bool ended = false;   // and has been read
    bool told = false;    // the other side knows of it
    uint8_t full = 0;     // buffers that were full, one after the other
    size_t burst = 0;     // spliced since it last had to be waited for

    // Taken from this socket and not yet taken by the other.
    std::string rest;
    size_t rest_sent = 0;
    Pipe pipe;
    size_t piped = 0;
};

struct RelayLoop::Impl : std::enable_shared_from_this<RelayLoop::Impl> {
    static constexpr size_t k_scratch = 64 * 1024;
    static constexpr size_t k_events = 256;
    // Batches before the io_context's other work has its turn.
    static constexpr unsigned k_batches = 8;

    explicit Impl(net::io_context &context);

    bool watch(RelaySide &side) noexcept;
    /// To be continued after the others had their turn.
    void again(Relay::State &relay);
    /// No event may reach it any more; it is destroyed after the batch at hand.
    void bury(Relay::State &relay);

    void wait();
    void run_batches();
    void finish_dead();
    void stop() noexcept;

    net::io_context &io;
    net::posix::basic_stream_descriptor<Executor> poller;
    std::array<char, k_scratch> scratch;
    PipeStock pipes;
    std::vector<Relay::State *> unfinished; // again()
    std::vector<Relay::State *> dead;
    bool waiting = false;
    bool running = false; // within run_batches
    bool stopped = false;
};

struct Relay::State {
    State(std::shared_ptr<RelayLoop::Impl> on, const Options &given);

    void begin(NativeSocket from, NativeSocket to, std::string first);
    void on_event(RelaySide &side, uint32_t events);
    void move();
    void end();

    const std::shared_ptr<RelayLoop::Impl> loop;
    const Options options;
    RelaySide client;
    RelaySide upstream;
    TunnelResult result;
    std::function<void(const TunnelResult &)> done;
    bool over = false;
    bool queued = false; // in unfinished

  private:
    enum class Step : uint8_t { moved, blocked, failed };
    Step pump(RelaySide &from, RelaySide &to, uint64_t &bytes, Counter &counter);
    Step send_rest(RelaySide &from, RelaySide &to, uint64_t &bytes, Counter &counter);
    Step empty_pipe(RelaySide &from, RelaySide &to, uint64_t &bytes, Counter &counter);
    Step copy(RelaySide &from, RelaySide &to, uint64_t &bytes, Counter &counter);
    Step fill_pipe(RelaySide &from);
    bool all_told() const noexcept { return client.told && upstream.told; }
};

} // namespace k2s::dataplane
