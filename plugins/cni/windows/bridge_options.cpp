// SPDX-License-Identifier: MIT
#include "bridge_options.hpp"

#include <k2s/sdk/windows_path.hpp>

namespace k2s::cni {
namespace {

/// The folder of the exe: bridge and host-local are beside each other.
std::string own_folder() {
    std::wstring wide(32768, L'\0');
    wide.resize(GetModuleFileNameW(nullptr, wide.data(), static_cast<DWORD>(wide.size())));
    std::string path(wide.size() * 3, '\0');
    path.resize(static_cast<std::size_t>(
        WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), path.data(),
                            static_cast<int>(path.size()), nullptr, nullptr)));
    return path.substr(0, path.find_last_of("\\/"));
}

/// K2s marks a cluster with a service mesh by this file.
bool has_mesh(const Host &host) {
    const auto file = environment(host, "ProgramData") + "\\k2s\\enhancedsecurity.json";
    return GetFileAttributesW(detail::system_path(file).c_str()) != INVALID_FILE_ATTRIBUTES;
}

} // namespace

Bridge::Options bridge_options(const Host &host, const Runner &run) {
    Bridge::Options options;
    options.ipam.run = run;
    options.ipam.own_folder = own_folder();
    options.ipam.always_exec = environment(host, "BRIDGE_EXEC_IPAM") == "true";
    options.cancelled = [&host] { return host.cancelled(); };
    if (has_mesh(host)) {
        options.mesh = [&host](const Pod &pod) -> Result<std::optional<Json>> {
            host.log().warn("no plugin decides about the mesh: the pod is left out of it",
                            {{"namespace", pod.name_space}, {"pod", pod.name}});
            return std::nullopt;
        };
    }
    return options;
}

} // namespace k2s::cni
