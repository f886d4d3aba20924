/* SPDX-License-Identifier: MIT */
/*
 * Double of computenetwork.dll. It keeps networks, endpoints and namespaces as files in a folder,
 * so that several processes see the same: %K2S_HCN%\network-ID.json and so on; each call is
 * appended to %K2S_HCN%\calls. What %K2S_HCN_FAULT% says goes wrong: "FUNCTION fail HRESULT",
 * "FUNCTION record", "FUNCTION garbage", "FUNCTION null" or "FUNCTION hang".
 */
#include <windows.h>
#include <objbase.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define LONGEST 65536
#define EXPORT __declspec(dllexport) HRESULT WINAPI
#define NOT_FOUND(kind)                                                                            \
    (wcscmp(kind, L"network") == 0    ? 0x803b0001                                                 \
     : wcscmp(kind, L"endpoint") == 0 ? 0x803b0002                                                 \
                                      : 0x80070490)

typedef struct {
    const wchar_t *kind;
    GUID id;
} object;

static void folder_path(wchar_t *path, const wchar_t *name) {
    wchar_t folder[MAX_PATH] = L"";
    GetEnvironmentVariableW(L"K2S_HCN", folder, MAX_PATH);
    swprintf(path, 2 * MAX_PATH, L"%ls\\%ls", folder, name);
}

static void object_path(wchar_t *path, const wchar_t *kind, const GUID *id) {
    wchar_t name[100], text[40];
    StringFromGUID2(id, text, 40);
    text[37] = 0;
    swprintf(name, 100, L"%ls-%ls.json", kind, text + 1);
    for (wchar_t *at = name; *at != 0; ++at) {
        *at = (wchar_t)towlower(*at);
    }
    folder_path(path, name);
}

static void record(const char *function, const wchar_t *detail) {
    wchar_t path[2 * MAX_PATH];
    folder_path(path, L"calls");
    FILE *calls = _wfopen(path, L"ab");
    if (calls != NULL) {
        fprintf(calls, "%s %ls\n", function, detail);
        fclose(calls);
    }
}

static wchar_t *copy(const wchar_t *text) {
    const size_t bytes = (wcslen(text) + 1) * sizeof(wchar_t);
    wchar_t *result = CoTaskMemAlloc(bytes);
    memcpy(result, text, bytes);
    return result;
}

/* What is to go wrong in this function; 0 and `kind` empty: nothing. */
static HRESULT fault(const char *function, char *kind, PWSTR *error) {
    char text[200] = "", name[100] = "", how[20] = "";
    unsigned code = 0;
    kind[0] = 0;
    GetEnvironmentVariableA("K2S_HCN_FAULT", text, sizeof(text));
    if (sscanf(text, "%99s %19s %x", name, how, &code) < 2 || strcmp(name, function) != 0) {
        return S_OK;
    }
    strcpy(kind, how);
    if (strcmp(how, "hang") == 0) {
        Sleep(INFINITE);
    } else if (strcmp(how, "fail") == 0) {
        if (error != NULL) {
            *error = copy(L"{\"Success\":false,\"Error\":\"the double refuses\"}");
        }
        return (HRESULT)code;
    } else if (strcmp(how, "record") == 0 && error != NULL) {
        *error = copy(L"not even JSON");
    }
    return S_OK;
}

static int read_object(const wchar_t *kind, const GUID *id, wchar_t *text) {
    wchar_t path[2 * MAX_PATH];
    object_path(path, kind, id);
    FILE *file = _wfopen(path, L"rb");
    if (file == NULL) {
        return 0;
    }
    const size_t got = fread(text, sizeof(wchar_t), LONGEST - 1, file);
    text[got] = 0;
    fclose(file);
    return 1;
}

static void write_object(const wchar_t *kind, const GUID *id, const wchar_t *text) {
    wchar_t path[2 * MAX_PATH];
    object_path(path, kind, id);
    FILE *file = _wfopen(path, L"wb");
    fwrite(text, sizeof(wchar_t), wcslen(text), file);
    fclose(file);
}

