// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spec/failure.hpp"
#include "spec/json.hpp"

namespace k2s::cni {

/// One call of a CNI plugin: CNI_* and the network configuration, checked.
struct Request {
    std::string command;
    std::string container_id, netns, ifname, args, path;
    bool netns_override = false; // CNI_NETNS_OVERRIDE: the plugin's own namespace is meant
    std::string input;           // standard input as it came, for delegates
    Json config;
    std::string version; // of the configuration, one of k_versions
    std::string network; // "name"

    /// An attachment is named by both: a container may join a network several times.
    std::string attachment() const { return container_id + "-" + ifname; }
};

/// Where a call comes from. Tests give their own.
struct Surroundings {
    std::function<std::string(std::string_view)> environment;
    std::function<Result<std::string>()> standard_input;
};

/// Everything that the verb needs is there and well-formed, or a failure of code 1, 4, 5, 6 or 7.
/// `command` is set in any case. VERSION reads no input.
Result<Request> read_request(const Surroundings &surroundings);

/// The pairs of CNI_ARGS. A name that is not in `known` is refused unless IgnoreUnknown says
/// otherwise.
Result<std::map<std::string, std::string>> read_args(const std::string &args,
                                                     const std::vector<std::string_view> &known);

/// "cni.dev/valid-attachments" of GC.
struct ValidAttachment {
    std::string container_id, ifname;
    bool operator==(const ValidAttachment &) const = default;
};
Result<std::vector<ValidAttachment>> valid_attachments(const Json &config);

} // namespace k2s::cni
