// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <utility>

#include <fmt/format.h>

#include <k2s/sdk/error.hpp>

namespace k2s::image {

template <class T> using Result = std::expected<T, Error>;
using Done = Result<void>;

/// `return fail(K2S_E_IO, "cannot …", …);`
template <class... Args>
std::unexpected<Error> fail(int32_t code, fmt::format_string<Args...> text, Args &&...args) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

/// Hands a failure on: `if (!x) return pass(x);`
template <class T> std::unexpected<Error> pass(Result<T> &failed) {
    return std::unexpected(std::move(failed.error()));
}

} // namespace k2s::image
