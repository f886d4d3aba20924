/* SPDX-License-Identifier: MIT */
/* Double of vfpctrl.exe: one port with the friendly name K2S_TEST_PORT, whose rules are lines of
 * the file K2S_TEST_RULES ("GROUP text"). Each call is a line of K2S_TEST_CALLS, words in [].
 * K2S_TEST_VFPCTRL: "fail" refuses to add with error 87, "deaf" says yes and adds nothing, "hang"
 * never ends. */
#include <windows.h>
#include <stdio.h>
#include <string.h>

static wchar_t port[64], rules[1024], calls[1024], what[64];
static const wchar_t *group = L"", *rule = L"";
static wchar_t lines[64][512];
static int count;

static void load(void) {
    FILE *in = _wfopen(rules, L"rb");
    while (in != NULL && count < 64 && fgetws(lines[count], 512, in) != NULL) {
        lines[count][wcscspn(lines[count], L"\r\n")] = 0;
        ++count;
    }
    if (in != NULL) {
        fclose(in);
    }
}

static void save(void) {
    FILE *out = _wfopen(rules, L"wb");
    for (int i = 0; i < count; ++i) {
        if (lines[i][0] != 0) {
            fwprintf(out, L"%ls\n", lines[i]);
        }
    }
    fclose(out);
}

static int is(const wchar_t *line, const wchar_t *id) {
    const size_t size = wcslen(group);
    return wcsncmp(line, group, size) == 0 && line[size] == L' ' &&
           wcsncmp(line + size + 1, id, wcslen(id)) == 0 && line[size + 1 + wcslen(id)] == L' ';
}

static int add(const wchar_t *text, int force) {
    wchar_t id[128];
    swscanf(text, L"%127ls", id);
    if (wcscmp(what, L"fail") == 0) {
        printf("ERROR: failed to add rule, error 87\n");
        return 87;
    }
    for (int i = 0; i < count; ++i) {
        if (is(lines[i], id)) {
            if (!force) {
                printf("ERROR: object exists\n");
                return 183;
            }
            lines[i][0] = 0;
        }
    }
    if (wcscmp(what, L"deaf") != 0) {
        swprintf(lines[count++], 512, L"%ls %ls", group, text);
    }
    save();
    return 0;
}

static int list(void) {
    printf("LAYER : VNET_PA_ROUTE_LAYER\n\n  GROUP : %ls\n\n", group);
    for (int i = 0; i < count; ++i) {
        wchar_t id[128], dest[128], mac[64];
        unsigned priority;
        if (swscanf(lines[i] + wcslen(group),
                    L" %127ls %*ls * * * %127ls * 128 * %u transpose *,0/*,0 modify "
                    L"00-00-00-00-00-00 %63ls",
                    id, dest, &priority, mac) == 4 &&
            is(lines[i], id)) {
            printf("    RULE : %ls\n      Friendly name : %ls\n      Priority : %u\n      "
                   "Conditions:\n"
                   "        Destination IP : %ls\n      Rule Data:\n        Modify: "
                   "00-00-00-00-00-00 %ls\n\n",
                   id, id, priority, dest, mac);
        }
    }
    return 0;
}

int wmain(int argc, wchar_t **argv) {
    GetEnvironmentVariableW(L"K2S_TEST_PORT", port, 64);
    GetEnvironmentVariableW(L"K2S_TEST_RULES", rules, 1024);
    GetEnvironmentVariableW(L"K2S_TEST_CALLS", calls, 1024);
    GetEnvironmentVariableW(L"K2S_TEST_VFPCTRL", what, 64);
    FILE *out = _wfopen(calls, L"ab");
    for (int i = 1; i < argc; ++i) {
        fprintf(out, "[%ls]", argv[i]);
    }
    fprintf(out, "\n");
    fclose(out);
    if (wcscmp(what, L"hang") == 0) {
        Sleep(INFINITE);
    }
    load();
    for (int i = 1; i < argc; ++i) {
        const wchar_t *next = i + 1 < argc ? argv[i + 1] : L"";
        if (wcscmp(argv[i], L"/group") == 0) {
            group = next;
        } else if (wcscmp(argv[i], L"/rule") == 0) {
            rule = next;
        } else if (wcscmp(argv[i], L"/list-vmswitch-port") == 0) {
            printf(
                "  Port name             : NAME-OF-PORT\r\n  Port Friendly name    : %ls\r\n\r\n",
                port);
        } else if (wcscmp(argv[i], L"/add-rule-ex") == 0 ||
                   wcscmp(argv[i], L"/force-add-rule") == 0) {
            return add(next, argv[i][1] == L'f');
        } else if (wcscmp(argv[i], L"/list-rule") == 0) {
            return list();
        } else if (wcscmp(argv[i], L"/remove-rule") == 0) {
            for (int k = 0; k < count; ++k) {
                if (is(lines[k], rule)) {
                    lines[k][0] = 0;
                }
            }
            save();
        }
    }
    return 0;
}
