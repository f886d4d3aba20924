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
    boost::filesystem::path crypto;  ///< what is loaded on demand, beside the core
    boost::filesystem::path archive; ///< likewise

    explicit Tree(boost::filesystem::path root_folder)
        : root(std::move(root_folder)), plugins(root / "lib" / "k2s" / "plugins"),
          worker(program("k2s-worker")), crypto(module("k2s-crypto")),
          archive(module("k2s-archive")) {}

    /// bin/NAME[.exe]
    boost::filesystem::path program(const std::string &name) const {
#ifdef _WIN32
        return root / "bin" / (name + ".exe");
#else
        return root / "bin" / name;
#endif
    }

    /// A library of the core: lib/libNAME.so, bin/NAME.dll
    boost::filesystem::path module(const std::string &name) const {
#ifdef _WIN32
        return root / "bin" / (name + ".dll");
#else
        return root / "lib" / ("lib" + name + ".so");
#endif
    }
};

} // namespace k2s::core
