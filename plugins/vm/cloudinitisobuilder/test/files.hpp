// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>
#include <boost/test/unit_test.hpp>

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

    /// Boost's streams open narrow names with mingw: not good enough for long or Unicode paths.
    static std::FILE *open(const boost::filesystem::path &path, bool writing) {
#if defined(_WIN32)
        std::FILE *file = _wfopen(path.c_str(), writing ? L"wb" : L"rb");
#else
        std::FILE *file = std::fopen(path.c_str(), writing ? "wb" : "rb");
#endif
        BOOST_REQUIRE_MESSAGE(file != nullptr, path);
        return file;
    }
    static void put(const boost::filesystem::path &path, const std::string &text) {
        std::FILE *out = open(path, true);
        std::fwrite(text.data(), 1, text.size(), out);
        std::fclose(out);
    }
    static std::string get(const boost::filesystem::path &path) {
        std::FILE *in = open(path, false);
        std::string text;
        char buffer[65536];
        for (size_t got = 0; (got = std::fread(buffer, 1, sizeof(buffer), in)) > 0;) {
            text.append(buffer, got);
        }
        std::fclose(in);
        return text;
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
