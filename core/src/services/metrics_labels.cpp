// SPDX-License-Identifier: MIT
#include "services/metrics_labels.hpp"

#include <algorithm>
#include <vector>

#include "services/metrics.hpp"
#include "util/utf8.hpp"

namespace k2s::core {

namespace {

constexpr std::string_view k_first =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"; // no digit
constexpr std::string_view k_following =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

/// Length of the quoted text at the start, quotes included; 0 when there is none.
std::size_t quoted_length(std::string_view text) {
    if (!text.starts_with('"')) {
        return 0;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            return i + 1;
        }
        if (text[i] == '\n') {
            return 0;
        }
        if (text[i] == '\\') {
            ++i;
            if (i >= text.size() || std::string_view("\\\"n").find(text[i]) == std::string::npos) {
                return 0;
            }
        }
    }
    return 0;
}

} // namespace

Result<void> check_labels(std::string_view labels, bool histogram) {
    if (labels.size() > Metrics::k_max_labels || !valid_utf8(labels)) {
        return fail(K2S_E_USAGE, "the labels are not UTF-8 or longer than {} bytes",
                    Metrics::k_max_labels);
    }
    std::vector<std::string_view> names;
    while (!labels.empty()) {
        const std::size_t length = std::min(labels.find_first_not_of(k_following), labels.size());
        const std::string_view name = labels.substr(0, length);
        if (name.empty() || k_first.find(name[0]) == std::string_view::npos) {
            return fail(K2S_E_USAGE, "a label's name is missing at \"{}\"", labels);
        }
        if (name == "plugin" || name.starts_with("__") || (histogram && name == "le")) {
            return fail(K2S_E_USAGE, "the label \"{}\" is set by the host only", name);
        }
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            return fail(K2S_E_USAGE, "the label \"{}\" is there twice", name);
        }
        names.push_back(name);
        labels.remove_prefix(length);
        const std::size_t quoted = labels.starts_with('=') ? quoted_length(labels.substr(1)) : 0;
        if (quoted == 0) {
            return fail(K2S_E_USAGE,
                        "the label \"{}\" needs =\"value\", with \\\\, \\\" and \\n "
                        "escaped in it",
                        name);
        }
        labels.remove_prefix(1 + quoted);
        if (labels.starts_with(',') && labels.size() > 1) {
            labels.remove_prefix(1);
        } else if (!labels.empty()) {
            return fail(K2S_E_USAGE, "\"{}\" behind the label \"{}\" is not a further label",
                        labels, name);
        }
    }
    return {};
}

} // namespace k2s::core
