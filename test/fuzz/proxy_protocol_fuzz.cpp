// SPDX-License-Identifier: MIT
// Fuzz target of l4proxy's PROXY protocol parser. The first two bytes of an input say where it is
// cut, the rest is what a peer sends.
#include <cstdint>
#include <string>
#include <string_view>

#include "l4proxy/proxy_protocol.hpp"
#include "require.hpp"

using namespace k2s::l4proxy;
using Status = ProxyParse::Status;

namespace {

bool mapped(const Endpoint &end) {
    return end.address().is_v6() && end.address().to_v6().is_v4_mapped();
}

void check_complete(const ProxyParse &parsed, std::string_view data, size_t cut) {
    require(parsed.used > 0 && parsed.used <= data.size());
    require(parsed.used <= (parsed.version == ProxyVersion::v1 ? k_proxy_v1_max : k_proxy_v2_max));
    // What comes after the header does not change it, and no shorter piece is anything.
    const ProxyParse exact = parse_proxy_header(data.substr(0, parsed.used));
    require(exact.status == Status::complete && exact.used == parsed.used);
    require(exact.header == parsed.header);
    require(parse_proxy_header(data.substr(0, cut % parsed.used)).status == Status::incomplete);
    // What it says can be told again.
    for (const bool checksum : {false, true}) {
        const std::string again = write_proxy_header(parsed.header, ProxyVersion::v2, checksum);
        const ProxyParse second = parse_proxy_header(again);
        require(second.status == Status::complete && second.used == again.size());
        if (!mapped(parsed.header.source) && !mapped(parsed.header.destination) &&
            parsed.header.family != ProxyHeader::Family::none) {
            require(second.header == parsed.header);
        }
    }
    const std::string line = write_proxy_header(parsed.header, ProxyVersion::v1);
    require(line.size() <= k_proxy_v1_max);
    require(parse_proxy_header(line).status == Status::complete);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view data(reinterpret_cast<const char *>(bytes) + 2, size - 2);
    const size_t cut = static_cast<size_t>(bytes[0]) << 8 | bytes[1];
    const ProxyParse parsed = parse_proxy_header(data);
    switch (parsed.status) {
    case Status::complete:
        check_complete(parsed, data, cut);
        break;
    case Status::malformed: { // more bytes do not mend it
        require(!parsed.why.empty());
        const std::string more = std::string(data) + std::string(cut % 200, '\r');
        require(parse_proxy_header(more).status == Status::malformed);
        break;
    }
    case Status::incomplete: // never for long
        require(data.size() < k_proxy_v2_max);
        break;
    }
    return 0;
}
