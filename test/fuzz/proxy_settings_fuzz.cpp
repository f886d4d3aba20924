// SPDX-License-Identifier: MIT
// Fuzz target of the proxies' settings. Each line of an input is a letter that says which setting
// it is, and its text. Settings that name files are left out.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/text.hpp"
#include "l4proxy/settings.hpp"
#include "require.hpp"
#include "settings.hpp"

namespace {

using k2s::parse_decimal;

template <typename T> void require_sound(const std::expected<T, k2s::Error> &checked) {
    require(checked.has_value() || (checked.error().code < 0 && !checked.error().message.empty()));
}

// `name=value` of a list of fixed addresses.
void add_host(std::map<std::string, std::vector<std::string>> &hosts, std::string_view text) {
    const size_t equals = std::min(text.find('='), text.size());
    hosts[std::string(text.substr(0, equals))].emplace_back(
        equals == text.size() ? std::string_view{} : text.substr(equals + 1));
}

struct Settings {
    k2s::httpproxy::Config http;
    k2s::l4proxy::Config l4;

    void take(char kind, std::string_view text) {
        auto &forward = l4.forwards.back();
        switch (kind) {
        case 'a':
            http.addr.emplace_back(text);
            forward.listen.emplace_back(text);
            break;
        case 'c':
            http.allowed_cidrs.emplace_back(text);
            forward.allowed_cidrs.emplace_back(text);
            break;
        case 'd':
            http.allowed_destinations.emplace_back(text);
            forward.proxy_protocol_trusted.emplace_back(text);
            break;
        case 'f':
            http.forwardproxy = text;
            break;
        case 'h':
            add_host(http.hosts, text);
            add_host(l4.hosts, text);
            break;
        case 'n':
            http.no_proxy = text;
            break;
        case 'p':
            http.http_proxy = text;
            http.https_proxy = text;
            break;
        case 'r':
            http.routes.push_back({{std::string(text)}, "direct", "", "", ""});
            break;
        case 'v':
            if (!http.routes.empty()) {
                http.routes.back().via = text;
            }
            break;
        case 't': {
            k2s::l4proxy::TargetConfig target;
            target.to = text;
            forward.targets.push_back(std::move(target));
            break;
        }
        case 'w':
            if (!forward.targets.empty()) {
                forward.targets.back().weight = parse_decimal<unsigned>(text).value_or(0);
            }
            break;
        case 'b':
            forward.balance = text;
            break;
        case 'x':
            forward.proxy_protocol_send = text;
            forward.proxy_protocol_accept = text;
            break;
        case 'm':
            http.max_connections = parse_decimal<size_t>(text).value_or(0);
            forward.max_connections = http.max_connections;
            break;
        default:
            l4.forwards.emplace_back();
            l4.forwards.back().name = text;
            break;
        }
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Settings settings;
    settings.http.addr.clear();
    settings.l4.forwards.emplace_back();
    settings.l4.forwards.back().name = "first";
    std::string_view input(reinterpret_cast<const char *>(bytes), size);
    while (!input.empty()) {
        const size_t end = std::min(input.find('\n'), input.size());
        const std::string_view line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        if (!line.empty()) {
            settings.take(line.front(), line.substr(1));
        }
    }
    const size_t addresses = settings.http.addr.size();
    const size_t forwards = settings.l4.forwards.size();
    const auto http = k2s::httpproxy::Settings::check(std::move(settings.http));
    require_sound(http);
    require(!http || (*http)->listen.size() == addresses);
    const auto l4 = k2s::l4proxy::Settings::check(std::move(settings.l4));
    require_sound(l4);
    require(!l4 || (*l4)->forwards.size() == forwards);
    return 0;
}
