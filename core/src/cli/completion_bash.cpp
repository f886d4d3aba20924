// SPDX-License-Identifier: MIT
// A static script: it needs neither the tool nor the bash-completion package to run.
#include <algorithm>

#include "cli/completion.hpp"

namespace k2s::core {
namespace {

// Readline splits at "=", so "--format=js" arrives as three words.
constexpr std::string_view k_head = R"(# bash completion for {tool}
{function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path='' i
    local words='' options='' values='' kind=''
    COMPREPLY=()
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path/${{COMP_WORDS[i]}}" in
        {paths}) path="$path/${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$path" in
)";

constexpr std::string_view k_tail = R"(    esac
    if [[ -n $kind ]]; then
        case "$kind" in
        words) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur") ;;
        files)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames 2>/dev/null
            ;;
        esac
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [[ $words == '<files>' ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    fi
}}
complete -F {function} {tool} {tool}.exe
)";

std::string function_name(std::string_view tool) {
    std::string name = "_";
    for (const char c : tool) {
        name += c == '-' || c == '.' ? '_' : c;
    }
    return name;
}

std::string words_of(const CompletedNode &node) {
    std::vector<std::string_view> words;
    for (const auto &child : node.children) {
        words.push_back(child.word);
    }
    words.insert(words.end(), node.argument_choices.begin(), node.argument_choices.end());
    return words.empty() && node.argument_is_file ? "<files>"
                                                  : fmt::format("{}", fmt::join(words, " "));
}

std::string node_case(const CompletedNode &node) {
    std::vector<std::string_view> shown;
    for (const auto &option : node.options) {
        shown.push_back(option.shown);
    }
    auto text = fmt::format("    '{}')\n        words='{}'\n        options='{}'\n        case "
                            "\"$prev\" in\n",
                            node.path, words_of(node), fmt::join(shown, " "));
    for (const auto &option : node.options) {
        if (!option.takes_value) {
            continue;
        }
        text += fmt::format("        {})", fmt::join(option.spellings, "|"));
        if (!option.choices.empty()) {
            text += fmt::format(" kind=words values='{}'", fmt::join(option.choices, " "));
        } else {
            text += option.takes_file ? " kind=files" : " kind=none";
        }
        text += " ;;\n";
    }
    return text + "        esac\n        ;;\n";
}

} // namespace

std::string completion_bash(const Tool &tool) {
    const auto nodes = completed_nodes(tool);
    std::vector<std::string_view> paths;
    for (const auto &node : nodes) {
        if (!node.path.empty()) {
            paths.push_back(node.path);
        }
    }
    const auto function = function_name(tool.name);
    auto script = fmt::format(
        fmt::runtime(k_head), fmt::arg("tool", tool.name), fmt::arg("function", function),
        fmt::arg("paths", paths.empty() ? "/" : fmt::format("{}", fmt::join(paths, "|"))));
    for (const auto &node : nodes) {
        script += node_case(node);
    }
    script += fmt::format(fmt::runtime(k_tail), fmt::arg("tool", tool.name),
                          fmt::arg("function", function));
    return script;
}

} // namespace k2s::core
