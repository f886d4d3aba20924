// SPDX-License-Identifier: MIT
/// \file
/// What a host and its workers say to each other: frames of a kind, a number and a body. Both come
/// from one build and tell each other so first, so the format has no versions inside.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include <k2s/abi/base.h>
#include <k2s/sdk/text.hpp>

namespace k2s::core::isolation {

/// Goes up with every change of a frame.
inline constexpr uint32_t k_protocol = 2;

/// The longest body: the settings of a feature or a result. A longer one ends the connection.
inline constexpr uint32_t k_max_body = 8 * 1024 * 1024;
/// Output of a command and standard input travel in pieces of at most this size.
inline constexpr uint32_t k_piece = 64 * 1024;
/// The longest body of what a worker sends without having been asked: a piece, a notice, a record.
inline constexpr uint32_t k_max_unasked = 2 * k_piece;

enum class Kind : uint16_t {
    // Calls of the host; each is answered with a reply of the same number.
    hello = 1,
    create,
    destroy,
    run,
    start,
    reload,
    drain,
    stop,
    status,
    health,
    changed,
    step,
    diagnostics,
    metrics,
    ping,
    // Of the host, without an answer.
    cancel,
    notice,
    answer, ///< to the worker's question of the same number
    // Of the worker.
    reply,
    output,    ///< a piece for a sink of the running call: answered
    input,     ///< wants standard input for the running call: answered
    config,    ///< wants settings: answered
    subscribe, ///< wants every notice from now on
    publish,
    log,
    bar_begin,
    bar_advance,
    bar_end,
};

struct Frame {
    Kind kind = Kind::reply;
    uint32_t id = 0; ///< of the call or question
    std::string body;
};

/// Writes a body: numbers as they lie in memory, texts with their length.
class Packer {
  public:
    template <class T>
        requires std::is_arithmetic_v<T>
    Packer &put(T value) {
        char bytes[sizeof(T)];
        std::memcpy(bytes, &value, sizeof value);
        body_.append(bytes, sizeof bytes);
        return *this;
    }
    Packer &put(std::string_view text) {
        put(static_cast<uint32_t>(text.size()));
        body_.append(text);
        return *this;
    }
    Packer &put(const char *text) { return put(std::string_view(text)); }
    Packer &put(const std::string &text) { return put(std::string_view(text)); }
    Packer &put(k2s_str text) { return put(from_abi(text)); }

    std::string take() { return std::move(body_); }

  private:
    std::string body_;
};

/// Reads a body. What is beyond its end is zero or empty, and good() is false from then on.
class Unpacker {
  public:
    explicit Unpacker(std::string_view body) : rest_(body) {}

    template <class T> T get() {
        static_assert(std::is_arithmetic_v<T>);
        T value{};
        if (take(sizeof value)) {
            std::memcpy(&value, taken_.data(), sizeof value);
        }
        return value;
    }
    /// Borrows from the body.
    std::string_view text() { return take(get<uint32_t>()) ? taken_ : std::string_view(); }

    bool good() const { return good_; }
    /// Everything was read, and nothing is left.
    bool complete() const { return good_ && rest_.empty(); }

  private:
    bool take(std::size_t size) {
        good_ = good_ && size <= rest_.size();
        if (good_) {
            taken_ = rest_.substr(0, size);
            rest_.remove_prefix(size);
        }
        return good_;
    }

    std::string_view rest_;
    std::string_view taken_;
    bool good_ = true;
};

} // namespace k2s::core::isolation
