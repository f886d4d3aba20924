// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "process/process.hpp"

/// What both platforms do with a Spec before they start it.
namespace k2s::core::process {

/// Refuses what could not arrive unchanged: NUL bytes, an empty program, an environment name with
/// '=', an argument index beyond the end.
Result<void> check(const Spec &spec);

/// One CreateProcess command line that CommandLineToArgvW and the C runtime split into exactly
/// `program` and `arguments` again.
/// Source: "Parsing C command-line arguments", Microsoft C++ documentation.
std::string windows_command_line(std::string_view program,
                                 const std::vector<std::string> &arguments);

/// Counts what a stream has delivered and decides about the next piece.
class Meter {
  public:
    explicit Meter(const Output &output) : output_(&output) {}

    /// False: the child has to be ended.
    bool take(std::string_view piece);
    [[nodiscard]] bool truncated() const { return truncated_; }

  private:
    const Output *output_;
    std::uint64_t taken_ = 0;
    bool truncated_ = false;
};

} // namespace k2s::core::process
