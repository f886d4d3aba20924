// SPDX-License-Identifier: MIT
#include "process/test/child.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace child {

std::vector<std::string> arguments(int argc, char **argv) {
    return {argv, argv + argc};
}

std::uint64_t start_plain(const std::vector<std::string> &arguments) {
    std::vector<std::string> copy = arguments;
    std::vector<char *> argv{const_cast<char *>("child")};
    for (auto &argument : copy) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    pid_t pid = 0;
    return ::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv.data(), environ) == 0
               ? static_cast<std::uint64_t>(pid)
               : 0;
}

// The daemon's double fork: new session, and an intermediate parent that is gone at once.
std::uint64_t start_escaped(const std::vector<std::string> &arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return 0;
    }
    const pid_t middle = ::fork();
    if (middle == 0) {
        ::setsid();
        const auto pid = start_plain(arguments);
        ::_exit(::write(ends[1], &pid, sizeof pid) == sizeof pid ? 0 : 1);
    }
    std::uint64_t pid = 0;
    ::waitpid(middle, nullptr, 0);
    const auto size = ::read(ends[0], &pid, sizeof pid);
    ::close(ends[0]);
    ::close(ends[1]);
    return size == sizeof pid ? pid : 0;
}

void kill_only(std::uint64_t process) {
    ::kill(static_cast<pid_t>(process), SIGKILL);
    ::waitpid(static_cast<pid_t>(process), nullptr, 0);
}

bool is_alive(std::uint64_t process) {
    return ::kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH;
}

void write_to(const std::string &handle_number, const std::string &text) {
    if (::write(std::atoi(handle_number.c_str()), text.data(), text.size()) < 0) {
        std::abort();
    }
}

std::string open_handles() {
    std::vector<int> numbers;
    DIR *directory = ::opendir("/proc/self/fd");
    while (const dirent *entry = ::readdir(directory)) {
        const int number = std::atoi(entry->d_name);
        if (entry->d_name[0] != '.' && number != ::dirfd(directory)) {
            numbers.push_back(number);
        }
    }
    ::closedir(directory);
    std::sort(numbers.begin(), numbers.end());
    std::string text;
    for (int number : numbers) {
        text += std::to_string(number) + " ";
    }
    return text;
}

void crash() {
    ::raise(SIGABRT); // sanitizers turn SIGSEGV into an exit code
}

void sleep_ms(int time) {
    ::usleep(static_cast<useconds_t>(time) * 1000);
}

} // namespace child
