// SPDX-License-Identifier: MIT
// A static script for Windows PowerShell 5.1 and PowerShell 7.
#include "cli/completion.hpp"
#include "cli/text.hpp"

namespace k2s::core {
namespace {

constexpr std::string_view k_tail =
    R"ps(    $words = @($commandAst.CommandElements | ForEach-Object { $_.ToString() })
    # The word under the cursor is not finished: it does not lead anywhere yet.
    $count = $words.Count
    if ($wordToComplete -ne '') { $count-- }
    $path = ''
    for ($i = 1; $i -lt $count; $i++) {
        if ($nodes.ContainsKey("$path/$($words[$i])")) { $path = "$path/$($words[$i])" }
    }
    $node = $nodes[$path]
    $previous = if ($count -gt 1) { $words[$count - 1] } else { '' }
    if ($node.Values.ContainsKey($previous)) {
        $candidates = @($node.Values[$previous] | ForEach-Object { , @($_, $_) })
    } elseif ($wordToComplete.StartsWith('-')) {
        $candidates = $node.Options
    } else {
        $candidates = $node.Words
    }
    # No candidate: PowerShell goes on with file names.
    foreach ($candidate in $candidates) {
        if ($candidate[0].StartsWith($wordToComplete, [StringComparison]::OrdinalIgnoreCase)) {
            [System.Management.Automation.CompletionResult]::new(
                $candidate[0], $candidate[0], 'ParameterValue', $candidate[1])
        }
    }
}
)ps";

/// A single-quoted literal. The typographic quotes end one too and are doubled as well.
std::string literal(std::string_view text) {
    std::string result = "'";
    const auto clean = printable(text, false);
    for (std::string_view rest = clean; !rest.empty();) {
        const auto before = rest;
        const char32_t c = next_character(rest);
        const auto bytes = before.substr(0, before.size() - rest.size());
        result += bytes;
        if (c == '\'' || (c >= 0x2018 && c <= 0x201B)) {
            result += bytes;
        }
    }
    return result + "'";
}

/// A candidate and its tooltip, which must not be empty.
std::string pair(std::string_view word, std::string_view text) {
    return fmt::format("@({}, {})", literal(word), literal(text.empty() ? word : text));
}

std::string node_entry(const CompletedNode &node) {
    std::vector<std::string> words;
    for (const auto &child : node.children) {
        words.push_back(pair(child.word, child.summary));
    }
    for (const auto &choice : node.argument_choices) {
        words.push_back(pair(choice, choice));
    }
    std::vector<std::string> options;
    std::vector<std::string> values;
    for (const auto &option : node.options) {
        options.push_back(pair(option.shown, option.help));
        if (!option.takes_value) {
            continue;
        }
        std::vector<std::string> choices;
        for (const auto &choice : option.choices) {
            choices.push_back(literal(choice));
        }
        for (const auto &spelling : option.spellings) {
            // Keys of a hash table ignore case; -f and -F would be the same key.
            values.push_back(
                fmt::format("$values.Add({}, @({}))", literal(spelling), fmt::join(choices, ", ")));
        }
    }
    const auto list = [](const std::vector<std::string> &items) {
        std::string text = "@(";
        for (const auto &item : items) {
            text += fmt::format("\n            , {}", item);
        }
        return text + ")";
    };
    auto text =
        std::string("    $values = [System.Collections.Generic.Dictionary[string, object]]::new("
                    "[StringComparer]::Ordinal)\n");
    for (const auto &value : values) {
        text += fmt::format("    {}\n", value);
    }
    return text + fmt::format("    $nodes[{}] = @{{\n        Words = {}\n        Options = {}\n"
                              "        Values = $values\n    }}\n",
                              literal(node.path), list(words), list(options));
}

} // namespace

std::string completion_powershell(const Tool &tool) {
    auto script = fmt::format("# PowerShell completion for {0}\n"
                              "Register-ArgumentCompleter -Native -CommandName {1}, {2} "
                              "-ScriptBlock {{\n"
                              "    param($wordToComplete, $commandAst, $cursorPosition)\n"
                              "    $nodes = @{{}}\n",
                              tool.name, literal(tool.name), literal(tool.name + ".exe"));
    for (const auto &node : completed_nodes(tool)) {
        script += node_entry(node);
    }
    return script + std::string(k_tail);
}

} // namespace k2s::core
