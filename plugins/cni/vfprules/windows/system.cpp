// SPDX-License-Identifier: MIT
#include <algorithm>

#include <winsock2.h>

#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <sddl.h>

#include <k2s/sdk/windows_path.hpp>

#include "vfprules/backend.hpp"
#include "windows/program_data.hpp"

namespace k2s::vfprules {
namespace {

constexpr ULONG k_first_size = 32 * 1024;
constexpr int k_most_tries = 4;
// Full access for the system and administrators, nobody else, inherited by what is made inside.
constexpr const wchar_t *k_private = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

bool make_folder(const std::string &path, SECURITY_ATTRIBUTES *access) {
    return CreateDirectoryW(detail::system_path(path).c_str(), access) != 0 ||
           GetLastError() == ERROR_ALREADY_EXISTS;
}

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

std::string default_records() { return program_data() + "\\K2s\\vfprules"; }

Expected<void> make_private_folder(const std::string &path) {
    SECURITY_ATTRIBUTES access{sizeof(access), nullptr, FALSE};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            k_private, SDDL_REVISION_1, &access.lpSecurityDescriptor, nullptr)) {
        access.lpSecurityDescriptor = nullptr;
    }
    const auto parent = path.find_last_of("\\/");
    const bool made =
        access.lpSecurityDescriptor != nullptr &&
        (parent == std::string::npos || make_folder(path.substr(0, parent), nullptr)) &&
        make_folder(path, &access);
    const DWORD why = GetLastError();
    LocalFree(access.lpSecurityDescriptor);
    if (made) {
        return {};
    }
    return fail(why == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_IO,
                "cannot make the folder '{}': Windows error {}", path, why);
}

std::vector<std::string> files_in(const std::string &folder) {
    std::vector<std::string> names;
    WIN32_FIND_DATAW found{};
    HANDLE search = FindFirstFileW((detail::system_path(folder) + L"\\*").c_str(), &found);
    if (search == INVALID_HANDLE_VALUE) {
        return names;
    }
    do {
        names.push_back(detail::narrow(found.cFileName));
    } while (FindNextFileW(search, &found));
    FindClose(search);
    return names;
}

void remove_file(const std::string &path) {
    DeleteFileW(detail::system_path(path).c_str());
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