/* Puts a member in front of an object's others; an old one of this name goes. */
static void put_member(wchar_t *json, const wchar_t *name, const wchar_t *value) {
    wchar_t key[100], *rest;
    static wchar_t result[LONGEST];
    swprintf(key, 100, L"\"%ls\":\"", name);
    if ((rest = wcsstr(json, key)) != NULL) {
        wchar_t *end = wcschr(rest + wcslen(key), L'"') + 1;
        if (*end == L',') {
            ++end;
        }
        memmove(rest, end, (wcslen(end) + 1) * sizeof(wchar_t));
    }
    swprintf(result, LONGEST, L"{%ls%ls\",%ls", key, value, json + 1);
    wcscpy(json, result);
}

/* The text of a member in `json`, whose quotes may be escaped. */
static void get_member(const wchar_t *json, const wchar_t *name, wchar_t *value) {
    const wchar_t *at = wcsstr(json, name);
    value[0] = 0;
    if (at != NULL && (at = wcschr(at, L':')) != NULL) {
        size_t size = 0;
        for (++at; *at == L'\\' || *at == L'"'; ++at) {
        }
        for (; at[size] != 0 && at[size] != L'"' && at[size] != L'\\' && size < 99; ++size) {
            value[size] = at[size];
        }
        value[size] = 0;
    }
}

