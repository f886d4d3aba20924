// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include <k2s/sdk/error.hpp>

namespace k2s::cloudinitisobuilder {

inline std::unexpected<Error> fail(int32_t code, std::string message) {
    return std::unexpected(Error{code, std::move(message)});
}

} // namespace k2s::cloudinitisobuilder
