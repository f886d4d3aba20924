// SPDX-License-Identifier: MIT
#include "app/doctor.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include "util/read_file.hpp"

namespace k2s::core {

using State = Finding::State;

namespace {

std::string first_line(const char *file) {
    auto text = read_file(file, 64 * 1024).value_or("");
    return text.substr(0, text.find('\n'));
}

} // namespace

std::vector<Finding> examine_system() {
    std::vector<Finding> list;
    utsname system{};
    ::uname(&system);
    list.push_back({"system", State::ok,
                    fmt::format("{} {} {}", system.sysname, system.release, system.machine), ""});
    list.push_back(::access("/proc/self/fd", R_OK | X_OK) == 0
                       ? Finding{"/proc", State::ok, "is mounted", ""}
                       : Finding{"/proc", State::fail,
                                 "is not mounted: plugins are loaded through it",
                                 "mount -t proc proc /proc"});
    const auto lsm = first_line("/sys/kernel/security/lsm");
    if (!lsm.empty() && lsm.find("landlock") == std::string::npos) {
        list.push_back({"landlock", State::warn, fmt::format("is not among the kernel's {}", lsm),
                        "start the kernel with landlock in lsm="});
    }
    return list;
}

} // namespace k2s::core
