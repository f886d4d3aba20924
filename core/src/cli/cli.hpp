// SPDX-License-Identifier: MIT
/// \file
/// The command line, made from data: everything here works on the Command structs of manifests
/// (and of the host's own commands) and touches no plugin code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "manifest/manifest.hpp"

namespace k2s::core {

/// A position that has sub commands and no command of its own: `k2s plugin`.
struct CommandGroup {
    std::vector<std::string> path;
    std::string summary;
};

/// One executable's view of the commands: `k2s` has root {} and all of them; the preset
/// `httpproxy` has root {"httpproxy"}, so that command is the tool itself.
struct Tool {
    std::string name; ///< what usage lines show
    std::string summary;
    std::string description;
    std::string version;
    std::vector<std::string> root;
    std::vector<const Command *> commands; ///< those below `root` count; not owned
    std::vector<CommandGroup> groups;      ///< summaries; a group without one gets a list of words
    std::vector<Option> globals;           ///< accepted where a command has no option of that name
};

/// --config FILE, --set KEY=VALUE, --log-level LEVEL: what every tool accepts.
std::vector<Option> standard_globals();

// --- parse ---

enum class Origin : uint8_t { fallback, environment, given };

using Scalar = std::variant<bool, int64_t, double, std::string>;

struct Item {
    Scalar value;     ///< durations in nanoseconds, sizes in bytes; text types are UTF-8
    std::string text; ///< as it was written
};

/// The value of one option or argument. A repeatable one has any number of items, others one.
struct Value {
    std::string name;
    ValueType type = ValueType::string;
    bool list = false;
    Origin origin = Origin::fallback;
    std::vector<Item> items;
    std::string config; ///< Option::config

    /// For the feature's settings: numbers and booleans as such, durations and sizes as text.
    nlohmann::json json() const;
};

enum class Action : uint8_t { run, help, version };

struct Invocation {
    Action action = Action::run;
    std::vector<std::string> path;    ///< below the tool's root; what `help` is about
    const Command *command = nullptr; ///< null for help on a group
    std::vector<Value> options;       ///< the command's own: given, from the environment or default
    std::vector<Value> arguments;
    std::vector<Value> host; ///< --format, --dry-run and Tool::globals, as far as they have a value

    const Value *option(std::string_view name) const;
    const Value *host_option(std::string_view name) const;
};

using Environment = std::function<std::optional<std::string>(std::string_view)>;

/// `args` without argv[0]. Every error is K2S_E_USAGE and starts with the tool's name.
/// A tool or group without a command asks for help (Action::help). When an option that is not
/// repeatable is given twice the last one counts, as in the original tools.
Result<Invocation> parse_command_line(const Tool &tool, std::span<const std::string> args,
                                      const Environment &environment);

// --- help, completion, man ---

struct TextStyle {
    int width = 80; ///< columns of the terminal; at most 100 are used
    bool color = false;
};

/// Whether to colour: NO_COLOR and TERM=dumb switch it off, `terminal` tells of the stream.
bool wants_color(bool terminal, const Environment &environment);

/// `path` below the tool's root; an unknown one is K2S_E_USAGE with a suggestion.
Result<std::string> help_text(const Tool &tool, std::span<const std::string> path,
                              const TextStyle &style);

/// "bash" or "powershell"; other shells are K2S_E_USAGE.
Result<std::string> completion_script(const Tool &tool, std::string_view shell);

struct ManPage {
    std::string file; ///< "k2s-plugin.1"
    std::string text; ///< roff, man macros
};

/// A preset has one page with all its commands; a tool with an empty root, k2s, has one page that
/// lists the words below it and one page for each of them.
std::vector<ManPage> man_pages(const Tool &tool);

// --- results ---

enum class Format : uint8_t { text, json, yaml };

Result<Format> parse_format(std::string_view name);

/// A command's result, ending in a newline. Text: a table for a list of flat objects, "key: value"
/// lines for an object, deeper levels indented.
std::string render(const nlohmann::ordered_json &data, Format format, const TextStyle &style);

// --- exit codes ---

struct CommonExitCode {
    int code;
    std::string_view text;
};

/// What every tool ends with; commands may add their own (Command::exit_codes).
std::span<const CommonExitCode> common_exit_codes();

} // namespace k2s::core
