/* SPDX-License-Identifier: MIT */
/* The first process of a Windows pod's sandbox: keeps its compartment, ends when the runtime asks.
 * Uses kernel32 alone, because a base image need not have a C runtime and every pod has one of
 * these. */
#include <windows.h>

static BOOL say(DWORD to, const char *text) {
    DWORD written = 0;
    return WriteFile(GetStdHandle(to), text, (DWORD)lstrlenA(text), &written, NULL);
}

/* Runs in a thread of its own. The process ends right here: after CLOSE, LOGOFF and SHUTDOWN the
 * system ends it anyway once the handler returns, and with another exit code. */
static BOOL WINAPI shut_down(DWORD event) {
    switch (event) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
    case CTRL_CLOSE_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
        say(STD_OUTPUT_HANDLE, "Shutting down, got signal\r\n");
        ExitProcess(0);
    default:
        return FALSE;
    }
}

/* What stands behind the program's name, which may be quoted, without blanks before and after it.
 */
static char *arguments(void) {
    char *line = GetCommandLineA();
    char until = ' ';
    if (*line == '"') {
        until = '"';
        ++line;
    }
    while (*line != '\0' && *line != until) {
        ++line;
    }
    if (*line == '"') {
        ++line;
    }
    while (*line == ' ' || *line == '\t') {
        ++line;
    }
    for (int i = lstrlenA(line); i > 0 && (line[i - 1] == ' ' || line[i - 1] == '\t'); --i) {
        line[i - 1] = '\0';
    }
    return line;
}

static int answer(const char *argument) {
    if (lstrcmpA(argument, "-v") == 0 || lstrcmpA(argument, "-version") == 0 ||
        lstrcmpA(argument, "--version") == 0) {
        return say(STD_OUTPUT_HANDLE, "pause: v" K2S_PRODUCT_VERSION "\r\n") ? 0 : 1;
    }
    if (lstrcmpA(argument, "-h") == 0 || lstrcmpA(argument, "--help") == 0) {
        return say(STD_OUTPUT_HANDLE,
                   "Usage: pause [-v]\r\n\r\nHolds a pod's sandbox, ends on Ctrl-C, "
                   "Ctrl-Break, close, logoff and shutdown.\r\n")
                   ? 0
                   : 1;
    }
    say(STD_ERROR_HANDLE, "pause: unexpected argument '");
    say(STD_ERROR_HANDLE, argument);
    say(STD_ERROR_HANDLE, "': give none, or -v\r\n");
    return 2;
}

void start(void) {
    const char *const argument = arguments();
    if (*argument != '\0') {
        ExitProcess((UINT)answer(argument));
    }
    /* A parent that made its group ignore Ctrl-C leaves that to its children: undone first. */
    SetConsoleCtrlHandler(NULL, FALSE);
    if (!SetConsoleCtrlHandler(shut_down, TRUE)) {
        say(STD_ERROR_HANDLE, "pause: cannot set the console control handler\r\n");
        ExitProcess(1);
    }
    Sleep(INFINITE);
    ExitProcess(1);
}
