// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hcn/guid.hpp"
#include "hcn/library.hpp"
#include "spec/json.hpp"

namespace k2s::cni::hcn {

enum class Kinds { network, endpoint, name_space };

/// The version of the Host Networking Service; features depend on it.
struct Version {
    int64_t major = 0, minor = 0;
    auto operator<=>(const Version &) const = default;
};

/// HCN with JSON in place of handles: each function opens, does and closes. None takes longer than
/// the deadline: the calls are made on a thread of their own, which is left behind when one does
/// not return (there is no way to end it), and fails then with code 11.
class Service {
  public:
    struct Options {
        std::string library_folder; // empty: Windows' own
        std::chrono::milliseconds deadline{15'000};
    };
    static Result<Service> open(const Options &options);

    /// Properties of all that match: {"Name": …} or {"HostComputeNetwork": …}. The service filters;
    /// only what it names is opened.
    Result<std::vector<Json>> list(Kinds kind, const Json &filter) const;
    /// The first with this name.
    Result<std::optional<Json>> find(Kinds kind, const std::string &name) const;

    /// Both return the properties of what was made. nullopt: the name is taken.
    Result<std::optional<Json>> create_network(const GUID &id, const Json &settings) const;
    Result<Json> create_endpoint(const GUID &network, const GUID &id, const Json &settings) const;

    Result<bool> exists(Kinds kind, const GUID &id) const;
    /// False: there is no such object.
    Result<bool> modify(Kinds kind, const GUID &id, const Json &request) const;
    Result<bool> remove(Kinds kind, const GUID &id) const;

    Result<Version> version() const;

  private:
    Service(const Library &library, std::chrono::milliseconds deadline)
        : library_(library), deadline_(deadline) {}
    const Kind &of(Kinds kind) const;

    Library library_;
    std::chrono::milliseconds deadline_;
};

/// A text of an object of HCN; empty when it is not there or no text.
std::string text_in(const Json &object, const char *name);
/// "ID" of an object.
std::optional<GUID> id_of(const Json &properties);

} // namespace k2s::cni::hcn
