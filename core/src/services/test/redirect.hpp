// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace k2s::core::test {

/// Standard input of this process comes out of a pipe for as long as this lives.
class PipedInput {
  public:
    PipedInput();
    PipedInput(const PipedInput &) = delete;
    PipedInput &operator=(const PipedInput &) = delete;
    ~PipedInput();

    void write(std::string_view data);
    void end(); ///< closes the writing side

  private:
#ifdef _WIN32
    void *former_;
    void *reader_ = nullptr;
    void *writer_ = nullptr;
#else
    int former_;
    int writer_ = -1;
#endif
};

/// For tests of k2s.stdio's environment: may set an empty value.
void set_variable(const char *name, const char *value);

/// Absolute path of a program on this system.
extern const char *const k_absolute_program;

} // namespace k2s::core::test
