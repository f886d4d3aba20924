// SPDX-License-Identifier: MIT
// Large headers that nearly every file needs; compiled once.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/filesystem/operations.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
