// SPDX-License-Identifier: MIT
/// \file
/// Where the parts of an installed tree lie, relative to its root.
#pragma once

#include <string>

#include <boost/filesystem/path.hpp>

namespace k2s::core {

struct Tree {
    boost::filesystem::path root;
    boost::filesystem::path plugins; ///< lib/k2s/plugins
    boost::filesystem::path worker;  ///< bin/k2s-worker[.exe]

    explicit Tree(boost::filesystem::path root_folder)
        : root(std::move(root_folder)), plugins(root / "lib" / "k2s" / "plugins"),
          worker(program("k2s-worker")) {}

    /// bin/NAME[.exe]
    boost::filesystem::path program(const std::string &name) const {
#ifdef _WIN32
        return root / "bin" / (name + ".exe");
#else
        return root / "bin" / name;
#endif
    }
};

} // namespace k2s::core
