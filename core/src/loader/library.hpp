// SPDX-License-Identifier: MIT
/// \file
/// The only place that maps plugin code: one wrapper round Boost.DLL.
#pragma once

#include <string>

#include <boost/filesystem/path.hpp>

#include <k2s/abi/plugin.h>

#include "util/result.hpp"

namespace k2s::core {

/// A mapped plugin library and its entry. Code is never unmapped in a running host, because
/// thread-locals and static destructors make that unsafe; so this is a plain value.
struct Library {
    k2s_plugin_entry_v1_fn entry = nullptr;
};

/// Maps the library at `path` (absolute; on Linux also /proc/self/fd/N, so that the file that was
/// checked is the file that is loaded) and finds its entry. `name` is for messages.
/// K2S_E_CONFIG when it is not loadable or has no entry, K2S_E_UNSUPPORTED when it was built for
/// another major version of the ABI. [any-thread, may-block]
Result<Library> load_library(const boost::filesystem::path &path, const std::string &name);

} // namespace k2s::core
