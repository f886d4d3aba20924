// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bridge/ipam.hpp"
#include "bridge/port_rules.hpp"
#include "bridge/windows/config.hpp"
#include "hcn/service.hpp"

namespace k2s::cni {

/// The main plugin bridge on Windows: an endpoint of HCN in the pod's namespace.
class Bridge {
  public:
    /// Settings of the policy L4WFPPROXY for a pod that belongs to a mesh; nullopt: it does not.
    using Mesh = std::function<Result<std::optional<Json>>(const Pod &)>;

    struct Options {
        Ipam::Options ipam;
        hcn::Service::Options hcn;
        Mesh mesh; // empty: no pod belongs to one
        PortRules rules;
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
    Result<void> find_network(Adding &state) const;
    Result<void> find_endpoint(Adding &state) const;
    Result<void> allocate(Adding &state) const;
    Result<void> create_endpoint(Adding &state) const;
    Result<void> attach(Adding &state) const;
    Result<void> apply_mesh(Adding &state) const;
    Result<void> apply_rules(Adding &state) const;

    Options options_;
};

/// The name of an attachment's endpoint; K2s' and Microsoft's plugins use the same.
std::string endpoint_name(const Request &request);
/// Puts an endpoint into a namespace ("Add") or takes it out ("Remove"). False: no such namespace.
Result<bool> move_endpoint(const hcn::Service &service, const char *what, const GUID &name_space,
                           const GUID &endpoint);
/// The result that an endpoint's properties say; the rest comes from the request.
Result<Attachment> attachment_of(const Json &endpoint, const Request &request);
/// CNI_NETNS as an id.
Result<GUID> namespace_of(const Request &request);

} // namespace k2s::cni
