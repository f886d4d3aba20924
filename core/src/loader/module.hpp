// SPDX-License-Identifier: MIT
/// \file
/// Parts of the core that are libraries of their own, because they bring large libraries along and
/// few runs need them.
#pragma once

#include <string>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

namespace k2s::core {

/// Maps the library for good and finds the function. K2S_E_CONFIG when the tree is not complete.
/// [any-thread, may-block]
Result<void *> load_module(const boost::filesystem::path &path, const std::string &entry);

template <class Function>
Result<Function> load_module(const boost::filesystem::path &path, const std::string &entry) {
    auto found = load_module(path, entry);
    if (!found) {
        return pass(found);
    }
    return reinterpret_cast<Function>(*found);
}

} // namespace k2s::core
