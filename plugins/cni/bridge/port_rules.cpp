// SPDX-License-Identifier: MIT
#include "bridge/port_rules.hpp"

#include <algorithm>

namespace k2s::cni {
namespace {

std::unexpected<Failure> failed(const Error &error) {
    const unsigned code = error.code == K2S_E_TIMEOUT || error.code == K2S_E_CANCELLED ? k_try_later
                          : error.code == K2S_E_CONFIG ? k_bad_config
                                                       : k_internal;
    return fail(code, "route rules of the pod's port: {}", error.message);
}

Result<void> outcome_of(const vfprules::Report &report) {
    const auto wrong =
        std::ranges::find_if(report.rules, vfprules::is_wrong, &vfprules::Finding::state);
    return wrong == report.rules.end()
               ? Result<void>()
               : fail(k_internal, "route rule {} of the pod's port: {}: {}", wrong->name,
                      vfprules::text_of(wrong->state), wrong->detail);
}

} // namespace

Result<void> PortRules::apply(const std::string &port) const {
    const auto report = vfprules::ensure(port, options_);
    if (!report) {
        return failed(report.error());
    }
    for (const auto &route : report->plan.skipped) {
        if (skipped_) {
            skipped_(route);
        }
    }
    return outcome_of(*report);
}

Result<void> PortRules::check(const std::string &port) const {
    if (!vfprules::is_remembered(port, options_)) {
        return {}; // made when no rules were wanted
    }
    const auto report = vfprules::inspect(port, options_);
    if (!report && report.error().code == K2S_E_UNSUPPORTED) {
        return {}; // what can add rules here cannot list them
    }
    return report ? outcome_of(*report) : failed(report.error());
}

} // namespace k2s::cni
