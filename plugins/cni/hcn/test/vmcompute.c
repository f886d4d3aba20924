/* SPDX-License-Identifier: MIT */
/* Double of vmcompute.dll: the version of the Host Networking Service is %K2S_HNS_VERSION%. */
#include <windows.h>
#include <objbase.h>
#include <stdio.h>
#include <wchar.h>

__declspec(dllexport) HRESULT WINAPI HNSCall(PCWSTR method, PCWSTR path, PCWSTR request,
                                             PWSTR *response) {
    wchar_t said[50] = L"15.4", text[200];
    int major = 0, minor = 0;
    GetEnvironmentVariableW(L"K2S_HNS_VERSION", said, 50);
    if (wcscmp(said, L"fail") == 0 || wcscmp(method, L"GET") != 0 || request[0] != 0 ||
        wcscmp(path, L"/globals/version") != 0) {
        return E_FAIL;
    }
    if (wcscmp(said, L"hang") == 0) {
        Sleep(INFINITE);
    }
    if (swscanf(said, L"%d.%d", &major, &minor) == 2) {
        swprintf(text, 200, L"{\"Success\":true,\"Output\":{\"Major\":%d,\"Minor\":%d}}", major,
                 minor);
    } else {
        wcscpy(text, L"{\"Success\":true}");
    }
    const size_t bytes = (wcslen(text) + 1) * sizeof(wchar_t);
    *response = CoTaskMemAlloc(bytes);
    memcpy(*response, text, bytes);
    return S_OK;
}
