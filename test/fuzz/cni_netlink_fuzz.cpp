// SPDX-License-Identifier: MIT
// Fuzz target of the readers of netlink messages. An input is one message from its header on; the
// header's length is made true.
#include <cstdint>
#include <cstring>
#include <memory>

#include "netlink/attributes.hpp"
#include "netlink/link.hpp"
#include "nft/describe.hpp"

using namespace k2s::cni;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < sizeof(nlmsghdr)) {
        return 0;
    }
    // Of its own size, so that a sanitizer sees what reads beyond it.
    const auto memory = std::make_unique<uint8_t[]>(size);
    std::memcpy(memory.get(), data, size);
    auto *message = reinterpret_cast<nlmsghdr *>(memory.get());
    message->nlmsg_len = static_cast<uint32_t>(size);
    (void)netlink::read_link(message);
    (void)netlink::read_address(message);
    (void)netlink::read_route(message);
    (void)netlink::reason(message, 1);
    std::vector<netlink::PortVlan> vlans;
    netlink::read_port_vlans(message, 1, vlans);
    constexpr std::size_t nfgenmsg_size = 4;
    netlink::each(message, nfgenmsg_size, [](uint16_t, const nlattr *attribute) {
        (void)nft::describe_expressions(attribute);
    });
    return 0;
}
