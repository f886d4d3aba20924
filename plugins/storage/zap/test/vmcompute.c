/* SPDX-License-Identifier: MIT */
/* Double of vmcompute.dll: writes what it is called with into the file that K2S_TEST_CALLS names,
 * then does what K2S_TEST_RESULT says: a number is the HRESULT ("0" also removes the layer's one
 * file and folder), "hang" never returns. */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int flavour;
    const wchar_t *home;
} DriverInfo;

__declspec(dllexport) HRESULT WINAPI DestroyLayer(const DriverInfo *info, const wchar_t *path) {
    wchar_t file[1024] = L"";
    wchar_t result[64] = L"";
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", file, 1024);
    GetEnvironmentVariableW(L"K2S_TEST_RESULT", result, 64);
    FILE *calls = _wfopen(file, L"ab");
    if (calls != NULL) {
        fprintf(calls, "%d '%ls' %ls\n", info->flavour, info->home, path);
        fclose(calls);
    }
    if (wcscmp(result, L"hang") == 0) {
        Sleep(INFINITE);
    }
    const HRESULT code = (HRESULT)wcstoul(result, NULL, 0);
    if (code == 0) {
        wchar_t below[1100];
        _snwprintf(below, 1100, L"%ls\\layerchain.json", path);
        DeleteFileW(below);
        RemoveDirectoryW(path);
    }
    return code;
}
