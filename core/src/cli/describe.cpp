// SPDX-License-Identifier: MIT
#include "cli/describe.hpp"

#include <algorithm>

namespace k2s::core {
namespace {

std::string text_of(const nlohmann::json &value) {
    if (value.is_string()) {
        return value.get_ref<const std::string &>();
    }
    if (!value.is_array()) {
        return value.dump();
    }
    std::string list;
    for (const auto &item : value) {
        list += list.empty() ? "" : ", ";
        list += text_of(item);
    }
    return list;
}

void add_note(std::string &to, std::string_view note) {
    to += fmt::format("{}({})", to.empty() ? "" : " ", note);
}

} // namespace

Style style_at(const Command *command) {
    return command != nullptr ? command->style : Style::posix;
}

OptionLabel label(const Offered &offered, Style style) {
    const auto &option = *offered.option;
    OptionLabel result;
    if (!offered.short_name.empty()) {
        result.spellings.push_back(fmt::format("-{}", offered.short_name));
    }
    result.spellings.push_back(spelled(option.name, style));
    if (option.type != ValueType::boolean) {
        result.value = value_word(option);
    }
    return result;
}

std::string explanation(const Option &option) {
    auto text = option.help;
    if (!option.choices.empty() && !option.metavar.empty()) {
        add_note(text, fmt::format("one of {}", fmt::join(option.choices, ", ")));
    }
    if (option.required) {
        add_note(text, "required");
    }
    if (option.repeat) {
        add_note(text, "may be repeated");
    }
    const auto fallback = text_of(option.default_value);
    const bool is_off = option.default_value.is_null() || fallback.empty() || fallback == "false";
    if (!is_off) {
        add_note(text, fmt::format("default: {}", fallback));
    }
    if (!option.env.empty()) {
        add_note(text, fmt::format("environment: {}", option.env));
    }
    return text;
}

std::string explanation(const Argument &argument) {
    auto text = argument.help;
    if (!argument.choices.empty()) {
        add_note(text, fmt::format("one of {}", fmt::join(argument.choices, ", ")));
    }
    return text;
}

std::string synopsis(const Tool &tool, Path path) {
    const auto *command = command_at(tool, path);
    auto line = full_name(tool, path);
    if (command == nullptr) {
        return line + " <command> [options]";
    }
    for (const auto &option : command->options) {
        if (option.required) {
            line += fmt::format(" {} {}", spelled(option.name, command->style), value_word(option));
        }
    }
    line += " [options]";
    if (command->style == Style::go && !command->arguments.empty() &&
        command->arguments.back().repeat) {
        line += " [--]";
    }
    for (const auto &argument : command->arguments) {
        const auto word = fmt::format("<{}>{}", argument.name, argument.repeat ? "..." : "");
        line += argument.required ? fmt::format(" {}", word) : fmt::format(" [{}]", word);
    }
    return line;
}

std::vector<ExitCode> exit_codes_of(const Command *command) {
    std::vector<ExitCode> codes;
    for (const auto &common : common_exit_codes()) {
        codes.push_back({common.code, std::string(common.text)});
    }
    for (const auto &own : command != nullptr ? command->exit_codes : std::vector<ExitCode>()) {
        const auto place = std::find_if(codes.begin(), codes.end(), [&](const ExitCode &each) {
            return each.code >= own.code;
        });
        if (place != codes.end() && place->code == own.code) {
            place->text = own.text;
        } else {
            codes.insert(place, own);
        }
    }
    return codes;
}

std::string example_line(const Tool &tool, const Command &command, const Example &example) {
    const auto &text = example.command;
    const auto first = std::string_view(text).substr(0, text.find(' '));
    if (tool.root.empty() && first == command.path.front() && first != tool.name) {
        return fmt::format("{} {}", tool.name, text);
    }
    return text;
}

} // namespace k2s::core
