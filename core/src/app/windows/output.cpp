// SPDX-License-Identifier: MIT
#include "app/output.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <windows.h>

#include "util/utf8.hpp"

namespace k2s::core {
namespace {

/// A console takes UTF-16; a file or pipe takes the bytes.
bool write_all(DWORD stream, std::string_view data) noexcept {
    HANDLE handle = GetStdHandle(stream);
    DWORD mode = 0;
    DWORD done = 0;
    if (GetConsoleMode(handle, &mode) != 0) {
        const std::u16string wide = utf16_from_wtf8(data);
        constexpr std::size_t k_piece = 16384;
        for (std::size_t at = 0; at < wide.size(); at += done) {
            const auto size = static_cast<DWORD>(std::min(k_piece, wide.size() - at));
            if (WriteConsoleW(handle, wide.data() + at, size, &done, nullptr) == 0 || done == 0) {
                return false;
            }
        }
        return true;
    }
    while (!data.empty()) {
        constexpr std::size_t k_piece = 1U << 20;
        const auto size = static_cast<DWORD>(std::min(k_piece, data.size()));
        if (WriteFile(handle, data.data(), size, &done, nullptr) == 0 || done == 0) {
            return false;
        }
        data.remove_prefix(done);
    }
    return true;
}

} // namespace

bool write_out(std::string_view data) noexcept {
    return write_all(STD_OUTPUT_HANDLE, data);
}

void write_err(std::string_view text) noexcept {
    write_all(STD_ERROR_HANDLE, text);
}

void end_process(int code) noexcept {
    TerminateProcess(GetCurrentProcess(), static_cast<UINT>(code));
    std::abort();
}

} // namespace k2s::core
