// SPDX-License-Identifier: MIT
#include "cli/completion.hpp"

#include <algorithm>

#include "cli/describe.hpp"
#include "cli/text.hpp"

namespace k2s::core {
namespace {

std::vector<std::string> safe_words(const std::vector<std::string> &words) {
    std::vector<std::string> result;
    std::copy_if(words.begin(), words.end(), std::back_inserter(result),
                 [](const std::string &word) { return is_shell_word(word); });
    return result;
}

CompletedOption complete_option(const Offered &each, Style style) {
    const auto &option = *each.option;
    CompletedOption result;
    result.shown = spelled(option.name, style);
    result.help = option.help;
    result.takes_value = option.type != ValueType::boolean;
    result.takes_file = option.type == ValueType::path;
    result.choices = safe_words(option.choices);
    result.spellings = {"-" + option.name, "--" + option.name};
    if (!each.short_name.empty()) {
        result.spellings.push_back(fmt::format("-{}", each.short_name));
    }
    return result;
}

void collect(const Tool &tool, std::vector<std::string> &path, std::vector<CompletedNode> &to) {
    CompletedNode node;
    for (const auto &word : path) {
        node.path += '/';
        node.path += word;
    }
    const auto *command = command_at(tool, path);
    for (const auto &child : children_of(tool, path)) {
        if (!child.hidden) {
            node.children.push_back(child);
        }
    }
    for (const auto &each : options_at(tool, path)) {
        if (!each.option->hidden) {
            node.options.push_back(complete_option(each, style_at(command)));
        }
    }
    if (command != nullptr && !command->arguments.empty()) {
        // Which argument the cursor is at is not counted: the first is the usual one.
        const auto &argument = command->arguments.front();
        node.argument_choices = safe_words(argument.choices);
        node.argument_is_file = argument.type == ValueType::path;
    }
    const auto children = node.children;
    to.push_back(std::move(node));
    for (const auto &child : children) {
        path.emplace_back(child.word);
        collect(tool, path, to);
        path.pop_back();
    }
}

} // namespace

bool is_shell_word(std::string_view word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-./:@%+,=").find(c) != std::string_view::npos;
    });
}

std::vector<CompletedNode> completed_nodes(const Tool &tool) {
    std::vector<CompletedNode> nodes;
    std::vector<std::string> path;
    collect(tool, path, nodes);
    return nodes;
}

Result<std::string> completion_script(const Tool &tool, std::string_view shell) {
    if (shell == "bash") {
        return completion_bash(tool);
    }
    if (shell == "powershell") {
        return completion_powershell(tool);
    }
    return fail(K2S_E_USAGE, "no completion for the shell {}; use bash or powershell",
                quote(shell));
}

} // namespace k2s::core
