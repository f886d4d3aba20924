// SPDX-License-Identifier: MIT
/// \file
/// k2s dump: one archive for a bug report. Secrets of the configuration are hidden, as `k2s config
/// show` hides them; logs hold what they hold, and the command says so.
#include <algorithm>
#include <map>
#include <set>

#include <boost/filesystem/operations.hpp>

#include "app/doctor.hpp"
#include "config/report.hpp"
#include "install/package.hpp"
#include "trust/identity.hpp"
#include "util/directories.hpp"
#include "util/log_root.hpp"
#include "util/path.hpp"
#include "util/write_file.hpp"
#include "version.h"

namespace k2s::core {
namespace {

constexpr std::uint64_t k_log_tail = 1024 * 1024;
constexpr std::size_t k_most_logs = 64;
constexpr unsigned k_private_mode = 0600;

using Files = std::map<std::string, std::string>;

std::string pretty(const nlohmann::ordered_json &tree) {
    return tree.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// The end of a file, from whole lines on; empty when it cannot be read.
std::string tail(const fs::path &file) {
    const auto opened = trust::OpenLibrary::open_any(file);
    if (!opened) {
        return {};
    }
    const auto size = opened->identity().size;
    std::string text(static_cast<std::size_t>(std::min(size, k_log_tail)), '\0');
    text.resize(opened->read_at(size - text.size(), text.data(), text.size()));
    if (text.size() < size) {
        text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
    }
    return text;
}

/// Log files of all tools lie one folder below the root; a name in the archive is one word.
void add_logs(const App &app, Files &files) {
    const auto &found = log_root(log_settings(*app.config()).root);
    std::set<std::string> tools{app.tool().name};
    for (const auto *command : app.tool().commands) {
        tools.insert(command->path.front());
    }
    boost::system::error_code failed;
    for (const auto &tool : tools) {
        const auto folder = found ? found->path / path_from_utf8(tool) : fs::path();
        for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
             entry.increment(failed)) {
            const auto name = fmt::format("log-{}", path_to_utf8(entry->path().filename()));
            if (files.size() < k_most_logs && install::check_file_name(name) &&
                entry->path().filename().native().find(fs::path(".log").native()) !=
                    fs::path::string_type::npos) {
                files[name] = tail(entry->path());
            }
        }
    }
}

void add_hosts(const decltype(Examination::hosts) &hosts, Files &files) {
    for (const auto &[name, told] : hosts) {
        files[fmt::format("host-{}.json", name)] =
            pretty(told ? *told : nlohmann::ordered_json{{"error", told.error().message}});
    }
}

nlohmann::ordered_json list_plugins(App &app) {
    auto list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < app.plugins().candidates().size(); ++i) {
        const auto &[manifest, file, enabled] = app.plugins().candidates()[i];
        list.push_back(
            {{"id", manifest.id},
             {"version", manifest.version},
             {"manifest", file},
             {"enabled", enabled},
             {"reasons", explain(app.plugins().candidates(), app.plugins().resolution(), i)}});
    }
    return list;
}

} // namespace

Result<int> dump(App &app) {
    Files files;
    files["version.txt"] = fmt::format("{}\n{}", k2s_version_string, k2s_version_details);
    const auto examined = examine(app);
    files["doctor.json"] = pretty(to_json(examined.findings));
    files["plugins.json"] = pretty(list_plugins(app));
    const auto &config = examined.config;
    files["config.json"] =
        pretty(config ? config_show(**config, true) : config_validation(nullptr, &config.error()));
    if (const auto state = state_dir()) {
        for (const char *name : {"plugins.state", "plugins.trust", "trust.json"}) {
            if (auto text = tail(*state / name); !text.empty()) {
                files[name] = std::move(text);
            }
        }
    }
    add_hosts(examined.hosts, files);
    add_logs(app, files);

    auto archive = install::write_archive(app.tree().archive, files);
    if (!archive) {
        return pass(archive);
    }
    const auto file = app.text("file");
    if (auto done = write_file(path_from_utf8(file), *archive, k_private_mode); !done) {
        return pass(done);
    }
    auto names = nlohmann::ordered_json::array();
    for (const auto &[name, content] : files) {
        names.push_back(name);
    }
    return app.print(
        {{"file", file},
         {"bytes", archive->size()},
         {"files", std::move(names)},
         {"note", "secrets of the configuration are hidden; look through the logs before "
                  "you give it away"}});
}

} // namespace k2s::core
