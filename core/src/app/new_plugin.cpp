// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin new: a project from the templates of the tree: share/k2s/templates/LANG, what
/// C and C++ have in common (native), and what every project has (all).
#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "app/app.hpp"
#include "app/host_commands.hpp"
#include "manifest/reader.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_template_max = 256 * 1024;

void replace_all(std::string &text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

Result<std::string> checked_name(const std::string &name) {
    if (!is_name(name, 40, false, "-") || name.ends_with('-')) {
        return fail(K2S_E_USAGE,
                    "\"{}\" is no plugin id: a lower-case letter, then lower-case letters, digits "
                    "and \"-\", 40 characters at most",
                    name);
    }
    const auto taken = reserved_words();
    if (std::ranges::find(taken, name) != taken.end()) {
        return fail(K2S_E_USAGE, "`k2s {}` is a command of the host: choose another name", name);
    }
    return name;
}

/// One file of the template into the project.
Result<void> fill_in(const fs::path &from, const fs::path &to, const std::string &name) {
    auto text = read_file(from, k_template_max);
    if (!text) {
        return pass(text);
    }
    auto identifier = name;
    std::ranges::replace(identifier, '-', '_');
    replace_all(*text, "@NAME@", name);
    replace_all(*text, "@IDENT@", identifier);
    boost::system::error_code failed;
    fs::create_directories(to.parent_path(), failed);
    return write_file(to, *text); // says what is wrong with the folder
}

} // namespace

Result<int> new_plugin(App &app) {
    auto name = checked_name(app.text("name"));
    if (!name) {
        return pass(name);
    }
    const auto templates = app.tree().root / "share" / "k2s" / "templates";
    const auto language = app.text("lang");
    const auto output = app.text("output");
    const auto folder = path_from_utf8(output.empty() ? *name : output);
    boost::system::error_code failed;
    if (fs::exists(folder, failed) && !fs::is_empty(folder, failed)) {
        return fail(K2S_E_EXISTS, "'{}' exists and is not empty: name another folder with --output",
                    path_text(folder));
    }
    std::vector<std::string> files;
    std::vector<std::string> parts{"all", language};
    if (language != "rust") {
        parts.emplace_back("native");
    }
    for (const auto &part : parts) {
        const auto from = templates / part;
        for (fs::recursive_directory_iterator entry(from, failed), end; !failed && entry != end;
             entry.increment(failed)) {
            if (!fs::is_regular_file(entry->path())) {
                continue;
            }
            const auto relative = entry->path().lexically_relative(from);
            if (auto done = fill_in(entry->path(), folder / relative, *name); !done) {
                return pass(done);
            }
            files.push_back(path_text(relative));
        }
        if (failed) {
            return fail(K2S_E_NOT_FOUND,
                        "cannot read the template '{}': {}; install the tree again",
                        path_text(from), failed.message());
        }
    }
    std::ranges::sort(files);
    return app.print({{"plugin", *name},
                      {"folder", path_text(folder)},
                      {"files", std::move(files)},
                      {"next", "see README.md in that folder"}});
}

} // namespace k2s::core
