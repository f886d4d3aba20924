// SPDX-License-Identifier: MIT
#include "util/path.hpp"

#include <vector>

#include <windows.h>

#include "util/utf8.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core {
namespace {

// CreateDirectory keeps 12 characters of MAX_PATH for an 8.3 name: the lowest of the limits.
constexpr std::size_t k_short_enough = MAX_PATH - 12;

Result<fs::path> module_file(HMODULE module) {
    std::vector<wchar_t> buffer(MAX_PATH);
    for (;;) {
        const DWORD length =
            ::GetModuleFileNameW(module, buffer.data(), static_cast<DWORD>(buffer.size()));
        if (length == 0) {
            return fail(K2S_E_FAILED, "cannot find the program's own file: {}",
                        windows_error(::GetLastError()));
        }
        if (length < buffer.size()) {
            return fs::path(std::wstring(buffer.data(), length));
        }
        if (buffer.size() > 32768) {
            return fail(K2S_E_FAILED, "cannot find the program's own file: its path is too long");
        }
        buffer.resize(buffer.size() * 4);
    }
}

const char k_anchor = 0;

Result<fs::path> read_module() {
    HMODULE module = nullptr;
    if (::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                 GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                             reinterpret_cast<LPCWSTR>(&k_anchor), &module) == 0) {
        return fail(K2S_E_FAILED, "cannot find the core library's own file: {}",
                    windows_error(::GetLastError()));
    }
    return module_file(module);
}

} // namespace

fs::path path_from_utf8(std::string_view text) {
    return fs::path(to_wide(text));
}

std::string path_to_utf8(const fs::path &path) {
    return from_wide(path.native());
}

std::string path_text(const fs::path &path) {
    return lossy_utf8(from_wide(path.native()));
}

fs::path long_path(const fs::path &path) {
    const std::wstring &native = path.native();
    if (native.size() < k_short_enough || native.starts_with(L"\\\\?\\") ||
        native.starts_with(L"\\\\.\\")) {
        return path;
    }
    // The prefix switches normalisation off, so it has to be done here: slashes, "." and "..".
    std::vector<wchar_t> buffer(native.size() + MAX_PATH);
    DWORD length = ::GetFullPathNameW(native.c_str(), static_cast<DWORD>(buffer.size()),
                                      buffer.data(), nullptr);
    if (length >= buffer.size()) {
        buffer.resize(length + 1);
        length = ::GetFullPathNameW(native.c_str(), static_cast<DWORD>(buffer.size()),
                                    buffer.data(), nullptr);
    }
    if (length == 0 || length >= buffer.size()) {
        return path;
    }
    const std::wstring full(buffer.data(), length);
    if (full.starts_with(L"\\\\")) {
        return fs::path(L"\\\\?\\UNC" + full.substr(1));
    }
    return fs::path(L"\\\\?\\" + full);
}

const Result<fs::path> &executable_path() {
    static const Result<fs::path> path = module_file(nullptr);
    return path;
}

const Result<fs::path> &module_path() {
    static const Result<fs::path> path = read_module();
    return path;
}

} // namespace k2s::core
