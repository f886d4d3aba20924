// SPDX-License-Identifier: MIT
#include <algorithm>

#include <winsock2.h>

#include <ws2tcpip.h>

#include <iphlpapi.h>

#include <k2s/sdk/windows_path.hpp>

#include "vfprules/backend.hpp"
#include "windows/program_data.hpp"

namespace k2s::vfprules {
namespace {

constexpr ULONG k_first_size = 32 * 1024;
constexpr int k_most_tries = 4;

} // namespace

bool ports_come_back() {
    return true;
}

bool rules_outlive_ports() {
    return false;
}

bool is_port_id(std::string_view text) {
    constexpr std::string_view k_form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != k_form.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (k_form[i] == 'x' ? !hex : c != '-') {
            return false;
        }
    }
    return true;
}

std::string default_records() {
    return program_data() + "\\K2s\\vfprules";
}

Expected<std::vector<LocalAddress>> local_addresses() {
    std::vector<std::byte> buffer(k_first_size);
    ULONG result = ERROR_BUFFER_OVERFLOW;
    for (int i = 0; i < k_most_tries && result == ERROR_BUFFER_OVERFLOW; ++i) {
        auto size = static_cast<ULONG>(buffer.size());
        result = GetAdaptersAddresses(
            AF_UNSPEC, GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER,
            nullptr, reinterpret_cast<IP_ADAPTER_ADDRESSES *>(buffer.data()), &size);
        buffer.resize(std::max<std::size_t>(buffer.size(), size));
    }
    std::vector<LocalAddress> addresses;
    if (result == ERROR_NO_DATA) {
        return addresses;
    }
    if (result != NO_ERROR) {
        return fail(K2S_E_FAILED, "cannot list the interfaces: Windows error {}", result);
    }
    for (const auto *each = reinterpret_cast<IP_ADAPTER_ADDRESSES *>(buffer.data());
         each != nullptr; each = each->Next) {
        LocalAddress address;
        address.interface_name = detail::narrow(each->FriendlyName);
        address.index = each->IfIndex != 0 ? each->IfIndex : each->Ipv6IfIndex;
        if (each->PhysicalAddressLength != address.mac.size()) {
            continue; // loopback, tunnels: nothing that a frame could go to
        }
        std::copy_n(each->PhysicalAddress, address.mac.size(), address.mac.begin());
        for (const auto *one = each->FirstUnicastAddress; one != nullptr; one = one->Next) {
            const auto *socket = one->Address.lpSockaddr;
            if (socket->sa_family == AF_INET) {
                address.address = Address::from_bytes(
                    &reinterpret_cast<const sockaddr_in *>(socket)->sin_addr, 4);
            } else {
                address.address = Address::from_bytes(
                    &reinterpret_cast<const sockaddr_in6 *>(socket)->sin6_addr, 16);
            }
            addresses.push_back(address);
        }
    }
    return addresses;
}

} // namespace k2s::vfprules
