// SPDX-License-Identifier: MIT
#include "pointer.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace k2s::yaml2json {
namespace {

uint64_t resolved(const Document &document, uint64_t index) {
    const Node &node = document.nodes[index];
    return node.kind == NodeKind::alias ? node.target : index;
}

/// An index as RFC 6901 has it: digits without a leading zero.
bool array_index(std::string_view token, uint64_t &value) {
    const char *const end = token.data() + token.size();
    const auto [stop, failed] = std::from_chars(token.data(), end, value);
    return failed == std::errc{} && stop == end && (token.size() == 1 || token[0] != '0');
}

} // namespace

std::expected<Pointer, Error> Pointer::parse(std::string_view text) {
    Pointer pointer;
    if (!text.empty() && text[0] != '/') {
        return std::unexpected(
            Error{K2S_E_USAGE, fmt::format("-query '{}': a JSON pointer begins with '/', such as "
                                           "/spec/containers/0/image",
                                           text)});
    }
    while (!text.empty()) {
        text.remove_prefix(1);
        const size_t end = std::min(text.find('/'), text.size());
        std::string &token = pointer.tokens_.emplace_back();
        for (size_t i = 0; i < end; ++i) {
            if (text[i] != '~') {
                token.push_back(text[i]);
            } else if (i + 1 < end && (text[i + 1] == '0' || text[i + 1] == '1')) {
                token.push_back(text[++i] == '0' ? '~' : '/');
            } else {
                return std::unexpected(
                    Error{K2S_E_USAGE,
                          "-query: in a JSON pointer '~' is written ~0 and '/' in a key ~1"});
            }
        }
        text.remove_prefix(end);
    }
    return pointer;
}

std::expected<uint64_t, Error> Pointer::find(const Document &document) const {
    uint64_t at = resolved(document, 0);
    std::string path;
    for (const auto &token : tokens_) {
        const Node &node = document.nodes[at];
        const auto miss = [&](std::string reason) {
            return std::unexpected(Error{K2S_E_NOT_FOUND, fmt::format("-query: {} at '{}'", reason,
                                                                      path.empty() ? "/" : path)});
        };
        if (node.kind == NodeKind::mapping) {
            const auto first = document.entries.begin() + static_cast<ptrdiff_t>(node.first_entry);
            const auto found = std::find_if(first, first + node.size, [&](const Entry &entry) {
                return document.nodes[entry.key].view() == token;
            });
            if (found == first + node.size) {
                return miss(fmt::format("there is no key '{}'", token));
            }
            at = resolved(document, found->value);
        } else if (node.kind == NodeKind::sequence) {
            uint64_t index = 0;
            if (!array_index(token, index) || index >= node.size) {
                return miss(
                    fmt::format("'{}' is no index of a list with {} elements", token, node.size));
            }
            uint64_t element = at + 1;
            for (; index > 0; --index) {
                element += document.nodes[element].span;
            }
            at = resolved(document, element);
        } else {
            return miss(fmt::format("a scalar has no '{}'", token));
        }
        path += "/" + token;
    }
    return at;
}

} // namespace k2s::yaml2json
