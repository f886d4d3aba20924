// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace k2s::core {

/// Names the calling thread for debuggers and `top`; Linux shows the first 15 bytes.
void name_this_thread(const std::string &name) noexcept;

} // namespace k2s::core
