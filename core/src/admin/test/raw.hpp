// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <boost/filesystem/path.hpp>

/// Peers that do not keep to the rules, over plain system calls.
namespace raw {

/// Sends `bytes` to the local endpoint and returns what comes until its end or for 8 s.
std::string exchange(const boost::filesystem::path &endpoint, const std::string &bytes);

/// The same over TCP to 127.0.0.1.
std::string exchange(std::uint16_t port, const std::string &bytes);

} // namespace raw
