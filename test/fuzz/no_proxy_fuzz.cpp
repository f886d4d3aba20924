// SPDX-License-Identifier: MIT
// Fuzz target of httpproxy's NO_PROXY matcher. An input is a host, a line end, and a bypass list;
// the port comes from the sizes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/no_proxy.hpp"
#include "common/text.hpp"
#include "require.hpp"

using k2s::NoProxy;

namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (char &c : out) {
        if (c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(bytes), size);
    const size_t end = std::min(input.find('\n'), input.size());
    const std::string_view host = input.substr(0, end);
    const std::string list(end == input.size() ? std::string_view{} : input.substr(end + 1));
    constexpr uint16_t k_ports[] = {80, 443, 8080, 0, 65535};
    const uint16_t port = k_ports[size % std::size(k_ports)];

    const NoProxy items(list);
    const std::string_view matched = items.match(host, port);
    require(matched.empty() != items.bypass(host, port));
    // The item that is named stands in the list.
    require(matched.empty() || matched == NoProxy::k_loopback ||
            k2s::to_lower(list).find(matched) != std::string::npos ||
            list.find(matched) != std::string::npos);
    // Neither the letters' case (but of "localhost", as the reference has it) nor another item
    // takes a match away.
    const std::string lower = k2s::to_lower(host);
    require(lower == "localhost" || items.bypass(upper(host), port) == items.bypass(lower, port));
    if (!matched.empty()) {
        require(NoProxy(list + ",unrelated.invalid").bypass(host, port));
        require(NoProxy("unrelated.invalid:1," + list).bypass(host, port));
        require(NoProxy(list + "," + list).bypass(host, port));
    }
    require(NoProxy("*," + list).bypass(host, port));
    for (const std::string &ignored : items.ignored()) {
        require(!ignored.empty() && k2s::to_lower(list).find(ignored) != std::string::npos);
    }
    return 0;
}
