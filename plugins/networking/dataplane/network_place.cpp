// SPDX-License-Identifier: MIT
#include "network_place.hpp"

#include <algorithm>
#include <system_error>
#include <thread>

#include "common/text.hpp"

namespace k2s::dataplane {
namespace {

#ifdef _WIN32
constexpr bool k_windows = true;
#else
constexpr bool k_windows = false;
#endif

constexpr size_t k_longest_name = 255;
constexpr size_t k_longest_path = 4095;

std::unexpected<Error> bad(std::string_view text, std::string_view why,
                           int32_t code = K2S_E_USAGE) {
    std::string message = "[" + std::string(text.substr(0, 200)) + "]: ";
    message += why;
    return std::unexpected(Error{code, std::move(message)});
}

bool printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ']';
    });
}

struct Form {
    std::string_view prefix;
    bool windows;
};

constexpr Form k_forms[] = {{"netns:", false}, {"pid:", false}, {"compartment:", true}};

} // namespace

std::expected<NetworkPlace, Error> NetworkPlace::parse(std::string_view text) {
    const auto form = std::find_if(std::begin(k_forms), std::end(k_forms),
                                   [&](const Form &f) { return text.starts_with(f.prefix); });
    if (form == std::end(k_forms)) {
        return bad(text, "is no place; write [netns:NAME], [netns:/path], [pid:N] or, on Windows, "
                         "[compartment:N]");
    }
    if (form->windows && !k_windows) {
        return bad(text, "compartments are Windows'; write [netns:NAME] or [pid:N] here",
                   K2S_E_UNSUPPORTED);
    }
    if (!form->windows && k_windows) {
        return bad(text, "network namespaces are Linux'; write [compartment:N] here",
                   K2S_E_UNSUPPORTED);
    }
    const std::string_view value = text.substr(form->prefix.size());
    NetworkPlace place;
    if (form->prefix == "netns:") {
        place.name_ = value;
        place.kind_ = value.starts_with('/') ? Kind::netns_path : Kind::netns_name;
        const bool path = place.kind_ == Kind::netns_path;
        if (value.empty() || !printable(value) ||
            value.size() > (path ? k_longest_path : k_longest_name)) {
            return bad(text, "the namespace has no usable name");
        }
        if (!path && (value.find('/') != std::string_view::npos || value == "." || value == "..")) {
            return bad(text, "a name holds no slash; a path begins with one");
        }
        return place;
    }
    const auto number = parse_decimal<uint32_t>(value);
    if (!number || *number == 0 || *number > INT32_MAX) {
        return bad(text, "the number must be from 1 to 2147483647");
    }
    place.kind_ = form->windows ? Kind::compartment : Kind::pid;
    place.number_ = *number;
    return place;
}

std::expected<NetworkPlace, Error> NetworkPlace::take_from(std::string_view &text) {
    if (!text.starts_with('[')) {
        return NetworkPlace();
    }
    const std::string_view inside = text.substr(1);
    if (std::none_of(std::begin(k_forms), std::end(k_forms),
                     [&](const Form &f) { return inside.starts_with(f.prefix); })) {
        return NetworkPlace();
    }
    const size_t end = inside.find(']');
    if (end == std::string_view::npos) {
        return bad(inside, "the closing bracket is missing");
    }
    auto place = parse(inside.substr(0, end));
    if (place) {
        text = inside.substr(end + 1);
    }
    return place;
}

std::string NetworkPlace::text() const {
    switch (kind_) {
    case Kind::here:
        return {};
    case Kind::pid:
        return "[pid:" + std::to_string(number_) + "]";
    case Kind::compartment:
        return "[compartment:" + std::to_string(number_) + "]";
    default:
        return "[netns:" + name_ + "]";
    }
}

std::expected<PlaceIdentity, Error>
run_in_place(const NetworkPlace &place, const std::function<std::expected<void, Error>()> &work) {
    std::expected<PlaceIdentity, Error> result;
    const auto body = [&] {
        result = enter(place);
        if (result) {
            if (auto done = work(); !done) {
                result = std::unexpected(std::move(done.error()));
            }
        }
    };
    if (place.here()) {
        body();
        return result;
    }
    try {
        std::thread(body).join();
    } catch (const std::system_error &e) {
        return std::unexpected(
            Error{K2S_E_FAILED, place.text() + ": no thread for it: " + e.what()});
    }
    return result;
}

} // namespace k2s::dataplane
