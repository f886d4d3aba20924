// SPDX-License-Identifier: MIT
// Each event of a console reaches pause the way the system brings it: a thread of pause's own that
// calls the handlers (CtrlRoutine). wine's console itself sends Ctrl-C alone.
//   pause-control-test -- PAUSE
#define BOOST_TEST_MODULE pause_control
#include <boost/test/included/unit_test.hpp>

#include <string>

#include <windows.h>

namespace {

struct Ended {
    bool by_itself = false;
    DWORD code = 0;
    std::string said;
};

/// Starts pause and lets the event happen after `wait_ms`.
Ended send(DWORD event, DWORD wait_ms) {
    const auto &suite = boost::unit_test::framework::master_test_suite();
    BOOST_REQUIRE(suite.argc == 2);
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    BOOST_REQUIRE(CreatePipe(&read, &write, &inherited, 0));
    STARTUPINFOA how{};
    how.cb = sizeof how;
    how.dwFlags = STARTF_USESTDHANDLES;
    how.hStdInput = INVALID_HANDLE_VALUE;
    how.hStdOutput = how.hStdError = write;
    std::string line = '"' + std::string(suite.argv[1]) + '"';
    PROCESS_INFORMATION pause{};
    BOOST_REQUIRE(CreateProcessA(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr,
                                 &how, &pause));
    CloseHandle(write);
    Sleep(wait_ms); // nothing shows from outside that the handler is set
    BOOST_TEST(WaitForSingleObject(pause.hProcess, 0) == static_cast<DWORD>(WAIT_TIMEOUT));
    // System libraries are at the same place in every process.
    const auto routine = reinterpret_cast<LPTHREAD_START_ROUTINE>(
        reinterpret_cast<void *>(GetProcAddress(GetModuleHandleW(L"kernelbase"), "CtrlRoutine")));
    BOOST_REQUIRE(routine != nullptr);
    HANDLE thread = CreateRemoteThread(pause.hProcess, nullptr, 0, routine,
                                       reinterpret_cast<void *>(UINT_PTR{event}), 0, nullptr);
    BOOST_REQUIRE(thread != nullptr);
    Ended ended;
    ended.by_itself = WaitForSingleObject(pause.hProcess, 30'000) == WAIT_OBJECT_0;
    GetExitCodeProcess(pause.hProcess, &ended.code);
    TerminateProcess(pause.hProcess, 1);
    char text[256];
    DWORD got = 0;
    while (ReadFile(read, text, sizeof text, &got, nullptr) && got > 0) {
        ended.said.append(text, got);
    }
    for (HANDLE each : {read, thread, pause.hThread, pause.hProcess}) {
        CloseHandle(each);
    }
    return ended;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_event_ends_it) {
    for (const DWORD event : {CTRL_C_EVENT, CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT,
                              CTRL_SHUTDOWN_EVENT}) {
        BOOST_TEST_CONTEXT("event " << event) {
            Ended ended;
            for (DWORD wait = 500; ended.said.empty() && wait < 20'000; wait *= 3) {
                ended = send(event, wait); // too early for the handler: the system's own ends it
            }
            BOOST_TEST(ended.by_itself);
            BOOST_TEST(ended.code == 0U);
            BOOST_TEST(ended.said == "Shutting down, got signal\r\n");
        }
    }
}

// The positive control: what the handler does not take is the system's, and says nothing.
BOOST_AUTO_TEST_CASE(another_event_is_not_its) {
    BOOST_TEST(send(9, 2000).said == "");
}
