/* SPDX-License-Identifier: MIT */
/* Double of what wine's iphlpapi.dll lacks: each call is a line of K2S_TEST_CALLS, K2S_TEST_RESULT
 * the result. */
#include <winsock2.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <stdio.h>
#include <stdlib.h>

typedef void(WINAPI *Callback)(void *, void *, MIB_NOTIFICATION_TYPE);
static Callback notified;
static void *notified_with;
static int registered;

static DWORD call(const char *name, const MIB_IPFORWARD_ROW2 *row) {
    wchar_t file[1024] = L"", result[32] = L"";
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", file, 1024);
    GetEnvironmentVariableW(L"K2S_TEST_RESULT", result, 32);
    FILE *out = _wfopen(file, L"ab");
    fprintf(out, "%s %u %08x/%u %08x %lu %d\n", name, row->DestinationPrefix.Prefix.si_family,
            __builtin_bswap32(row->DestinationPrefix.Prefix.Ipv4.sin_addr.s_addr),
            row->DestinationPrefix.PrefixLength,
            __builtin_bswap32(row->NextHop.Ipv4.sin_addr.s_addr), row->Metric,
            (int)row->InterfaceIndex);
    fclose(out);
    return (DWORD)wcstoul(result, NULL, 0);
}

__declspec(dllexport) DWORD WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row) {
    const DWORD result = call("create", row);
    if (registered != 0) {
        notified(notified_with, NULL, MibAddInstance);
    }
    return result;
}
__declspec(dllexport) DWORD WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row) {
    return call("delete", row);
}

/* Changes are told for routes; K2S_TEST_RESULT is the result here, too. */
static DWORD listen_for(ADDRESS_FAMILY family, void (*callback)(void), void *with, BOOLEAN at_once,
                        HANDLE *handle) {
    wchar_t result[32] = L"";
    GetEnvironmentVariableW(L"K2S_TEST_RESULT", result, 32);
    const DWORD code =
        family == AF_UNSPEC && !at_once ? (DWORD)wcstoul(result, NULL, 0) : ERROR_INVALID_PARAMETER;
    if (code == NO_ERROR) {
        notified = (Callback)callback;
        notified_with = with;
        *handle = (HANDLE)(UINT_PTR)++registered;
    }
    return code;
}

__declspec(dllexport) DWORD WINAPI NotifyRouteChange2(ADDRESS_FAMILY family,
                                                      PIPFORWARD_CHANGE_CALLBACK callback,
                                                      void *with, BOOLEAN at_once, HANDLE *handle) {
    return listen_for(family, (void (*)(void))callback, with, at_once, handle);
}
__declspec(dllexport) DWORD WINAPI
NotifyUnicastIpAddressChange(ADDRESS_FAMILY family, PUNICAST_IPADDRESS_CHANGE_CALLBACK callback,
                             void *with, BOOLEAN at_once, HANDLE *handle) {
    return listen_for(family, (void (*)(void))callback, with, at_once, handle);
}
__declspec(dllexport) DWORD WINAPI NotifyIpInterfaceChange(ADDRESS_FAMILY family,
                                                           PIPINTERFACE_CHANGE_CALLBACK callback,
                                                           void *with, BOOLEAN at_once,
                                                           HANDLE *handle) {
    return listen_for(family, (void (*)(void))callback, with, at_once, handle);
}
__declspec(dllexport) DWORD WINAPI CancelMibChangeNotify2(HANDLE handle) {
    registered -= handle != NULL ? 1 : 0;
    return NO_ERROR;
}
