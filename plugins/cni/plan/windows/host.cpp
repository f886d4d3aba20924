// SPDX-License-Identifier: MIT
#include "plan/host.hpp"

#include <array>
#include <cstring>

#include <winsock2.h>

#include <ws2ipdef.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <fmt/format.h>

#include <k2s/sdk/windows_path.hpp>

#include "plan/windows/ip_helper.hpp"
#include "vfprules/backend.hpp"
#include "windows/program_data.hpp"

namespace k2s::network {
namespace {

using vfprules::fail;

// Looked up, so that a test can give its own.
using ChangeFn = DWORD(WINAPI *)(const MIB_IPFORWARD_ROW2 *);

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

    Expected<Surroundings> look() override {
        Surroundings all;
        MIB_UNICASTIPADDRESS_TABLE *addresses = nullptr;
        if (const DWORD result = GetUnicastIpAddressTable(AF_UNSPEC, &addresses);
            result != NO_ERROR) {
            return fail(K2S_E_FAILED, "cannot list the addresses: Windows error {}", result);
        }
        for (ULONG i = 0; i < addresses->NumEntries; ++i) {
            const auto &row = addresses->Table[i];
            all.addresses.push_back({{address_of(row.Address), row.OnLinkPrefixLength},
                                     row.InterfaceIndex,
                                     name_of(row.InterfaceIndex)});
        }
        FreeMibTable(addresses);
        MIB_IPFORWARD_TABLE2 *routes = nullptr;
        if (const DWORD result = GetIpForwardTable2(AF_UNSPEC, &routes); result != NO_ERROR) {
            return fail(K2S_E_FAILED, "cannot list the routes: Windows error {}", result);
        }
        for (ULONG i = 0; i < routes->NumEntries; ++i) {
            const auto &row = routes->Table[i];
            const Address gateway = address_of(row.NextHop);
            all.routes.push_back(
                {{address_of(row.DestinationPrefix.Prefix), row.DestinationPrefix.PrefixLength},
                 is_zero(gateway) ? std::nullopt : std::optional(gateway),
                 row.InterfaceIndex,
                 name_of(row.InterfaceIndex),
                 row.Metric});
        }
        FreeMibTable(routes);
        return all;
    }

    Expected<void> add(const HostRoute &route) override { return change(create_, "add", route); }
    Expected<void> remove(const HostRoute &route) override {
        return change(remove_, "remove", route);
    }

  private:
    static Expected<void> change(ChangeFn function, const char *what, const HostRoute &route) {
        if (function == nullptr) {
            return fail(K2S_E_UNSUPPORTED, "this Windows cannot {} routes", what);
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
        return fail(result == ERROR_ACCESS_DENIED           ? K2S_E_PERMISSION
                    : result == ERROR_OBJECT_ALREADY_EXISTS ? K2S_E_EXISTS
                                                            : K2S_E_FAILED,
                    "cannot {} the route {}: Windows error {}", what, route.text(), result);
    }

    ChangeFn create_, remove_;
};

} // namespace

Expected<std::unique_ptr<Host>> open_host(const std::string &library) {
    HMODULE module = load_ip_helper(library);
    const auto find = [&](const char *name) {
        return module == nullptr ? nullptr
                                 : reinterpret_cast<ChangeFn>(
                                       reinterpret_cast<void *>(GetProcAddress(module, name)));
    };
    return std::make_unique<WindowsHost>(find("CreateIpForwardEntry2"),
                                         find("DeleteIpForwardEntry2"));
}

std::string default_folder() {
    return program_data() + "\\K2s\\network";
}

Expected<ChangeLock> ChangeLock::take(const std::string & /*folder*/,
                                      std::chrono::milliseconds patience) {
    HANDLE mutex = CreateMutexW(nullptr, FALSE, L"Global\\K2sNetworkPlan");
    const auto waited = mutex == nullptr
                            ? WAIT_FAILED
                            : WaitForSingleObject(mutex, static_cast<DWORD>(patience.count()));
    // One that was abandoned is as good: what was done is on record before it is done.
    if (waited == WAIT_OBJECT_0 || waited == WAIT_ABANDONED) {
        return ChangeLock(reinterpret_cast<intptr_t>(mutex));
    }
    const DWORD why = GetLastError();
    if (mutex != nullptr) {
        CloseHandle(mutex);
    }
    if (waited == WAIT_TIMEOUT) {
        return busy();
    }
    return fail(why == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_FAILED,
                "cannot lock the routes against other calls: Windows error {}", why);
}

ChangeLock::~ChangeLock() {
    if (handle_ != -1) {
        ReleaseMutex(reinterpret_cast<HANDLE>(handle_));
        CloseHandle(reinterpret_cast<HANDLE>(handle_));
    }
}

} // namespace k2s::network
