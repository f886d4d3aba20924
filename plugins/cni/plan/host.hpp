// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plan/plan.hpp"

namespace k2s::network {

struct HostAddress {
    Prefix prefix;
    uint32_t index = 0;
    std::string interface_name;
};

struct HostRoute {
    Prefix destination;
    std::optional<Address> gateway; // none: the network is on the link
    uint32_t index = 0;
    std::string interface_name;
    uint32_t metric = 0;

    std::string text() const;
};

/// Addresses and unicast routes, as they are at one moment.
struct Surroundings {
    std::vector<HostAddress> addresses;
    std::vector<HostRoute> routes;
};

/// This machine's network.
class Host {
  public:
    virtual ~Host() = default;
    virtual Expected<Surroundings> look() = 0;
    /// K2S_E_PERMISSION, K2S_E_EXISTS; K2S_E_UNSUPPORTED: the system lacks the function.
    virtual Expected<void> add(const HostRoute &route) = 0;
    /// A route that is gone is no error.
    virtual Expected<void> remove(const HostRoute &route) = 0;
};

/// `library` (Windows, for tests): instead of iphlpapi.dll for adding and removing.
Expected<std::unique_ptr<Host>> open_host(const std::string &library = {});

/// Where `apply` puts files and remembers what it did, unless told otherwise.
std::string default_folder();

/// Held while routes are changed, so that one call does not undo what another does.
class ChangeLock {
  public:
    /// `folder` is there. K2S_E_BUSY when another call keeps it for longer than `patience`.
    static Expected<ChangeLock> take(const std::string &folder,
                                     std::chrono::milliseconds patience = k_patience);
    ChangeLock(ChangeLock &&other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    ChangeLock &operator=(ChangeLock &&) = delete;
    ~ChangeLock();

  private:
    static constexpr std::chrono::seconds k_patience{60};
    static std::unexpected<Error> busy() {
        return std::unexpected(
            Error{K2S_E_BUSY, "another call is changing the routes: wait for it, or end it"});
    }
    explicit ChangeLock(intptr_t handle) : handle_(handle) {}
    intptr_t handle_;
};

} // namespace k2s::network
