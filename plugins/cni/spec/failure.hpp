// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <k2s/sdk/error.hpp>

namespace k2s::cni {

/// The error codes of the CNI specification 1.1.0, section 5 "Error"; 50 is from section 2
/// "STATUS".
enum ErrorCode : unsigned {
    k_incompatible_version = 1,
    k_unsupported_field = 2,
    k_unknown_container = 3,
    k_bad_environment = 4,
    k_io_failure = 5,
    k_decoding_failure = 6,
    k_bad_config = 7,
    k_bad_netns = 8,
    k_try_later = 11,
    k_unavailable = 50,
    k_internal = 999,
};

/// What a caller of a CNI plugin is told: a code of the specification and a text for a person.
struct Failure {
    unsigned code = k_internal;
    std::string message;
    std::string details;
};

template <class T = void> using Result = std::expected<T, Failure>;

template <class... Arguments>
std::unexpected<Failure> fail(unsigned code, fmt::format_string<Arguments...> text,
                              Arguments &&...arguments) {
    return std::unexpected(
        Failure{code, fmt::format(text, std::forward<Arguments>(arguments)...), {}});
}

/// Hands a failure on from a result of another type.
template <class T> std::unexpected<Failure> pass(Result<T> &result) {
    return std::unexpected(std::move(result.error()));
}

/// The same for commands that are no CNI plugins.
inline std::unexpected<Error> as_error(const Failure &failure) {
    return std::unexpected(Error{K2S_E_FAILED, failure.message});
}

} // namespace k2s::cni
