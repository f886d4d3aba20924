// SPDX-License-Identifier: MIT
// What nearly every file of the core includes, parsed once per build. Files still include what they
// use, so that the core also compiles without this.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/filesystem/path.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
