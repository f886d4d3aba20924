// SPDX-License-Identifier: MIT
/// \file
/// k2s-plugin-validator: is a plugin what docs/abi asks for? Each case runs in a child process with
/// a time limit, so that a plugin that crashes or hangs fails that case and no other.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "subject.hpp"

namespace k2s::validator {

enum class Outcome : std::uint8_t { pass, warn, skip, fail, crash };

struct Verdict {
    Outcome outcome = Outcome::pass;
    std::string message; ///< empty for a plain pass
};

inline Verdict failed(std::string message) {
    return {Outcome::fail, std::move(message)};
}
inline Verdict skipped(std::string message) {
    return {Outcome::skip, std::move(message)};
}
inline Verdict warned(std::string message) {
    return {Outcome::warn, std::move(message)};
}

struct Case {
    std::string_view name;
    std::string_view rule; ///< of docs/abi, in one line
    std::chrono::seconds limit;
    Verdict (*check)(const Subject &subject, std::uint64_t seed);
};

/// In the order in which they are reported.
std::span<const Case> all_cases();

struct Finding {
    const Case *of;
    Verdict verdict;
    double seconds = 0;
};

enum class Style : std::uint8_t { text, json, junit };

std::string report(const Subject &subject, std::uint64_t seed, const std::vector<Finding> &findings,
                   Style style);

} // namespace k2s::validator
