// SPDX-License-Identifier: MIT
#include "chunk_scanner.hpp"

#include <algorithm>

namespace k2s::httpproxy {
namespace {

constexpr uint64_t k_max_chunk = uint64_t{1} << 56;
constexpr size_t k_max_size_digits = 16;
constexpr size_t k_max_extension_line = 1024;
// Over a whole body: many tiny chunks with long extensions cost more than they carry.
constexpr size_t k_max_extension_total = 64 * 1024;

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

} // namespace

bool ChunkScanner::framing_byte(char c) noexcept {
    switch (state_) {
    case State::size_first:
    case State::size:
        if (const int digit = hex_value(c); digit >= 0) {
            remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
            state_ = State::size;
            return ++line_bytes_ <= k_max_size_digits && remaining_ <= k_max_chunk;
        }
        if (state_ == State::size_first) {
            return false;
        }
        if (c == '\r') {
            state_ = State::size_lf;
            return true;
        }
        if (c == ';' || c == ' ' || c == '\t') {
            state_ = State::extension;
            line_bytes_ = 0;
            return true;
        }
        return false;
    case State::extension:
        if (c == '\r') {
            state_ = State::size_lf;
            return true;
        }
        return ++line_bytes_ <= k_max_extension_line &&
               ++extension_bytes_ <= k_max_extension_total &&
               (c == '\t' || static_cast<unsigned char>(c) >= 0x20) && c != 0x7f;
    case State::size_lf:
        state_ = remaining_ == 0 ? State::trailers : State::data;
        return c == '\n';
    case State::data_cr:
        state_ = State::data_lf;
        return c == '\r';
    case State::data_lf:
        state_ = State::size_first;
        line_bytes_ = 0;
        return c == '\n';
    case State::data:
    case State::trailers:
    case State::failed:
        break;
    }
    return false;
}

ChunkScanner::Step ChunkScanner::next(std::string_view input) noexcept {
    Step step;
    while (step.consumed < input.size() && !at_trailers()) {
        if (state_ == State::data) {
            const uint64_t here = std::min<uint64_t>(remaining_, input.size() - step.consumed);
            step.data = input.substr(step.consumed, static_cast<size_t>(here));
            step.consumed += static_cast<size_t>(here);
            remaining_ -= here;
            if (remaining_ == 0) {
                state_ = State::data_cr;
            }
            return step;
        }
        if (!framing_byte(input[step.consumed])) {
            state_ = State::failed;
            return {};
        }
        ++step.consumed;
    }
    return step;
}

} // namespace k2s::httpproxy
