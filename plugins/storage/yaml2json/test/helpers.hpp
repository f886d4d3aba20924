// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "convert.hpp"

namespace k2s::yaml2json::test {

inline bool append(void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
    return true;
}

/// The JSON text, or "error: " and the message. The input is copied into a block of exactly its
/// size, so that a sanitizer sees a read behind its end.
inline std::string to_json(std::string_view yaml, const Options &options = {}) {
    const std::unique_ptr<char[]> exact{new char[yaml.size()]};
    yaml.copy(exact.get(), yaml.size());
    std::string output;
    const auto report = convert({exact.get(), yaml.size()}, "in.yaml", options, {&output, append});
    return report ? output : "error: " + report.error().message;
}

/// The first line of the message: `in.yaml:line:column: reason`.
inline std::string error_of(std::string_view yaml, const Options &options = {}) {
    std::string output;
    const auto report = convert(yaml, "in.yaml", options, {&output, append});
    if (report) {
        return "converted to " + output;
    }
    return report.error().message.substr(0, report.error().message.find('\n'));
}

/// The whole message.
inline std::string message_of(std::string_view yaml, const Options &options = {}) {
    std::string output;
    const auto report = convert(yaml, "in.yaml", options, {&output, append});
    return report ? "converted to " + output : report.error().message;
}

inline Options with_documents(Documents documents) {
    Options options;
    options.documents = documents;
    return options;
}

} // namespace k2s::yaml2json::test
