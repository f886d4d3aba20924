// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "bridge/ipam.hpp"
#include "bridge/journal.hpp"
#include "bridge/linux/config.hpp"
#include "bridge/linux/ports.hpp"
#include "bridge/port_rules.hpp"
#include "spec/request.hpp"

namespace k2s::cni {

/// The main plugin bridge on Linux. One object serves one call at a time.
class Bridge {
  public:
    struct Options {
        Ipam::Options ipam;
        PortRules rules;
        std::string lock_folder = "/run/k2s/cni";
        std::function<bool()> cancelled = [] { return false; };
    };

    explicit Bridge(Options options) : options_(std::move(options)) {}

    Result<Attachment> add(const Request &request) const;
    Result<void> del(const Request &request) const;
    Result<void> check(const Request &request) const;
    Result<void> gc(const Request &request) const;
    Result<void> status(const Request &request) const;

  private:
    struct Adding;
    Result<void> allocate(Adding &state) const;
    Result<void> plug(Adding &state) const;
    Result<void> configure_container(Adding &state) const;
    Result<void> configure_host(Adding &state) const;
    Result<void> masquerade(Adding &state) const;
    Result<void> apply_rules(Adding &state) const;

    Options options_;
};

/// The name of an attachment's interface on the host, and the alias that says whose it is.
Ports::PairNames pair_names(const Request &request);

} // namespace k2s::cni
