// SPDX-License-Identifier: MIT
// Source: proc(5), /proc/self/stat and /proc/stat.
#include "services/process_metrics.hpp"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace k2s::core {

namespace {

std::string read_proc(const char *path) {
    std::string text;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return text;
    }
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(file, buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(file);
    return text;
}

std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

/// Fields as proc(5) counts them; 1 and 2 are left out, because a program's name may hold spaces.
std::optional<uint64_t> stat_field(std::string_view after_name, int wanted) {
    for (int field = 3; !after_name.empty(); ++field) {
        const std::size_t end = after_name.find(' ');
        if (field == wanted) {
            return number(after_name.substr(0, end));
        }
        after_name.remove_prefix(end == std::string_view::npos ? after_name.size() : end + 1);
    }
    return std::nullopt;
}

/// Seconds since 1970 at which the system came up; does not change while it runs.
std::optional<uint64_t> boot_time() {
    static const std::optional<uint64_t> time = [] {
        const std::string text = read_proc("/proc/stat");
        const std::size_t line = text.find("\nbtime ");
        return line == std::string::npos ? std::nullopt
                                         : number(std::string_view(text).substr(line + 7));
    }();
    return time;
}

std::optional<uint64_t> open_descriptors() {
    DIR *const directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) {
        return std::nullopt;
    }
    uint64_t count = 0;
    while (const dirent *entry = ::readdir(directory)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    ::closedir(directory);
    return count - 1; // without the one that lists them
}

} // namespace

ProcessFacts process_facts() {
    ProcessFacts facts;
    const std::string text = read_proc("/proc/self/stat");
    const std::size_t name_end = text.rfind(')');
    if (name_end != std::string::npos && name_end + 2 < text.size()) {
        const std::string_view fields = std::string_view(text).substr(name_end + 2);
        const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        const auto user = stat_field(fields, 14);
        const auto system = stat_field(fields, 15);
        if (user && system) {
            facts.cpu_seconds = static_cast<double>(*user + *system) / ticks;
        }
        facts.threads = stat_field(fields, 20);
        const auto start = stat_field(fields, 22);
        if (const auto boot = boot_time(); start && boot) {
            facts.start_time_seconds =
                static_cast<double>(*boot) + static_cast<double>(*start) / ticks;
        }
        facts.virtual_bytes = stat_field(fields, 23);
        if (const auto pages = stat_field(fields, 24)) {
            facts.resident_bytes = *pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
        }
    }
    facts.open_descriptors = open_descriptors();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        facts.max_descriptors = limit.rlim_cur;
    }
    return facts;
}

} // namespace k2s::core
