/* SPDX-License-Identifier: MIT */
/* Double of computestorage.dll; see vmcompute.c. */
#include <windows.h>
#include <stdio.h>

__declspec(dllexport) HRESULT WINAPI HcsDestroyLayer(const wchar_t *path) {
    wchar_t file[1024] = L"";
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", file, 1024);
    FILE *calls = _wfopen(file, L"ab");
    if (calls != NULL) {
        fprintf(calls, "hcs %ls\n", path);
        fclose(calls);
    }
    return S_OK;
}
