// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "admin/endpoint.hpp"
#include "admin/message.hpp"
#include "util/result.hpp"

namespace k2s::core::admin {

/// Asks the host behind `endpoint`. A response with any status is a result. Errors: K2S_E_NOT_FOUND
/// (no host is running there), K2S_E_PERMISSION (it runs as somebody else), K2S_E_TIMEOUT,
/// K2S_E_IO (it went away in the middle). [may block until the timeout]
Result<Response> request(const fs::path &endpoint, std::string_view method, std::string_view path,
                         std::string_view body, std::chrono::milliseconds timeout);

} // namespace k2s::core::admin
