// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "dataplane/buffer.hpp"
#include "engine.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// How a message body ends (RFC 9112 6.3).
struct BodyFraming {
    enum class Kind : uint8_t { none, length, chunked, until_close };
    Kind kind = Kind::none;
    uint64_t length = 0;
    bool unwrap_chunks = false; // pass the payload only: the receiver speaks HTTP/1.0
};

struct RelayResult {
    enum class End : uint8_t { complete, source_failed, sink_failed, malformed };
    End end = End::complete;
    uint64_t bytes = 0; // sent on, without the head
};

/// Streams one body from `source` to `sink` with `head` in front of its first piece (also when
/// there is no body), never holding more than one buffer of it. Each piece re-arms the watchdog.
class BodyRelay {
  public:
    /// `in`: what was already read from the source.
    BodyRelay(Engine &engine, const Settings &settings, Watchdog &watchdog, Stream &source,
              Buffer &in, Stream &sink, Counter &counter)
        : engine_(engine), settings_(settings), watchdog_(watchdog), source_(source), in_(in),
          sink_(sink), counter_(counter) {}

    Task<RelayResult> run(std::string_view head, BodyFraming framing);

    /// It waits for the source, not for the sink.
    bool hungry() const noexcept { return hungry_; }
    uint64_t sent() const noexcept { return sent_; }

    /// Ends a running relay as if the source had failed.
    void stop() noexcept {
        stopped_ = true;
        source_.cancel();
    }

  private:
    using End = RelayResult::End;

    Task<bool> fill(size_t wanted);
    Task<bool> send(std::string_view head, std::string_view data);
    Task<End> run_length(std::string_view head, uint64_t length);
    bool can_go_direct() noexcept;
    Task<End> run_direct_length(uint64_t length);
    Task<End> run_until_close(std::string_view head);
    Task<End> run_chunked(std::string_view head, bool unwrap);
    Task<End> run_trailers(bool drop);

    Engine &engine_;
    const Settings &settings_;
    Watchdog &watchdog_;
    Stream &source_;
    Buffer &in_;
    Stream &sink_;
    Counter &counter_;
    uint64_t sent_ = 0;
    bool stopped_ = false;
    bool hungry_ = false;
    bool full_ = false; // the last read filled the buffer: more is coming, read in larger pieces
};

} // namespace k2s::httpproxy
