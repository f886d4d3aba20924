// SPDX-License-Identifier: MIT
#include "model/platform.hpp"

#include <algorithm>

namespace k2s::image {

Result<Platform> Platform::parse(std::string_view text) {
    Platform platform;
    const size_t colon = text.find(':');
    std::string *parts[] = {&platform.os, &platform.architecture, &platform.variant};
    std::string_view rest = text.substr(0, colon);
    for (std::string *part : parts) {
        const size_t slash = rest.find('/');
        *part = rest.substr(0, slash);
        rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
        if (part->empty() && (part == &platform.os || slash != std::string_view::npos)) {
            rest = "?";
            break;
        }
    }
    if (colon != std::string_view::npos) {
        platform.os_version = text.substr(colon + 1);
    }
    const bool clean = std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == ':' ||
               c == '.' || c == '_' || c == '-';
    });
    if (!rest.empty() || !clean || text.substr(0, colon).ends_with('/') ||
        (colon != std::string_view::npos && platform.os_version.empty())) {
        return fail(K2S_E_USAGE,
                    "'{}' is no platform; give OS/ARCHITECTURE[/VARIANT][:OS-VERSION], such as "
                    "linux/amd64 or windows/amd64:10.0.20348.2527",
                    text);
    }
    if (platform.architecture.empty()) {
        platform.architecture = here().architecture;
    }
    return platform;
}

Platform Platform::here() {
    Platform platform;
#if defined(_WIN32)
    platform.os = "windows";
#else
    platform.os = "linux";
#endif
#if defined(__aarch64__)
    platform.architecture = "arm64";
#else
    platform.architecture = "amd64";
#endif
    return platform;
}

Platform Platform::read(Fields &fields) {
    return {fields.text("os"), fields.text("architecture"), fields.text("variant"),
            fields.text("os.version")};
}

std::string Platform::text() const {
    return os + "/" + architecture + (variant.empty() ? "" : "/" + variant) +
           (os_version.empty() ? "" : ":" + os_version);
}

void Platform::write(Json &object) const {
    object["architecture"] = architecture;
    object["os"] = os;
    if (!os_version.empty()) {
        object["os.version"] = os_version;
    }
    if (!variant.empty()) {
        object["variant"] = variant;
    }
}

bool Platform::matches(const Platform &other) const {
    return os == other.os && architecture == other.architecture &&
           (variant.empty() || variant == other.variant) &&
           (os_version.empty() || os_version == other.os_version ||
            other.os_version.starts_with(os_version + "."));
}

} // namespace k2s::image
