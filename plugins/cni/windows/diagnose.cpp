// SPDX-License-Identifier: MIT
#include "diagnose.hpp"

#include "hcn/service.hpp"
#include "vfprules/backend.hpp"

namespace k2s::cni {
namespace {

constexpr const char *k_features = "Enable-WindowsOptionalFeature -Online -FeatureName Containers, "
                                   "Microsoft-Hyper-V, then restart; "
                                   "Start-Service hns";

Result<hcn::Version> ask_hns() {
    const auto service = hcn::Service::open({});
    return service ? service->version() : std::unexpected(service.error());
}

/// Why there is nothing that puts rules on ports; empty: there is.
std::string no_backend() {
    vfprules::Options options;
    options.run = [](const auto &, auto) { // only whether the program is there is asked
        return vfprules::fail(K2S_E_UNSUPPORTED, "not to be run");
    };
    const auto backend = vfprules::open_backend(options, {}, {});
    return backend ? std::string() : backend.error().message;
}

} // namespace

Json diagnose() {
    const auto version = ask_hns();
    const auto missing = no_backend();
    return Json::array(
        {{{"check", "HNS"},
          {"state", version ? "ok" : "warn"},
          {"text", version ? fmt::format("version {}.{}", version->major, version->minor)
                           : version.error().message},
          {"remedy", version ? "" : k_features}},
         {{"check", "VFP"},
          {"state", missing.empty() ? "ok" : "warn"},
          {"text", missing.empty() ? "can be given route rules" : missing},
          {"remedy", missing.empty() ? "" : k_features}}});
}

} // namespace k2s::cni
