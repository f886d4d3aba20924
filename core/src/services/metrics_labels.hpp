// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "util/result.hpp"

namespace k2s::core {

/// Checks the inside of a metric's braces: `name="value",…` of the Prometheus text format, no name
/// twice, none that the host sets ("plugin", and "le" of a histogram).
Result<void> check_labels(std::string_view labels, bool histogram);

} // namespace k2s::core
