// SPDX-License-Identifier: MIT
#include "services/test/redirect.hpp"

#include <array>
#include <cstdlib>
#include <stdexcept>

#include <unistd.h>

namespace k2s::core::test {

PipedInput::PipedInput() : former_(::dup(STDIN_FILENO)) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        throw std::runtime_error("pipe");
    }
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    writer_ = ends[1];
}

PipedInput::~PipedInput() {
    end();
    if (former_ >= 0) {
        ::dup2(former_, STDIN_FILENO);
        ::close(former_);
    } else {
        ::close(STDIN_FILENO);
    }
}

void PipedInput::write(std::string_view data) {
    if (::write(writer_, data.data(), data.size()) != static_cast<ssize_t>(data.size())) {
        throw std::runtime_error("write");
    }
}

void PipedInput::end() {
    if (writer_ >= 0) {
        ::close(writer_);
        writer_ = -1;
    }
}

void set_variable(const char *name, const char *value) {
    ::setenv(name, value, 1);
}

const char *const k_absolute_program = "/bin/true";

} // namespace k2s::core::test
