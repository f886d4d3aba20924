// SPDX-License-Identifier: MIT
#include "plan/changes.hpp"

#include <array>

#include <winsock2.h>

#include <ws2ipdef.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <fmt/format.h>

#include "plan/windows/ip_helper.hpp"

namespace k2s::network {
namespace {

// The three calls that register take a callback with a row of their own; none is looked at.
using Callback = void(WINAPI *)(void *event, void *row, MIB_NOTIFICATION_TYPE type);
using NotifyFn = DWORD(WINAPI *)(ADDRESS_FAMILY, Callback, void *, BOOLEAN, HANDLE *);
using CancelFn = DWORD(WINAPI *)(HANDLE);

constexpr std::array<const char *, 3> k_notifiers{
    "NotifyRouteChange2", "NotifyUnicastIpAddressChange", "NotifyIpInterfaceChange"};

void WINAPI changed(void *event, void * /*row*/, MIB_NOTIFICATION_TYPE /*type*/) {
    SetEvent(event);
}

class IpHelperChanges final : public Changes {
  public:
    IpHelperChanges() = default;
    IpHelperChanges(const IpHelperChanges &) = delete;
    ~IpHelperChanges() override {
        for (HANDLE one : registered_) {
            if (one != nullptr) {
                cancel_(one); // waits for a callback that runs
            }
        }
        if (event_ != nullptr) {
            CloseHandle(event_);
        }
    }

    Expected<void> start(HMODULE module) {
        const auto find = [&](const char *name) {
            return module == nullptr ? nullptr
                                     : reinterpret_cast<void *>(GetProcAddress(module, name));
        };
        event_ = CreateEventW(nullptr, FALSE, FALSE, nullptr);
        cancel_ = reinterpret_cast<CancelFn>(find("CancelMibChangeNotify2"));
        for (std::size_t i = 0; i < k_notifiers.size(); ++i) {
            const auto notify = reinterpret_cast<NotifyFn>(find(k_notifiers[i]));
            const DWORD result = event_ == nullptr || cancel_ == nullptr || notify == nullptr
                                     ? ERROR_NOT_SUPPORTED
                                     : notify(AF_UNSPEC, changed, event_, FALSE, &registered_[i]);
            if (result != NO_ERROR) {
                return std::unexpected(
                    Error{result == ERROR_NOT_SUPPORTED ? K2S_E_UNSUPPORTED : K2S_E_FAILED,
                          fmt::format("cannot listen for changes of routes and addresses: {}: "
                                      "Windows error {}",
                                      k_notifiers[i], result)});
            }
        }
        return {};
    }

    Expected<bool> wait(std::chrono::milliseconds deadline) override {
        return WaitForSingleObject(event_, static_cast<DWORD>(deadline.count())) == WAIT_OBJECT_0;
    }

  private:
    HANDLE event_ = nullptr;
    CancelFn cancel_ = nullptr;
    std::array<HANDLE, k_notifiers.size()> registered_{};
};

} // namespace

Expected<std::unique_ptr<Changes>> Changes::open(const std::string &library) {
    auto changes = std::make_unique<IpHelperChanges>();
    if (auto started = changes->start(load_ip_helper(library)); !started) {
        return std::unexpected(started.error());
    }
    return changes;
}

} // namespace k2s::network
