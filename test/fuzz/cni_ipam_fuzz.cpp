// SPDX-License-Identifier: MIT
// Fuzz target of host-local's folder, in which others write, too. An input is a list of files: a
// line with the name, a line with the content ("\r\n" as "|"), and so on.
#include <cstdint>
#include <string>

#include <boost/filesystem.hpp>
#include <boost/filesystem/fstream.hpp>

#include "ipam/store.hpp"
#include "require.hpp"

using namespace k2s::cni;
namespace fs = boost::filesystem;

namespace {

std::string take_line(std::string &input) {
    const auto end = input.find('\n');
    const auto line = input.substr(0, end);
    input.erase(0, end == std::string::npos ? end : end + 1);
    return line;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const fs::path root = fs::temp_directory_path() / fs::unique_path("k2s-fuzz-%%%%%%%%");
    const fs::path folder = root / "data" / "net";
    fs::create_directories(folder);
    std::string input(reinterpret_cast<const char *>(data), size);
    for (int i = 0; i < 16 && !input.empty(); ++i) {
        auto name = take_line(input);
        auto content = take_line(input);
        if (name.empty() || name.size() > 60 || name == "." || name == ".." || name == "lock" ||
            name.find_first_of(std::string("/\0", 2)) != std::string::npos) {
            continue;
        }
        for (auto at = content.find('|'); at != std::string::npos; at = content.find('|')) {
            content.replace(at, 1, "\r\n");
        }
        fs::ofstream(folder / name, std::ios::binary) << content;
    }
    const RangeSet set{{{*Prefix::parse("10.1.0.0/28"), *Address::parse("10.1.0.1"),
                         *Address::parse("10.1.0.14"), *Address::parse("10.1.0.1")}}};
    const Owner owner{"fuzzed", "eth0"};
    for (const bool indexed : {false, true, true}) {
        auto store = Store::open(folder.string(), indexed ? (root / "cache").string() : "", true);
        require(store && *store);
        require((*store)->release(owner).has_value());
        require((*store)->addresses_of(owner).empty());
        const auto given = (*store)->reserve_next(set, owner, 0);
        require(given.has_value());
        if (*given) {
            require(set.range_of(**given) != nullptr);
            const auto has = (*store)->addresses_of(owner);
            require(has.size() == 1 && has.front() == **given);
            require(!(*store)->reserve(**given, {"other", "eth0"}, 0).value());
        }
        require((*store)->release(owner).has_value());
    }
    fs::remove_all(root);
    return 0;
}
