// SPDX-License-Identifier: MIT
#include "app/switches.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "util/directories.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_content = 16;

Result<fs::path> switch_folder() {
    auto state = state_dir();
    if (!state) {
        return pass(state);
    }
    return *state / "switches";
}

bool is_setting(std::string_view name) {
    const bool known = name.starts_with("plugins.") || name.starts_with("features.");
    return known && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
           });
}

} // namespace

std::vector<std::string> switch_settings() {
    std::vector<std::string> settings;
    const auto folder = switch_folder();
    boost::system::error_code failed;
    for (fs::directory_iterator entry(folder ? *folder : fs::path(), failed), end;
         !failed && entry != end; entry.increment(failed)) {
        const std::string name = path_to_utf8(entry->path().filename());
        const auto content =
            is_setting(name) ? read_file(entry->path(), k_max_content) : Result<std::string>();
        if (content && (*content == "true" || *content == "false")) {
            settings.push_back(fmt::format("{}.enabled={}", name, *content));
        }
    }
    std::ranges::sort(settings);
    return settings;
}

bool is_switch_of(std::string_view setting,
                  const std::function<bool(std::string_view section, std::string_view id)> &known) {
    const auto dot = setting.find('.');
    const auto rest = setting.substr(dot + 1);
    return known(setting.substr(0, dot), rest.substr(0, rest.rfind(".enabled=")));
}

void forget_switch(std::string_view section, std::string_view id) {
    if (const auto folder = switch_folder()) {
        boost::system::error_code ignored;
        fs::remove(*folder / path_from_utf8(fmt::format("{}.{}", section, id)), ignored);
    }
}

Result<std::string> write_switch(std::string_view section, std::string_view id, bool enabled) {
    const auto folder = switch_folder();
    if (!folder) {
        return std::unexpected(folder.error());
    }
    boost::system::error_code failed;
    fs::create_directories(*folder, failed);
    if (failed) {
        return fail(K2S_E_PERMISSION, "cannot make the folder '{}': {}", path_text(*folder),
                    failed.message());
    }
    const auto file = *folder / path_from_utf8(fmt::format("{}.{}", section, id));
    auto done = write_file(file, enabled ? "true" : "false");
    return done ? Result<std::string>(path_to_utf8(file)) : pass(done);
}

} // namespace k2s::core
