// SPDX-License-Identifier: MIT
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../host.hpp"

// The shell's wildcards are the caller's business: no expansion by the C runtime.
extern "C" int _dowildcard;
int _dowildcard = 0;

namespace {

constexpr DWORD k_max_path = 32768; // UNICODE_STRING_MAX_CHARS

/// UTF-8 (WTF-8 is not needed here: the core gets what the system calls valid) on the heap.
char *to_utf8(const wchar_t *text) {
    const int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
    auto *result = static_cast<char *>(malloc(size > 0 ? static_cast<size_t>(size) : 1));
    if (result != nullptr) {
        result[0] = '\0';
        WideCharToMultiByte(CP_UTF8, 0, text, -1, result, size, nullptr, nullptr);
    }
    return result;
}

/// See the Linux twin. The result is absolute and without "..", as LoadLibraryEx wants it.
bool find_root(wchar_t *root) {
    auto *path = static_cast<wchar_t *>(malloc(2 * k_max_path * sizeof(wchar_t)));
    const DWORD length = path != nullptr ? GetModuleFileNameW(nullptr, path, k_max_path) : 0;
    if (length == 0 || length >= k_max_path) {
        free(path);
        return false;
    }
    wchar_t *name = wcsrchr(path, L'\\') + 1;
    wcscpy(name, L"k2s.root");
    HANDLE file =
        CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
    wcscpy(name, L"..");
    if (file != INVALID_HANDLE_VALUE) {
        char text[4096];
        DWORD size = 0;
        const bool read = ReadFile(file, text, sizeof(text) - 1, &size, nullptr) != 0;
        CloseHandle(file);
        text[size] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        // An absolute path replaces the exe's folder, a relative one continues it.
        wchar_t *target = strchr(text, ':') != nullptr || text[0] == '\\' ? path : name;
        if (!read || MultiByteToWideChar(CP_UTF8, 0, text, -1, target, k_max_path) == 0) {
            free(path);
            return false;
        }
    }
    const DWORD full = GetFullPathNameW(path, k_max_path, root, nullptr);
    free(path);
    return full > 0 && full < k_max_path;
}

} // namespace

int wmain(int argc, wchar_t **wide_argv) {
    using namespace k2s::host;
    auto **argv = static_cast<char **>(calloc(static_cast<size_t>(argc) + 1, sizeof(char *)));
    for (int i = 0; argv != nullptr && i < argc; ++i) {
        argv[i] = to_utf8(wide_argv[i]);
    }
    if (argv != nullptr && answers_version(argc, argv)) {
        return fflush(stdout) == 0 ? 0 : 1;
    }
    auto *library = static_cast<wchar_t *>(malloc(2 * k_max_path * sizeof(wchar_t)));
    if (argv == nullptr || library == nullptr || !find_root(library)) {
        complain("cannot find the installed tree", "GetModuleFileName failed or out of memory");
        return 1;
    }
    char *root = to_utf8(library);
    wcscat(library, L"\\bin\\k2s-core.dll");
    HMODULE core = LoadLibraryExW(library, nullptr,
                                  LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    const auto core_main = core != nullptr
                               ? reinterpret_cast<k2s_core_main_v1_fn>(
                                     reinterpret_cast<void *>(GetProcAddress(core, K2S_CORE_MAIN)))
                               : nullptr;
    if (core_main == nullptr) {
        char why[64];
        snprintf(why, sizeof(why), "Windows error %lu", GetLastError());
        complain("cannot load bin\\k2s-core.dll (reinstall, or let the file k2s.root beside the "
                 "exe name the installed tree)",
                 why);
        return 1;
    }
    return core_main(&k2s_this_preset, root, argc, argv);
}
