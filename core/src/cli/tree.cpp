// SPDX-License-Identifier: MIT
#include "cli/tree.hpp"

#include <algorithm>

namespace k2s::core {
namespace {

/// The words of the command below the tool's root; nothing when it is not below it.
std::optional<Path> below_root(const Tool &tool, const Command &command) {
    const Path words = command.path;
    if (words.size() < tool.root.size() ||
        !std::equal(tool.root.begin(), tool.root.end(), words.begin())) {
        return std::nullopt;
    }
    return words.subspan(tool.root.size());
}

bool starts_with(Path words, Path prefix) {
    return words.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), words.begin());
}

std::string group_summary(const Tool &tool, Path path) {
    for (const auto &group : tool.groups) {
        if (std::equal(group.path.begin(), group.path.end(), path.begin(), path.end())) {
            return group.summary;
        }
    }
    std::string words;
    for (const auto &child : children_of(tool, path)) {
        if (!child.hidden) {
            words += words.empty() ? "" : ", ";
            words += child.word;
        }
    }
    return words;
}

Option make_switch(std::string name, std::string short_name, std::string help) {
    Option option;
    option.name = std::move(name);
    option.short_name = std::move(short_name);
    option.type = ValueType::boolean;
    option.help = std::move(help);
    return option;
}

const Option &help_option() {
    static const auto option = make_switch("help", "h", "show this help and exit");
    return option;
}

const Option &version_option() {
    static const auto option = make_switch("version", "", "show the version and exit");
    return option;
}

const Option &dry_run_option() {
    static const auto option =
        make_switch("dry-run", "", "show what would be done, as a plan, and change nothing");
    return option;
}

const Option &format_option() {
    static const Option option = [] {
        Option format;
        format.name = "format";
        format.type = ValueType::choice;
        format.choices = {"text", "json", "yaml"};
        format.default_value = "text";
        format.metavar = "FORMAT";
        format.help = "how the result is written";
        return format;
    }();
    return option;
}

/// Adds `option` where its name is free; its short form counts where that is free too.
void offer(std::vector<Offered> &to, const Option &option, Role role) {
    const auto has_name = [&](const Offered &each) { return each.option->name == option.name; };
    const auto has_short = [&](const Offered &each) {
        return each.short_name == option.short_name || each.option->name == option.short_name;
    };
    if (std::any_of(to.begin(), to.end(), has_name)) {
        return;
    }
    const bool is_free =
        !option.short_name.empty() && std::none_of(to.begin(), to.end(), has_short);
    to.push_back({&option, role, is_free ? std::string_view(option.short_name) : ""});
}

} // namespace

std::vector<Option> standard_globals() {
    std::vector<Option> options(3);
    options[0].name = "config";
    options[0].type = ValueType::path;
    options[0].metavar = "FILE";
    options[0].help = "configuration file, read after those of the system and the user";
    options[1].name = "set";
    options[1].repeat = true;
    options[1].metavar = "KEY=VALUE";
    options[1].help = "one setting, stronger than all files";
    options[2].name = "log-level";
    options[2].metavar = "LEVEL";
    options[2].help = "debug, info, warn or error";
    return options;
}

const Command *command_at(const Tool &tool, Path path) {
    for (const auto *command : tool.commands) {
        const auto words = below_root(tool, *command);
        if (words && words->size() == path.size() && starts_with(*words, path)) {
            return command;
        }
    }
    return nullptr;
}

bool has_child(const Tool &tool, Path path, std::string_view word) {
    return std::any_of(tool.commands.begin(), tool.commands.end(), [&](const Command *command) {
        const auto words = below_root(tool, *command);
        return words && words->size() > path.size() && starts_with(*words, path) &&
               (*words)[path.size()] == word;
    });
}

std::vector<Child> children_of(const Tool &tool, Path path) {
    std::vector<Child> children;
    for (const auto *command : tool.commands) {
        const auto words = below_root(tool, *command);
        if (!words || words->size() <= path.size() || !starts_with(*words, path)) {
            continue;
        }
        const std::string_view word = (*words)[path.size()];
        auto child = std::find_if(children.begin(), children.end(),
                                  [word](const Child &each) { return each.word == word; });
        if (child == children.end()) {
            children.push_back({word, {}, nullptr, !command->feature.empty(), true});
            child = children.end() - 1;
        }
        child->hidden = child->hidden && command->hidden;
        if (words->size() == path.size() + 1) {
            child->command = command;
            child->summary = command->summary;
        }
    }
    for (auto &child : children) {
        if (child.command == nullptr) {
            std::vector<std::string> place(path.begin(), path.end());
            place.emplace_back(child.word);
            child.summary = group_summary(tool, place);
        }
    }
    return children;
}

std::vector<Offered> options_at(const Tool &tool, Path path) {
    const auto *command = command_at(tool, path);
    std::vector<Offered> offered;
    offered.reserve(8 + tool.globals.size() + (command != nullptr ? command->options.size() : 0));
    if (command != nullptr) {
        for (const auto &option : command->options) {
            offered.push_back({&option, Role::own, option.short_name});
        }
        if (command->output == Output::data) {
            offer(offered, format_option(), Role::host);
        }
        if (command->dry_run) {
            offer(offered, dry_run_option(), Role::host);
        }
    }
    for (const auto &option : tool.globals) {
        offer(offered, option, Role::host);
    }
    offer(offered, help_option(), Role::help);
    if (path.empty()) {
        offer(offered, version_option(), Role::version);
    }
    return offered;
}

std::string full_name(const Tool &tool, Path path) {
    auto name = tool.name;
    for (const auto &word : path) {
        name += ' ';
        name += word;
    }
    return name;
}

std::string spelled(std::string_view option, Style style) {
    return fmt::format("{}{}", style == Style::go || option.size() == 1 ? "-" : "--", option);
}

std::string value_word(const Option &option) {
    if (!option.metavar.empty()) {
        return option.metavar;
    }
    switch (option.type) {
    case ValueType::boolean:
        return "BOOL";
    case ValueType::integer:
    case ValueType::real:
        return "N";
    case ValueType::path:
        return "PATH";
    case ValueType::duration:
        return "DURATION";
    case ValueType::size:
        return "SIZE";
    case ValueType::cidr:
        return "CIDR";
    case ValueType::url:
        return "URL";
    case ValueType::choice:
        return fmt::format("{}", fmt::join(option.choices, "|"));
    case ValueType::address:
        return "HOST:PORT";
    case ValueType::string:
        break;
    }
    return "TEXT";
}

} // namespace k2s::core
