// SPDX-License-Identifier: MIT
#include "vfprules/records.hpp"

#include <nlohmann/json.hpp>

#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/read_file.hpp>

#include "spec/files.hpp"
#include "vfprules/backend.hpp"

namespace k2s::vfprules {
namespace {

constexpr std::string_view k_suffix = ".port";
constexpr std::size_t k_largest_record = 64 * 1024;

} // namespace

Records::Records(const Options &options)
    : folder_(options.records.empty() ? default_records() : options.records) {}

std::string Records::path(const std::string &port) const {
    return folder_ + "/" + port + std::string(k_suffix);
}

std::vector<std::string> Records::ports() const {
    std::vector<std::string> ports;
    for (auto &name : cni::files_in(folder_)) {
        if (name.ends_with(k_suffix)) {
            name.resize(name.size() - k_suffix.size());
            if (is_port_id(name)) {
                ports.push_back(std::move(name));
            }
        }
    }
    return ports;
}

std::optional<std::vector<std::string>> Records::names(const std::string &port) const {
    std::string text;
    if (!read_file(path(port), k_largest_record, text).ok()) {
        return std::nullopt;
    }
    const auto json = nlohmann::json::parse(text, nullptr, false);
    std::vector<std::string> names;
    if (json.is_array()) { // a damaged one counts as empty: the port is remembered all the same
        for (const auto &each : json) {
            if (each.is_string() && is_rule_name(each.get_ref<const std::string &>())) {
                names.push_back(each.get<std::string>());
            }
        }
    }
    return names;
}

Expected<void> Records::write(const std::string &port,
                              const std::vector<std::string> &names) const {
    if (auto made = cni::need_folder(folder_, cni::Access::administrators); !made) {
        return made;
    }
    const Status done = write_file(path(port), nlohmann::json(names).dump(), 0600);
    return done.ok() ? Expected<void>() : std::unexpected(done.error());
}

void Records::forget(const std::string &port) const {
    cni::remove_file(path(port));
}

} // namespace k2s::vfprules
