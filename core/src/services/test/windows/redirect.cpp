// SPDX-License-Identifier: MIT
#include "services/test/redirect.hpp"

#include <stdexcept>

#include <windows.h>

namespace k2s::core::test {

PipedInput::PipedInput() : former_(::GetStdHandle(STD_INPUT_HANDLE)) {
    if (::CreatePipe(&reader_, &writer_, nullptr, 0) == 0) {
        throw std::runtime_error("CreatePipe");
    }
    ::SetStdHandle(STD_INPUT_HANDLE, reader_);
}

PipedInput::~PipedInput() {
    end();
    ::SetStdHandle(STD_INPUT_HANDLE, former_);
    ::CloseHandle(reader_);
}

void PipedInput::write(std::string_view data) {
    DWORD written = 0;
    if (::WriteFile(writer_, data.data(), static_cast<DWORD>(data.size()), &written, nullptr) ==
            0 ||
        written != data.size()) {
        throw std::runtime_error("WriteFile");
    }
}

void PipedInput::end() {
    if (writer_ != nullptr) {
        ::CloseHandle(writer_);
        writer_ = nullptr;
    }
}

void set_variable(const char *name, const char *value) {
    ::SetEnvironmentVariableA(name, value);
}

const char *const k_absolute_program = "C:\\windows\\system32\\cmd.exe";

} // namespace k2s::core::test
