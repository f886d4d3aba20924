// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>

/// A directory of its own for a test, and files in it. Names are UTF-8.
struct Workspace {
    boost::filesystem::path root = boost::filesystem::temp_directory_path() /
                                   boost::filesystem::unique_path("k2s-iso-%%%%%%%%");
    boost::filesystem::path source = root / "seed";

    Workspace() { boost::filesystem::create_directories(source); }
    Workspace(const Workspace &) = delete;
    Workspace &operator=(const Workspace &) = delete;
    ~Workspace() {
        boost::system::error_code ignored;
        boost::filesystem::remove_all(root, ignored);
    }

    static void put(const boost::filesystem::path &path, const std::string &text) {
        boost::filesystem::ofstream(path, std::ios::binary) << text;
    }
    static std::string get(const boost::filesystem::path &path) {
        boost::filesystem::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void add(const std::string &name, const std::string &text) const { put(source / name, text); }
    void add_seed() const {
        add("meta-data", "instance-id: i-1\nlocal-hostname: node\n");
        add("user-data", "#cloud-config\nhostname: node\n");
        add("network-config", "version: 2\nethernets: {eth0: {dhcp4: false}}\n");
    }
    size_t entries() const {
        return static_cast<size_t>(std::distance(boost::filesystem::directory_iterator(root),
                                                 boost::filesystem::directory_iterator()));
    }
};
