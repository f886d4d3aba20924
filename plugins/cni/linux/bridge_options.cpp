// SPDX-License-Identifier: MIT
#include "bridge_options.hpp"

#include <array>
#include <climits>

#include <unistd.h>

namespace k2s::cni {
namespace {

/// The folder of the exe: bridge and host-local are beside each other.
std::string own_folder() {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t size = readlink("/proc/self/exe", buffer.data(), buffer.size());
    const std::string path(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return path.substr(0, path.rfind('/'));
}

} // namespace

Bridge::Options bridge_options(const Host &host, const Runner &run) {
    Bridge::Options options;
    options.ipam.run = run;
    options.ipam.own_folder = own_folder();
    options.ipam.always_exec = environment(host, "BRIDGE_EXEC_IPAM") == "true";
    options.cancelled = [&host] { return host.cancelled(); };
    return options;
}

} // namespace k2s::cni
