// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spec/dispatch.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// The verbs of a plugin with members add, del, check, gc and status; it must outlive them.
template <class Plugin> Verbs verbs_of(const Plugin &plugin, std::string about) {
    Verbs verbs;
    verbs.about = std::move(about);
    verbs.add = [&plugin](const Request &request) -> Result<Json> {
        auto result = plugin.add(request);
        return result ? to_json(*result, request.version) : pass(result);
    };
    verbs.del = [&plugin](const Request &request) { return plugin.del(request); };
    verbs.check = [&plugin](const Request &request) { return plugin.check(request); };
    verbs.gc = [&plugin](const Request &request) { return plugin.gc(request); };
    verbs.status = [&plugin](const Request &request) { return plugin.status(request); };
    return verbs;
}

} // namespace k2s::cni
