// SPDX-License-Identifier: MIT
#include "util/environment.hpp"

#include <algorithm>
#include <cwchar>

#include <windows.h>

#include "util/windows/wide.hpp"

namespace k2s::core {

std::optional<std::string> environment(const char *name) {
    const std::wstring wide = to_wide(name);
    std::wstring value(256, L'\0');
    for (;;) {
        const DWORD length =
            ::GetEnvironmentVariableW(wide.c_str(), value.data(), static_cast<DWORD>(value.size()));
        if (length == 0) {
            return std::nullopt;
        }
        if (length < value.size()) {
            value.resize(length);
            return from_wide(value);
        }
        value.resize(length + 1); // another thread may make it longer still: hence the loop
    }
}

std::vector<std::pair<std::string, std::string>> environment_with_prefix(std::string_view prefix) {
    std::vector<std::pair<std::string, std::string>> found;
    wchar_t *const block = ::GetEnvironmentStringsW();
    if (block == nullptr) {
        return found;
    }
    for (const wchar_t *entry = block; *entry != L'\0'; entry += std::wcslen(entry) + 1) {
        const std::string text = from_wide(entry);
        const std::size_t equals = text.find('=', 1); // "=C:=C:\" entries start with one
        if (equals == std::string::npos || equals + 1 == text.size()) {
            continue;
        }
        std::string name = text.substr(0, equals);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        if (name.starts_with(prefix)) {
            found.emplace_back(std::move(name), text.substr(equals + 1));
        }
    }
    ::FreeEnvironmentStringsW(block);
    std::sort(found.begin(), found.end());
    return found;
}

void set_environment(const char *name, std::string_view value) {
    ::SetEnvironmentVariableW(to_wide(name).c_str(), to_wide(value).c_str());
}

// Windows has no set-user-id programs; elevation builds a fresh environment.
bool environment_is_trusted() {
    return true;
}

} // namespace k2s::core
