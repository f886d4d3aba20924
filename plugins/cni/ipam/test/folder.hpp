// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <boost/filesystem.hpp>

#include "ipam/host_local.hpp"

namespace k2s::cni {

/// A place for reservations that goes away with the test.
struct Folder {
    boost::filesystem::path root = boost::filesystem::temp_directory_path() /
                                   boost::filesystem::unique_path("k2s-ipam-%%%%%%%%");
    std::string network = (root / "data/net").string();

    Folder() { boost::filesystem::create_directories(root / "data"); }
    Folder(const Folder &) = delete;
    ~Folder() {
        boost::system::error_code ignored;
        boost::filesystem::remove_all(root, ignored);
    }

    HostLocal::Places places(bool indexed = true) const {
        return {(root / "data").string(), indexed ? (root / "cache").string() : std::string()};
    }
};

inline Request request(const std::string &ipam, const std::string &id = "pod",
                       const Json &more = {}) {
    Request result;
    result.container_id = id;
    result.ifname = "eth0";
    result.network = "net";
    result.version = "1.1.0";
    result.config = Json{{"name", "net"}, {"ipam", Json::parse(ipam)}};
    if (more.is_object()) {
        result.config.update(more);
    }
    return result;
}

} // namespace k2s::cni
