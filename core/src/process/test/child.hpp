// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The other side of the tests: the test program starts itself with `--child ROLE …`.
namespace child {

/// The program's arguments as UTF-8 (Linux: as they came).
std::vector<std::string> arguments(int argc, char **argv);

/// Plays a role and returns the exit code.
int play(const std::vector<std::string> &arguments);

// What the roles and the tests need of the platform.
std::uint64_t start_escaped(const std::vector<std::string> &arguments); // as far away as can be
std::uint64_t start_plain(const std::vector<std::string> &arguments);
void kill_only(std::uint64_t process); // that one, nothing below it
bool is_alive(std::uint64_t process);
void write_to(const std::string &handle_number, const std::string &text);
std::string open_handles(); // Linux: "0 1 2 …"
void crash();
void sleep_ms(int time);

} // namespace child
