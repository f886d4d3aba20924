// SPDX-License-Identifier: MIT
#include "util/environment.hpp"

#include <algorithm>
#include <cstdlib>

#include <sys/auxv.h>
#include <unistd.h>

namespace k2s::core {

std::optional<std::string> environment(const char *name) {
    const char *value = std::getenv(name);
    if (value == nullptr || *value == '\0') {
        return std::nullopt;
    }
    return std::string(value);
}

std::vector<std::pair<std::string, std::string>> environment_with_prefix(std::string_view prefix) {
    std::vector<std::pair<std::string, std::string>> found;
    for (char **entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (text.starts_with(prefix) && equals != std::string_view::npos &&
            equals + 1 < text.size()) {
            found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

void set_environment(const char *name, std::string_view value) {
    ::setenv(name, std::string(value).c_str(), 1);
}

bool environment_is_trusted() {
    return ::getauxval(AT_SECURE) == 0;
}

} // namespace k2s::core
