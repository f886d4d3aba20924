// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
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

/// This machine's addresses and unicast routes.
class Host {
  public:
    virtual ~Host() = default;
    virtual Expected<std::vector<HostAddress>> addresses() = 0;
    virtual Expected<std::vector<HostRoute>> routes() = 0;
    /// K2S_E_PERMISSION, K2S_E_EXISTS; K2S_E_UNSUPPORTED: the system lacks the function.
    virtual Expected<void> add(const HostRoute &route) = 0;
    /// A route that is gone is no error.
    virtual Expected<void> remove(const HostRoute &route) = 0;
};

/// `library` (Windows, for tests): instead of iphlpapi.dll for adding and removing.
Expected<std::unique_ptr<Host>> open_host(const std::string &library = {});

/// Where `apply` puts files and remembers what it did, unless told otherwise.
std::string default_folder();
/// Makes it, with the folders above it.
Expected<void> make_folder(const std::string &path);
void remove_file(const std::string &path);

} // namespace k2s::network
