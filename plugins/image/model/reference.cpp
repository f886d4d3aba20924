// SPDX-License-Identifier: MIT
#include "model/reference.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace k2s::image {
namespace {

bool lower_alnum(char c) {
    return ascii_alnum(c) && ascii_lower(c) == c;
}

/// Distribution spec: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes.
bool is_path(std::string_view path) {
    size_t separators = 0;
    char last = '/';
    for (const char c : path) {
        if (lower_alnum(c)) {
            separators = 0;
        } else if (c == '/') {
            if (!lower_alnum(last)) {
                return false;
            }
            separators = 0;
        } else if (c == '.' || c == '_' || c == '-') {
            const bool again =
                separators > 0 && c == last && c != '.' && (c == '-' || separators < 2);
            if (last == '/' || (separators > 0 && !again)) {
                return false;
            }
            ++separators;
        } else {
            return false;
        }
        last = c;
    }
    return lower_alnum(last);
}

bool is_tag(std::string_view tag) {
    return !tag.empty() && tag.size() <= 128 && (ascii_alnum(tag[0]) || tag[0] == '_') &&
           std::ranges::all_of(
               tag, [](char c) { return ascii_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_registry(std::string_view host) {
    if (const size_t colon = host.rfind(':');
        colon != std::string_view::npos && !host.ends_with(']')) {
        const std::string_view port = host.substr(colon + 1);
        if (port.empty() || port.size() > 5 ||
            port.find_first_not_of("0123456789") != std::string_view::npos) {
            return false;
        }
        host = host.substr(0, colon);
    }
    if (host.starts_with('[')) {
        return host.size() > 2 && host.ends_with(']') &&
               host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
    }
    return !host.empty() && ascii_alnum(host.front()) && ascii_alnum(host.back()) &&
           std::ranges::all_of(host, [](char c) { return ascii_alnum(c) || c == '.' || c == '-'; });
}

} // namespace

Result<Reference> Reference::parse(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(K2S_E_USAGE, "'{:.200}' is no image name: {}; give [HOST/]NAME[:TAG][@DIGEST]",
                    text, why);
    };
    Reference reference;
    std::string_view rest = text;
    if (const size_t at = rest.find('@'); at != std::string_view::npos) {
        auto digest = Digest::parse(rest.substr(at + 1));
        if (!digest) {
            return wrong(digest.error().message);
        }
        reference.digest = std::move(*digest);
        rest = rest.substr(0, at);
    }
    const size_t colon = rest.rfind(':');
    if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
        reference.tag = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
        if (!is_tag(reference.tag)) {
            return wrong("the tag has other characters than letters, digits, '_', '.' and '-'");
        }
    } else if (!reference.digest) {
        reference.tag = "latest";
    }
    const size_t slash = rest.find('/');
    const std::string_view first = rest.substr(0, slash);
    if (slash != std::string_view::npos &&
        (first == "localhost" || first.find_first_of(".:") != std::string_view::npos)) {
        reference.registry = first;
        reference.path = rest.substr(slash + 1);
        if (!is_registry(first)) {
            return wrong("its registry is no host name");
        }
    } else {
        reference.registry = "docker.io";
        reference.path = rest;
    }
    if (reference.registry == "docker.io" && reference.path.find('/') == std::string::npos) {
        reference.path = "library/" + reference.path;
    }
    if (reference.path.size() > 255 || !is_path(reference.path)) {
        return wrong("names are lower-case letters and digits, separated by '/', '.', '_' or '-'");
    }
    return reference;
}

std::string Reference::name() const {
    return registry + "/" + path + (tag.empty() ? "" : ":" + tag);
}

} // namespace k2s::image
