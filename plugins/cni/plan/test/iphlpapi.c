/* SPDX-License-Identifier: MIT */
/* Double of what wine's iphlpapi.dll lacks: each call is a line of K2S_TEST_CALLS, K2S_TEST_RESULT the
 * result. */
#include <winsock2.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <stdio.h>
#include <stdlib.h>

static DWORD call(const char *name, const MIB_IPFORWARD_ROW2 *row) {
    wchar_t file[1024] = L"", result[32] = L"";
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", file, 1024);
    GetEnvironmentVariableW(L"K2S_TEST_RESULT", result, 32);
    FILE *out = _wfopen(file, L"ab");
    fprintf(out, "%s %u %08lx/%u %08lx %lu %d\n", name, row->DestinationPrefix.Prefix.si_family,
            __builtin_bswap32(row->DestinationPrefix.Prefix.Ipv4.sin_addr.s_addr), row->DestinationPrefix.PrefixLength,
            __builtin_bswap32(row->NextHop.Ipv4.sin_addr.s_addr), row->Metric, (int)row->InterfaceIndex);
    fclose(out);
    return (DWORD)wcstoul(result, NULL, 0);
}

__declspec(dllexport) DWORD WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row) {
    return call("create", row);
}
__declspec(dllexport) DWORD WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row) {
    return call("delete", row);
}
