/* SPDX-License-Identifier: MIT */
/* Double of vfpapi.dll. It writes what it is called with into the file that K2S_TEST_CALLS names,
 * reading by the offsets of the documentation and not by our structures, and does what
 * K2S_TEST_VFPAPI says: "init N" and "add N" are results, "hang" never returns from adding,
 * "layout" puts names elsewhere. */
#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void setting(wchar_t *text) {
    text[0] = 0;
    GetEnvironmentVariableW(L"K2S_TEST_VFPAPI", text, 64);
}

#define AT(type, base, offset) (*(const type *)((const uint8_t *)(base) + (offset)))

__declspec(dllexport) DWORD WINAPI VfcInitializeDescriptor(uint8_t *descriptor, uint16_t size,
                                                           uint8_t type, const wchar_t *id,
                                                           const wchar_t *name) {
    wchar_t what[64];
    setting(what);
    if (wcsncmp(what, L"init ", 5) == 0) {
        return (DWORD)wcstoul(what + 5, NULL, 0);
    }
    if (size != 152 || type != 5) {
        return ERROR_INVALID_PARAMETER;
    }
    *(uint16_t *)descriptor = size;
    const int shift = wcscmp(what, L"layout") == 0 ? 8 : 0;
    *(const wchar_t **)(descriptor + 24 + shift) = id;
    *(const wchar_t **)(descriptor + 32 + shift) = name;
    return 0;
}

static void hex(FILE *out, const char *name, const uint8_t *bytes, size_t size) {
    fprintf(out, " %s=", name);
    for (size_t i = 0; i < size; ++i) {
        fprintf(out, "%02x", bytes[i]);
    }
}

__declspec(dllexport) DWORD WINAPI VfcAddObject(const uint8_t *where, const uint8_t *id,
                                                const uint8_t *rule) {
    wchar_t what[64], file[1024] = L"";
    setting(what);
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", file, 1024);
    FILE *out = _wfopen(file, L"ab");
    const uint8_t *guid = AT(const uint8_t *, where, 8);
    const uint8_t *data = AT(const uint8_t *, rule, 104);
    const uint8_t *entry = data + 836;
    fprintf(out, "driver=%ls", AT(const wchar_t *, where, 0));
    hex(out, "guid", guid, 16);
    fprintf(out, " port=%ls count=%u layer=%ls group=%ls", AT(const wchar_t *, where, 32),
            AT(uint32_t, id, 0), AT(const wchar_t *, id, 24), AT(const wchar_t *, id, 32));
    fprintf(out, " size=%u f1=%u f2=%u f3=%u priority=%u id=%ls name=%ls", AT(uint16_t, rule, 0),
            AT(uint8_t, rule, 2), AT(uint8_t, rule, 3), AT(uint16_t, rule, 4),
            AT(uint16_t, rule, 12), AT(const wchar_t *, rule, 24), AT(const wchar_t *, rule, 32));
    hex(out, "range", AT(const uint8_t *, rule, 48), AT(uint16_t, rule, 88));
    fprintf(out, " kind=%u datasize=%u field1=%u number=%u action=%d field2=%u fields=%u",
            AT(uint8_t, rule, 98), AT(uint16_t, rule, 120), AT(uint16_t, rule, 124),
            AT(uint16_t, data, 0), AT(int32_t, entry, 8), AT(uint32_t, entry, 12),
            (unsigned)AT(uint64_t, entry, 16));
    hex(out, "mac", entry + 24, 12);
    size_t used = 0; /* bytes that have to be zero */
    for (size_t i = 2; i < 1188; ++i) {
        const int known = (i >= 836 + 8 && i < 836 + 36);
        used += !known && data[i] != 0;
    }
    fprintf(out, " other=%u\n", (unsigned)used);
    fclose(out);
    if (wcscmp(what, L"hang") == 0) {
        Sleep(INFINITE);
    }
    return wcsncmp(what, L"add ", 4) == 0 ? (DWORD)wcstoul(what + 4, NULL, 0) : 0;
}
