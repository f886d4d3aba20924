// SPDX-License-Identifier: MIT
#include "relay.hpp"

#include <algorithm>

#include "chunk_scanner.hpp"
#include "dataplane/direct_pump.hpp"
#include "rewrite.hpp"

namespace k2s::httpproxy {
namespace {

// From here on a body is worth the way round the buffers.
constexpr uint64_t k_direct_from = Buffer::k_large;

} // namespace

Task<RelayResult> BodyRelay::run(std::string_view head, BodyFraming framing) {
    RelayResult result;
    switch (framing.kind) {
    case BodyFraming::Kind::none:
        result.end = co_await send(head, std::string_view()) ? End::complete : End::sink_failed;
        break;
    case BodyFraming::Kind::length:
        result.end = co_await run_length(head, framing.length);
        break;
    case BodyFraming::Kind::chunked:
        result.end = co_await run_chunked(head, framing.unwrap_chunks);
        break;
    case BodyFraming::Kind::until_close:
        result.end = co_await run_until_close(head);
        break;
    }
    result.bytes = sent_;
    co_return result;
}

Task<bool> BodyRelay::fill(size_t wanted) {
    if (stopped_) {
        co_return false;
    }
    const net::mutable_buffer room = in_.prepare(wanted);
    hungry_ = true;
    const IoResult got = co_await source_.read_some(room);
    hungry_ = false;
    in_.commit(got.bytes);
    full_ = got.bytes == room.size();
    if (!got.ec) {
        watchdog_.arm(settings_.config.exchange_idle_timeout);
    }
    co_return !got.ec;
}

Task<bool> BodyRelay::send(std::string_view head, std::string_view data) {
    const IoResult result = co_await sink_.write(head, data);
    if (result.ec) {
        co_return false;
    }
    sent_ += data.size();
    counter_.add(data.size());
    watchdog_.arm(settings_.config.exchange_idle_timeout);
    co_return true;
}

Task<RelayResult::End> BodyRelay::run_length(std::string_view head, uint64_t length) {
    uint64_t left = length;
    for (;;) {
        const std::string_view piece =
            in_.view().substr(0, static_cast<size_t>(std::min<uint64_t>(left, in_.size())));
        if (!head.empty() || !piece.empty()) {
            if (!co_await send(head, piece)) {
                co_return End::sink_failed;
            }
            head = {};
            left -= piece.size();
            in_.consume(piece.size());
        }
        if (left == 0) {
            in_.shrink();
            co_return End::complete;
        }
        if (left > k_direct_from && can_go_direct()) {
            co_return co_await run_direct_length(left);
        }
        if (!co_await fill(left > Buffer::k_small ? Buffer::k_large : Buffer::k_small)) {
            co_return End::source_failed;
        }
    }
}

bool BodyRelay::can_go_direct() noexcept {
    return k_direct_pump && source_.plain() != nullptr && sink_.plain() != nullptr;
}

Task<RelayResult::End> BodyRelay::run_direct_length(uint64_t length) {
    in_.shrink();
    const DirectEnd end =
        co_await run_direct({engine_.relays, watchdog_, settings_.config.exchange_idle_timeout,
                             *source_.plain(), *sink_.plain(), counter_, sent_, length, stopped_});
    switch (end) {
    case DirectEnd::limit_reached:
        co_return End::complete;
    case DirectEnd::sink_failed:
        co_return End::sink_failed;
    default:
        co_return End::source_failed;
    }
}

Task<RelayResult::End> BodyRelay::run_until_close(std::string_view head) {
    for (;;) {
        if (!head.empty() || !in_.empty()) {
            if (!co_await send(head, in_.view())) {
                co_return End::sink_failed;
            }
            head = {};
            in_.consume(in_.size());
        }
        const net::mutable_buffer room = in_.prepare(full_ ? Buffer::k_large : Buffer::k_small);
        const IoResult got = co_await source_.read_some(room);
        in_.commit(got.bytes);
        full_ = got.bytes == room.size();
        if (got.ec && got.bytes == 0) {
            co_return got.ec == net::error::eof ? End::complete : End::source_failed;
        }
        watchdog_.arm(settings_.config.exchange_idle_timeout);
    }
}

Task<RelayResult::End> BodyRelay::run_chunked(std::string_view head, bool unwrap) {
    ChunkScanner scanner;
    for (;;) {
        size_t passed = 0; // verbatim bytes of this buffer that are ready to go
        while (passed < in_.size() && !scanner.at_trailers()) {
            const ChunkScanner::Step step = scanner.next(in_.view().substr(passed));
            if (scanner.failed()) {
                co_return End::malformed;
            }
            passed += step.consumed;
            if (unwrap && !step.data.empty()) {
                if (!co_await send(head, step.data)) {
                    co_return End::sink_failed;
                }
                head = {};
            }
        }
        // The usual end without trailers goes out with the last piece instead of in a write of its
        // own.
        const bool plain_end =
            !unwrap && scanner.at_trailers() && in_.view().substr(passed).starts_with("\r\n");
        if (plain_end) {
            passed += 2;
        }
        if (!unwrap && passed != 0) {
            if (!co_await send(head, in_.view().substr(0, passed))) {
                co_return End::sink_failed;
            }
            head = {};
        }
        in_.consume(passed);
        if (plain_end) {
            in_.shrink();
            co_return End::complete;
        }
        if (scanner.at_trailers()) {
            break;
        }
        if (!head.empty()) { // the receiver should not wait for the first chunk to see the head
            if (!co_await send(head, std::string_view())) {
                co_return End::sink_failed;
            }
            head = {};
        }
        if (!co_await fill(full_ ? Buffer::k_large : Buffer::k_small)) {
            co_return End::source_failed;
        }
    }
    if (!head.empty() && !co_await send(head, std::string_view())) {
        co_return End::sink_failed;
    }
    co_return co_await run_trailers(unwrap);
}

Task<RelayResult::End> BodyRelay::run_trailers(bool drop) {
    for (;;) {
        HeadParser &parser = engine_.parser;
        const HeadStatus status = parser.parse_trailers(in_.view(), settings_.head_limits);
        if (status == HeadStatus::complete) {
            std::string out;
            write_trailers(out, parser);
            in_.consume(parser.size());
            in_.shrink();
            if (!drop && !co_await send(out, std::string_view())) {
                co_return End::sink_failed;
            }
            co_return End::complete;
        }
        if (status != HeadStatus::incomplete) {
            co_return End::malformed;
        }
        if (!co_await fill(Buffer::k_small)) {
            co_return End::source_failed;
        }
    }
}

} // namespace k2s::httpproxy