static HRESULT enumerate(const char *function, const wchar_t *kind, PCWSTR query, PWSTR *out,
                         PWSTR *error) {
    char how[20];
    record(function, query);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    if (strcmp(how, "garbage") == 0) {
        *out = copy(L"{\"not\": [\"ids\"");
        return S_OK;
    }
    if (strcmp(how, "null") == 0) {
        return S_OK;
    }
    const wchar_t *names[] = {L"Name", L"HostComputeNetwork"};
    wchar_t pattern[2 * MAX_PATH], shape[100], ids[LONGEST] = L"[";
    swprintf(shape, 100, L"%ls-*.json", kind);
    folder_path(pattern, shape);
    WIN32_FIND_DATAW entry;
    HANDLE search = FindFirstFileW(pattern, &entry);
    for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &entry)) {
        wchar_t *id = entry.cFileName + wcslen(kind) + 1;
        wchar_t text[LONGEST], quoted[50], wanted[100], has[100];
        GUID guid;
        id[36] = 0;
        swprintf(quoted, 50, L"{%ls}", id);
        CLSIDFromString(quoted, &guid);
        if (!read_object(kind, &guid, text)) {
            continue;
        }
        int fits = 1;
        for (int i = 0; i < 2; ++i) {
            wchar_t key[50];
            swprintf(key, 50, L"\\\"%ls\\\"", names[i]);
            if (wcsstr(query, key) != NULL) {
                get_member(query, key, wanted);
                swprintf(key, 50, L"\"%ls\"", names[i]);
                get_member(text, key, has);
                fits = fits && _wcsicmp(wanted, has) == 0;
            }
        }
        if (fits) {
            swprintf(ids + wcslen(ids), 50, L"%ls\"%ls\"", ids[1] == 0 ? L"" : L",", id);
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    wcscat(ids, L"]");
    *out = copy(ids);
    return S_OK;
}

static HRESULT open_one(const char *function, const wchar_t *kind, const GUID *id, void **out,
                        PWSTR *error) {
    char how[20];
    wchar_t text[LONGEST], name[40];
    StringFromGUID2(id, name, 40);
    record(function, name);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    if (strcmp(how, "null") == 0) {
        return S_OK;
    }
    if (!read_object(kind, id, text)) {
        return (HRESULT)NOT_FOUND(kind);
    }
    object *one = calloc(1, sizeof(object));
    one->kind = kind;
    one->id = *id;
    *out = one;
    return S_OK;
}

static HRESULT query_one(const char *function, void *handle, PCWSTR query, PWSTR *out,
                         PWSTR *error) {
    char how[20];
    wchar_t text[LONGEST];
    object *one = handle;
    record(function, query);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    if (strcmp(how, "null") == 0) {
        return S_OK;
    }
    if (strcmp(how, "garbage") == 0) {
        *out = copy(L"<xml/>");
        return S_OK;
    }
    if (!read_object(one->kind, &one->id, text)) {
        return (HRESULT)NOT_FOUND(one->kind);
    }
    *out = copy(text);
    return S_OK;
}

static HRESULT modify_one(const char *function, void *handle, PCWSTR settings, PWSTR *error) {
    char how[20];
    object *one = handle;
    record(function, settings);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    wchar_t endpoint[100], quoted[102], text[LONGEST], name[40];
    get_member(settings, L"\"EndpointId\"", endpoint);
    if (endpoint[0] != 0) {
        GUID id;
        swprintf(quoted, 102, L"{%ls}", endpoint);
        CLSIDFromString(quoted, &id);
        if (!read_object(L"endpoint", &id, text)) {
            return (HRESULT)NOT_FOUND(L"endpoint");
        }
        StringFromGUID2(wcsstr(settings, L"\"Add\"") != NULL ? &one->id : &GUID_NULL, name, 40);
        name[37] = 0;
        put_member(text, L"HostComputeNamespace", name + 1);
        write_object(L"endpoint", &id, text);
    }
    return S_OK;
}

static HRESULT create_one(const char *function, const wchar_t *kind, const GUID *id,
                          PCWSTR settings, void **out, PWSTR *error) {
    char how[20];
    wchar_t text[LONGEST], name[40], path[2 * MAX_PATH];
    record(function, settings);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    wcscpy(text, settings);
    StringFromGUID2(id, name, 40);
    name[37] = 0;
    put_member(text, L"ID", name + 1);
    if (wcscmp(kind, L"endpoint") == 0 && wcsstr(text, L"\"MacAddress\"") == NULL) {
        put_member(text, L"MacAddress", L"00-15-5D-AB-CD-EF");
    }
    write_object(kind, id, text);
    object_path(path, kind, id);
    return open_one("Opened", kind, id, out, error);
}

static HRESULT delete_one(const char *function, const wchar_t *kind, const GUID *id, PWSTR *error) {
    char how[20];
    wchar_t path[2 * MAX_PATH], name[40];
    StringFromGUID2(id, name, 40);
    record(function, name);
    const HRESULT failed = fault(function, how, error);
    if (failed != S_OK) {
        return failed;
    }
    object_path(path, kind, id);
    return DeleteFileW(path) ? S_OK : (HRESULT)NOT_FOUND(kind);
}

static HRESULT close_one(const char *function, void *handle) {
    record(function, L"");
    free(handle);
    return S_OK;
}

#define KIND(Name, kind)                                                                           \
    EXPORT HcnEnumerate##Name##s(PCWSTR query, PWSTR *ids, PWSTR *error) {                         \
        return enumerate("HcnEnumerate" #Name "s", kind, query, ids, error);                       \
    }                                                                                              \
    EXPORT HcnOpen##Name(REFGUID id, void **out, PWSTR *error) {                                   \
        return open_one("HcnOpen" #Name, kind, id, out, error);                                    \
    }                                                                                              \
    EXPORT HcnQuery##Name##Properties(void *one, PCWSTR query, PWSTR *out, PWSTR *error) {         \
        return query_one("HcnQuery" #Name "Properties", one, query, out, error);                   \
    }                                                                                              \
    EXPORT HcnModify##Name(void *one, PCWSTR settings, PWSTR *error) {                             \
        return modify_one("HcnModify" #Name, one, settings, error);                                \
    }                                                                                              \
    EXPORT HcnDelete##Name(REFGUID id, PWSTR *error) {                                             \
        return delete_one("HcnDelete" #Name, kind, id, error);                                     \
    }                                                                                              \
    EXPORT HcnClose##Name(void *one) {                                                             \
        return close_one("HcnClose" #Name, one);                                                   \
    }

KIND(Network, L"network")
KIND(Endpoint, L"endpoint")
KIND(Namespace, L"namespace")

EXPORT HcnCreateNetwork(REFGUID id, PCWSTR settings, void **out, PWSTR *error) {
    return create_one("HcnCreateNetwork", L"network", id, settings, out, error);
}

EXPORT HcnCreateEndpoint(void *network, REFGUID id, PCWSTR settings, void **out, PWSTR *error) {
    return network == NULL ? E_HANDLE
                           : create_one("HcnCreateEndpoint", L"endpoint", id, settings, out, error);
}
