// SPDX-License-Identifier: MIT
#include "plan/host.hpp"

#include <array>
#include <cstring>

#include <winsock2.h>

#include <ws2tcpip.h>
#include <ws2ipdef.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <fmt/format.h>

#include <k2s/sdk/windows_path.hpp>

#include "vfprules/vfprules.hpp"
#include "windows/program_data.hpp"

namespace k2s::network {
namespace {


// Looked up, so that a test can give its own.
using ChangeFn = DWORD(WINAPI *)(const MIB_IPFORWARD_ROW2 *);

template <class... Arguments>
std::unexpected<Error> failed(int32_t code, fmt::format_string<Arguments...> text,
                              Arguments &&...arguments) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Arguments>(arguments)...)});
}

Address address_of(const SOCKADDR_INET &socket) {
    return socket.si_family == AF_INET ? Address::from_bytes(&socket.Ipv4.sin_addr, 4)
                                       : Address::from_bytes(&socket.Ipv6.sin6_addr, 16);
}

SOCKADDR_INET socket_of(const Address &address) {
    SOCKADDR_INET socket{};
    if (address.is_v4()) {
        socket.Ipv4.sin_family = AF_INET;
        std::memcpy(&socket.Ipv4.sin_addr, address.data(), address.size());
    } else {
        socket.Ipv6.sin6_family = AF_INET6;
        std::memcpy(&socket.Ipv6.sin6_addr, address.data(), address.size());
    }
    return socket;
}

bool is_zero(const Address &address) {
    return address == address.masked(0);
}

std::string name_of(NET_IFINDEX index) {
    NET_LUID luid{};
    std::array<wchar_t, IF_MAX_STRING_SIZE + 1> name{};
    if (ConvertInterfaceIndexToLuid(index, &luid) != NO_ERROR ||
        ConvertInterfaceLuidToAlias(&luid, name.data(), name.size()) != NO_ERROR) {
        return fmt::format("interface {}", index);
    }
    return detail::narrow(name.data());
}

class WindowsHost final : public Host {
  public:
    WindowsHost(ChangeFn create, ChangeFn remove) : create_(create), remove_(remove) {}

    Expected<std::vector<HostAddress>> addresses() override {
        MIB_UNICASTIPADDRESS_TABLE *table = nullptr;
        const DWORD result = GetUnicastIpAddressTable(AF_UNSPEC, &table);
        if (result != NO_ERROR) {
            return failed(K2S_E_FAILED, "cannot list the addresses: Windows error {}", result);
        }
        std::vector<HostAddress> all;
        for (ULONG i = 0; i < table->NumEntries; ++i) {
            const auto &row = table->Table[i];
            all.push_back({{address_of(row.Address), row.OnLinkPrefixLength},
                           row.InterfaceIndex,
                           name_of(row.InterfaceIndex)});
        }
        FreeMibTable(table);
        return all;
    }

    Expected<std::vector<HostRoute>> routes() override {
        MIB_IPFORWARD_TABLE2 *table = nullptr;
        const DWORD result = GetIpForwardTable2(AF_UNSPEC, &table);
        if (result != NO_ERROR) {
            return failed(K2S_E_FAILED, "cannot list the routes: Windows error {}", result);
        }
        std::vector<HostRoute> all;
        for (ULONG i = 0; i < table->NumEntries; ++i) {
            const auto &row = table->Table[i];
            const Address gateway = address_of(row.NextHop);
            all.push_back(
                {{address_of(row.DestinationPrefix.Prefix), row.DestinationPrefix.PrefixLength},
                 is_zero(gateway) ? std::nullopt : std::optional(gateway),
                 row.InterfaceIndex,
                 name_of(row.InterfaceIndex),
                 row.Metric});
        }
        FreeMibTable(table);
        return all;
    }

    Expected<void> add(const HostRoute &route) override { return change(create_, "add", route); }
    Expected<void> remove(const HostRoute &route) override {
        return change(remove_, "remove", route);
    }

  private:
    static Expected<void> change(ChangeFn function, const char *what, const HostRoute &route) {
        if (function == nullptr) {
            return failed(K2S_E_UNSUPPORTED, "this Windows cannot {} routes", what);
        }
        MIB_IPFORWARD_ROW2 row{};
        // What InitializeIpForwardEntry sets, which wine does not have.
        row.ValidLifetime = row.PreferredLifetime = INFINITE;
        row.Loopback = row.AutoconfigureAddress = row.Immortal = TRUE;
        row.InterfaceIndex = route.index;
        row.DestinationPrefix.Prefix = socket_of(route.destination.address);
        row.DestinationPrefix.PrefixLength = static_cast<UINT8>(route.destination.length);
        row.NextHop = socket_of(route.gateway.value_or(route.destination.address.masked(0)));
        row.Metric = route.metric;
        row.Protocol = RouteProtocolNetMgmt;
        const DWORD result = function(&row);
        if (result == NO_ERROR || (result == ERROR_NOT_FOUND && what[0] == 'r')) {
            return {};
        }
        return failed(result == ERROR_ACCESS_DENIED           ? K2S_E_PERMISSION
                      : result == ERROR_OBJECT_ALREADY_EXISTS ? K2S_E_EXISTS
                                                              : K2S_E_FAILED,
                      "cannot {} the route {}: Windows error {}", what, route.text(), result);
    }

    ChangeFn create_, remove_;
};

} // namespace

Expected<std::unique_ptr<Host>> open_host(const std::string &library) {
    HMODULE module =
        library.empty()
            ? LoadLibraryExW(L"iphlpapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)
            : LoadLibraryExW(detail::system_path(library).c_str(), nullptr,
                             LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    const auto find = [&](const char *name) {
        return module == nullptr ? nullptr
                                 : reinterpret_cast<ChangeFn>(
                                       reinterpret_cast<void *>(GetProcAddress(module, name)));
    };
    return std::make_unique<WindowsHost>(find("CreateIpForwardEntry2"),
                                         find("DeleteIpForwardEntry2"));
}

std::string default_folder() { return program_data() + "\\K2s\\network"; }

Expected<void> make_folder(const std::string &path) {
    const auto parent = path.find_last_of("\\/");
    if (parent != std::string::npos) {
        CreateDirectoryW(detail::system_path(path.substr(0, parent)).c_str(), nullptr);
    }
    if (CreateDirectoryW(detail::system_path(path).c_str(), nullptr) == 0 &&
        GetLastError() != ERROR_ALREADY_EXISTS) {
        return failed(GetLastError() == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_IO,
                      "cannot make the folder '{}': Windows error {}", path, GetLastError());
    }
    return {};
}

void remove_file(const std::string &path) {
    DeleteFileW(detail::system_path(path).c_str());
}

} // namespace k2s::network
