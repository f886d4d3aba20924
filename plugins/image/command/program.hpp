// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <k2s/sdk/process.hpp>

#include "base/result.hpp"

namespace k2s::image {

/// The program of that name beside this one or in PATH; empty: there is none.
std::string find_program(const Host &host, const std::string &name);

/// Runs a program to its end, without a shell. An Error: it could not be started, was ended by a
/// signal, or took longer.
Result<Ended> run_to_end(const Host &host, std::vector<std::string> arguments,
                         uint64_t deadline_ms);

} // namespace k2s::image
