// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <k2s/sdk/error.hpp>

namespace k2s::core {

template <class T> using Result = std::expected<T, Error>;

/// `return fail(K2S_E_CONFIG, "{}: …", file);` converts to any Result<T>.
template <class... Args>
std::unexpected<Error> fail(int32_t code, fmt::format_string<Args...> text, Args &&...args) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

/// Passes an error on unchanged: `if (!x) return pass(x);`
template <class T> std::unexpected<Error> pass(Result<T> &result) {
    return std::unexpected(std::move(result.error()));
}

} // namespace k2s::core
