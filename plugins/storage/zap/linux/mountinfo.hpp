// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace k2s::zap {

/// A line of /proc/PID/mountinfo.
struct Mount {
    uint64_t id = 0;
    uint64_t parent = 0;
    std::string device; ///< "major:minor", the same for all mounts of one file system
    std::string root;   ///< the folder of that file system that is mounted
    std::string point;
    std::string type;
    std::vector<std::string> layers; ///< the folders that an overlay is made of, as its mounter
                                     ///< wrote them: links, or relative to where it stood
    std::vector<std::string> own;    ///< of these the ones for writing, which lie in its store
};

/// Lines that are none are left out.
std::vector<Mount> parse_mounts(std::string_view mountinfo);

/// As a process sees them; `process` is its id or "self".
std::vector<Mount> mounts(const std::string &process);

/// The name of a process, as ps shows it; empty when it is gone.
std::string name_of(const std::string &process);

} // namespace k2s::zap
