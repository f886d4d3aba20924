// SPDX-License-Identifier: MIT
/// \file
/// k2s completion, and the hidden k2s man that the installation uses.
#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "app/app.hpp"
#include "app/output.hpp"
#include "util/path.hpp"
#include "util/write_file.hpp"

namespace k2s::core {
namespace {

/// The exes of this tree: k2s, and each that has the name of a command.
std::vector<std::string> installed_tools(const App &app) {
    std::vector<std::string> tools{app.tool().name};
    for (const Command *command : app.tool().commands) {
        const std::string &name = command->path.front();
        if (std::ranges::find(tools, name) == tools.end() && fs::exists(app.tree().program(name))) {
            tools.push_back(name);
        }
    }
    return tools;
}

Result<void> write_below(const fs::path &file, std::string_view text) {
    boost::system::error_code failed;
    fs::create_directories(file.parent_path(), failed);
    if (failed) {
        return fail(K2S_E_IO, "cannot make the folder '{}': {}", path_text(file.parent_path()),
                    failed.message());
    }
    return write_file(file, text);
}

Result<void> write_tool(const Tool &tool, const fs::path &share) {
    for (const auto &page : man_pages(tool)) {
        auto done = write_below(share / "man" / "man1" / page.file, page.text);
        if (!done) {
            return done;
        }
    }
    for (const auto &[shell, file] :
         {std::pair{"bash", fs::path("bash-completion") / "completions" / tool.name},
          std::pair{"powershell", fs::path("powershell") / (tool.name + ".ps1")}}) {
        auto script = completion_script(tool, shell);
        auto done = script ? write_below(share / file, *script) : pass(script);
        if (!done) {
            return done;
        }
    }
    return {};
}

} // namespace

Result<int> write_documents(App &app) {
    if (app.call().command->path.front() == "completion") {
        auto tool = app.make_tool(app.text("tool"));
        auto script = tool ? completion_script(*tool, app.text("shell")) : pass(tool);
        if (!script) {
            return pass(script);
        }
        return write_out(*script) ? 0 : 1;
    }
    for (const std::string &name : installed_tools(app)) {
        auto tool = app.make_tool(name);
        auto done = tool ? write_tool(*tool, path_from_utf8(app.text("folder"))) : pass(tool);
        if (!done) {
            return pass(done);
        }
    }
    return 0;
}

} // namespace k2s::core
