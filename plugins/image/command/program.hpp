// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <k2s/sdk/host.hpp>

#include "base/result.hpp"

namespace k2s::image {

/// An environment variable, or empty.
std::string variable(const Host &host, std::string_view name);

/// The program of that name beside this one or in PATH; empty: there is none.
std::string find_program(const Host &host, const std::string &name);

struct Ended {
    int32_t exit_code = 0;
    std::string out;
    std::string err;
};

/// Runs a program to its end, without a shell. An Error: it could not be started, was ended by a
/// signal, or took longer.
Result<Ended> run_program(const Host &host, const std::vector<std::string> &arguments,
                          uint64_t deadline_ms);

} // namespace k2s::image
