// SPDX-License-Identifier: MIT
#include "platform.hpp"

#include <windows.h>

#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::worker {

namespace {

HANDLE handle_of(Inherited number) {
    return reinterpret_cast<HANDLE>(number);
}

} // namespace

void be_quiet() {
    ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
}

bool write_all(Inherited to, const std::string &text) {
    DWORD written = 0;
    return ::WriteFile(handle_of(to), text.data(), static_cast<DWORD>(text.size()), &written,
                       nullptr) != FALSE &&
           written == text.size();
}

std::int64_t read_at(Inherited from, std::uint64_t offset, void *buffer, std::size_t size) {
    OVERLAPPED where{};
    where.Offset = static_cast<DWORD>(offset);
    where.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    if (::ReadFile(handle_of(from), buffer, static_cast<DWORD>(size), &got, &where) == FALSE) {
        return ::GetLastError() == ERROR_HANDLE_EOF ? 0 : -1;
    }
    return got;
}

Loaded load(const std::string &path, Inherited) {
    // The same search as the host's loader: the library's own folder and System32.
    Loaded loaded{::LoadLibraryExW(core::long_path(core::path_from_utf8(path)).c_str(), nullptr,
                                   LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32),
                  {}};
    if (loaded.module == nullptr) {
        loaded.error = core::windows_error(::GetLastError());
    }
    return loaded;
}

void *find_symbol(void *module, const char *name) {
    return reinterpret_cast<void *>(::GetProcAddress(static_cast<HMODULE>(module), name));
}

void leave(int code) {
    // ExitProcess would run the plugin's DllMain once more.
    ::TerminateProcess(::GetCurrentProcess(), static_cast<UINT>(code));
    for (;;) {
        ::Sleep(INFINITE);
    }
}

} // namespace k2s::worker
