// SPDX-License-Identifier: MIT
/// \file
/// Tools for the tests: the original tools' flags (names, types and defaults as they have them) and
/// a small `k2s`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace k2s::core::test {

inline Option make_option(std::string name, ValueType type, nlohmann::json fallback = nullptr,
                          std::string short_name = {}) {
    Option option;
    option.name = std::move(name);
    option.type = type;
    option.default_value = std::move(fallback);
    option.short_name = std::move(short_name);
    option.help = "help of it";
    return option;
}

inline Option repeated(Option option) {
    option.repeat = true;
    return option;
}

inline Option required(Option option) {
    option.required = true;
    return option;
}

inline Command make_command(std::vector<std::string> path, Style style,
                            std::vector<Option> options) {
    Command command;
    command.path = std::move(path);
    command.style = style;
    command.options = std::move(options);
    command.summary = "does " + command.path.back();
    command.feature = command.path.front();
    return command;
}

inline Argument make_argument(std::string name, ValueType type, bool is_required, bool repeat) {
    Argument argument;
    argument.name = std::move(name);
    argument.type = type;
    argument.required = is_required;
    argument.repeat = repeat;
    argument.help = "help of the argument";
    return argument;
}

/// The tools of REFERENCE 2.1 to 2.11 that have flags.
inline const std::vector<Command> &original_tools() {
    using enum ValueType;
    static const std::vector<Command> commands = [] {
        std::vector<Command> all;
        all.push_back(make_command(
            {"httpproxy"}, Style::go,
            {make_option("verbose", boolean, true), make_option("addr", address, ":8181"),
             make_option("forwardproxy", url, ""), repeated(make_option("allowed-cidr", cidr))}));
        all.push_back(
            make_command({"vfprules"}, Style::go, {required(make_option("portid", string))}));
        all.push_back(make_command({"l4proxy"}, Style::go,
                                   {required(make_option("podname", string)),
                                    required(make_option("namespace", string)),
                                    required(make_option("endpointid", string))}));
        all.push_back(make_command({"cloudinitisobuilder"}, Style::go,
                                   {required(make_option("sourceDir", path)),
                                    required(make_option("targetFilePath", path))}));
        all.push_back(make_command({"devgon", "install"}, Style::posix,
                                   {required(make_option("inf-path", path, nullptr, "p")),
                                    required(make_option("hardware-id", string, nullptr, "i"))}));
        all.push_back(
            make_command({"devgon", "remove"}, Style::posix,
                         {required(make_option("hardware-instance-id", string, nullptr, "i")),
                          make_option("verbosity", string, "info", "v"),
                          make_option("quick", boolean, nullptr, "q")}));
        auto launcher = make_command(
            {"cplauncher"}, Style::go,
            {make_option("compartment", integer, 0), make_option("label", string, ""),
             make_option("namespace", string, ""), make_option("label-timeout", duration, "20s"),
             make_option("dll", path, ""), make_option("export", string, "SetTargetCompartmentId"),
             make_option("self-env", boolean, false), make_option("no-inject", boolean, false),
             make_option("env-name", string, "COMPARTMENT_ID"),
             make_option("dry-run", boolean, false), make_option("verbosity", string, "info", "v"),
             make_option("logs-keep", integer, 30), make_option("log-max-age", duration, ""),
             make_option("wait-tree", boolean, false),
             make_option("legacy-inject", boolean, false)});
        launcher.arguments = {make_argument("target", string, true, true)};
        all.push_back(std::move(launcher));
        auto yaml = make_command(
            {"yaml2json"}, Style::go,
            {make_option("input", path, nullptr, "i"), make_option("output", path, nullptr, "o"),
             make_option("indent", boolean, false), make_option("verbosity", string, "info")});
        yaml.options[3].env = "YAML2JSON_VERBOSITY";
        yaml.arguments = {make_argument("file", path, false, false)};
        all.push_back(std::move(yaml));
        all.push_back(make_command({"zap"}, Style::go, {required(make_option("folder", path))}));
        return all;
    }();
    return commands;
}

inline const std::vector<Command> &host_commands() {
    static const std::vector<Command> commands = [] {
        std::vector<Command> all;
        auto list = make_command({"plugin", "list"}, Style::posix, {});
        list.output = Output::data;
        auto info = make_command({"plugin", "info"}, Style::posix,
                                 {make_option("output", ValueType::choice, "text", "o")});
        info.options[0].choices = {"text", "json", "wide"};
        info.arguments = {make_argument("id", ValueType::string, true, false)};
        info.output = Output::data;
        auto install = make_command({"install"}, Style::posix,
                                    {make_option("master-memory", ValueType::size, "6GiB"),
                                     make_option("share", ValueType::real, 0.5),
                                     make_option("wait", ValueType::duration, "30s", "w"),
                                     make_option("all", ValueType::boolean, nullptr, "a"),
                                     make_option("force", ValueType::boolean, nullptr, "f")});
        install.dry_run = true;
        install.exit_codes = {{3, "the configuration cannot be installed"}, {20, "reboot needed"}};
        install.examples = {{"k2s install --master-memory 8G", "A larger control plane."}};
        install.description = "Paragraph one.\n\n  literal line\nBack\\slash, 'quotes' and .dots.";
        auto only = make_command({"install", "buildonly"}, Style::posix, {});
        auto secret = make_command({"secret"}, Style::posix, {});
        secret.hidden = true;
        for (auto *command : {&list, &info, &install, &only, &secret}) {
            command->feature.clear();
            all.push_back(std::move(*command));
        }
        return all;
    }();
    return commands;
}

/// The preset of one word.
inline Tool preset(const std::string &name) {
    Tool tool;
    tool.name = name;
    tool.version = "2.0.0";
    tool.summary = "does " + name;
    tool.root = {name};
    tool.globals = standard_globals();
    for (const auto &command : original_tools()) {
        tool.commands.push_back(&command);
    }
    return tool;
}

inline Tool k2s_tool() {
    Tool tool;
    tool.name = "k2s";
    tool.version = "2.0.0";
    tool.summary = "Runs the features of K2s";
    tool.groups = {{{"plugin"}, "show and switch plugins"}};
    tool.globals = standard_globals();
    for (const auto *list : {&host_commands(), &original_tools()}) {
        for (const auto &command : *list) {
            tool.commands.push_back(&command);
        }
    }
    return tool;
}

inline Environment environment(std::map<std::string, std::string, std::less<>> variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto place = variables.find(name);
        return place == variables.end() ? std::nullopt : std::optional(place->second);
    };
}

} // namespace k2s::core::test
