// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>
#include <boost/test/unit_test.hpp>

#include "hcn/service.hpp"

namespace k2s::cni::hcn {

inline void set_variable(const char *name, const std::string &value) {
    SetEnvironmentVariableA(name, value.empty() ? nullptr : value.c_str());
}

/// The state behind the double of computenetwork.dll (computenetwork.c), gone with the test. The
/// first argument of the test is the library's path.
struct Double {
    boost::filesystem::path root = boost::filesystem::temp_directory_path() /
                                   boost::filesystem::unique_path("k2s-hcn-%%%%%%%%");

    Double() {
        boost::filesystem::create_directories(root);
        set_variable("K2S_HCN", root.string());
        set_variable("K2S_HCN_FAULT", {});
        set_variable("K2S_HNS_VERSION", {});
    }
    Double(const Double &) = delete;
    ~Double() {
        boost::system::error_code ignored;
        boost::filesystem::remove_all(root, ignored);
    }

    /// "HcnCreateEndpoint hang", as the double knows it.
    static void fault(const std::string &what) { set_variable("K2S_HCN_FAULT", what); }

    static std::string library_folder() {
        const auto &suite = boost::unit_test::framework::master_test_suite();
        return boost::filesystem::path(suite.argv[1]).parent_path().string();
    }

    /// Puts an object there; `more` begins with a comma or is empty.
    void put(const std::string &kind, const std::string &id, const std::string &name,
             const std::string &more = {}) const {
        const std::string text = R"({"ID":")" + id + R"(","Name":")" + name + "\"" + more + "}";
        const std::wstring wide(text.begin(), text.end());
        boost::filesystem::ofstream file(root / (kind + "-" + id + ".json"), std::ios::binary);
        file.write(reinterpret_cast<const char *>(wide.data()),
                   static_cast<std::streamsize>(wide.size() * sizeof(wchar_t)));
    }

    std::size_t count(const std::string &kind) const {
        std::size_t found = 0;
        for (const auto &entry : boost::filesystem::directory_iterator(root)) {
            found += entry.path().filename().string().rfind(kind + "-", 0) == 0 ? 1 : 0;
        }
        return found;
    }

    std::string calls() const {
        boost::filesystem::ifstream file(root / "calls", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void forget_calls() const { boost::filesystem::remove(root / "calls"); }
    bool called(const std::string &text) const { return calls().find(text) != std::string::npos; }
};

} // namespace k2s::cni::hcn
