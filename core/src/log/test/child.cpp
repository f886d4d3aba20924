// SPDX-License-Identifier: MIT
#include <cstdint>

#include "child.hpp"

#if defined(_WIN32)
#include <windows.h>
#include <process.h>

intptr_t start_child(const std::string &program, const std::vector<std::string> &arguments) {
    // _spawnv joins the arguments with blanks: quote each.
    std::vector<std::string> quoted{"\"" + program + "\""};
    for (const std::string &argument : arguments) {
        quoted.push_back("\"" + argument + "\"");
    }
    std::vector<const char *> argv;
    for (const std::string &argument : quoted) {
        argv.push_back(argument.c_str());
    }
    argv.push_back(nullptr);
    return _spawnv(_P_NOWAIT, program.c_str(), argv.data());
}

int wait_child(intptr_t child) {
    int status = -1;
    return _cwait(&status, child, 0) == child ? status : -1;
}

HeldLock::HeldLock(const boost::filesystem::path &lock_file)
    : handle_(reinterpret_cast<intptr_t>(
          ::CreateFileW(lock_file.c_str(), GENERIC_READ | GENERIC_WRITE,
                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                        OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr))) {
    OVERLAPPED place{};
    place.OffsetHigh = 0x40000000;
    ::LockFileEx(reinterpret_cast<HANDLE>(handle_), LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &place);
}

HeldLock::~HeldLock() {
    ::CloseHandle(reinterpret_cast<HANDLE>(handle_));
}
#else
#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

intptr_t start_child(const std::string &program, const std::vector<std::string> &arguments) {
    std::vector<char *> argv{const_cast<char *>(program.c_str())};
    for (const std::string &argument : arguments) {
        argv.push_back(const_cast<char *>(argument.c_str()));
    }
    argv.push_back(nullptr);
    pid_t pid = -1;
    return posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), environ) == 0 ? pid
                                                                                           : -1;
}

int wait_child(intptr_t child) {
    int status = -1;
    if (waitpid(static_cast<pid_t>(child), &status, 0) != child || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

HeldLock::HeldLock(const boost::filesystem::path &lock_file)
    : handle_(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
    ::flock(static_cast<int>(handle_), LOCK_EX);
}

HeldLock::~HeldLock() {
    ::close(static_cast<int>(handle_));
}
#endif
