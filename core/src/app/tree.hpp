// SPDX-License-Identifier: MIT
/// \file
/// Where the parts of an installed tree lie, relative to its root.
#pragma once

#include <boost/filesystem/path.hpp>

namespace k2s::core {

struct Tree {
    boost::filesystem::path root;
    boost::filesystem::path plugins; ///< lib/k2s/plugins
    boost::filesystem::path worker;  ///< bin/k2s-worker[.exe]

    explicit Tree(boost::filesystem::path root_folder)
        : root(std::move(root_folder)), plugins(root / "lib" / "k2s" / "plugins"),
#ifdef _WIN32
          worker(root / "bin" / "k2s-worker.exe") {
    }
#else
          worker(root / "bin" / "k2s-worker") {
    }
#endif
};

} // namespace k2s::core
