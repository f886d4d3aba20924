// SPDX-License-Identifier: MIT
#include <algorithm>

#include "cli/cli.hpp"
#include "cli/describe.hpp"
#include "cli/text.hpp"
#include "cli/tree.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_width = 100;
constexpr std::size_t k_min_width = 40;
constexpr std::size_t k_max_left = 30; // columns of the left part of a row

struct Row {
    std::string left;
    std::string right;
};

/// Lines of one help text.
class Page {
  public:
    explicit Page(const TextStyle &style)
        : width_(
              std::clamp<std::size_t>(style.width > 0 ? static_cast<std::size_t>(style.width) : 0,
                                      k_min_width, k_max_width)),
          color_(style.color) {}

    void paragraph(std::string_view text) {
        for (const auto &line : wrap(text, width_)) {
            out_ += line;
            out_ += '\n';
        }
    }

    void title(std::string_view text) {
        out_ += color_ ? fmt::format("\n\x1b[1m{}\x1b[0m\n", text) : fmt::format("\n{}\n", text);
    }

    /// "Usage: name …", continued below its own start.
    void usage(std::string_view text) {
        constexpr std::string_view k_head = "Usage: ";
        const auto lines = wrap(text, width_ - k_head.size() - 2);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            out_ += i == 0 ? k_head : std::string_view("         ");
            out_ += lines[i];
            out_ += '\n';
        }
    }

    void rows(const std::vector<Row> &rows) {
        std::size_t column = 0;
        for (const auto &row : rows) {
            if (const auto left = display_width(row.left); left <= k_max_left) {
                column = std::max(column, left);
            }
        }
        column = (column == 0 ? 4 : column) + 4;
        for (const auto &row : rows) {
            out_ += "  ";
            out_ += row.left;
            auto used = 2 + display_width(row.left);
            if (used + 2 > column && !row.right.empty()) {
                out_ += '\n';
                used = 0;
            }
            for (const auto &line : wrap(row.right, width_ - column)) {
                out_.append(column - used, ' ');
                out_ += line;
                out_ += '\n';
                used = 0;
            }
            if (row.right.empty()) {
                out_ += '\n';
            }
        }
    }

    void indented(std::string_view text, std::size_t indent) {
        for (const auto &line : wrap(text, width_ - indent)) {
            out_.append(indent, ' ');
            out_ += line;
            out_ += '\n';
        }
    }

    void line(std::string_view text) {
        out_ += text;
        out_ += '\n';
    }

    std::string take() { return std::move(out_); }

  private:
    std::size_t width_;
    bool color_;
    std::string out_;
};

void add_options(Page &page, std::string_view title, const std::vector<Offered> &offered, bool own,
                 Style style) {
    std::vector<Row> rows;
    for (const auto &each : offered) {
        if ((each.role == Role::own) != own || each.option->hidden) {
            continue;
        }
        const auto [spellings, value] = label(each, style);
        // Room for a short form keeps the long ones in one column.
        auto left =
            fmt::format("{}{}", spellings.size() == 1 && style == Style::posix ? "    " : "",
                        fmt::join(spellings, ", "));
        if (!value.empty()) {
            left += ' ';
            left += value;
        }
        rows.push_back({std::move(left), explanation(*each.option)});
    }
    if (!rows.empty()) {
        page.title(title);
        page.rows(rows);
    }
}

void add_commands(Page &page, std::string_view title, const std::vector<Child> &children,
                  bool of_plugin) {
    std::vector<Row> rows;
    for (const auto &child : children) {
        if (!child.hidden && child.of_plugin == of_plugin) {
            rows.push_back({std::string(child.word), child.summary});
        }
    }
    if (!rows.empty()) {
        page.title(title);
        page.rows(rows);
    }
}

/// The text below the usage line.
void add_introduction(Page &page, const Tool &tool, Path path, const Command *command) {
    std::string summary;
    std::string description;
    if (command != nullptr) {
        summary = command->summary;
        description = command->description;
    } else if (path.empty()) {
        summary = tool.summary;
        description = tool.description;
    } else {
        for (const auto &child : children_of(tool, path.first(path.size() - 1))) {
            if (child.word == path.back()) {
                summary = child.summary;
            }
        }
    }
    for (const auto &text : {summary, description}) {
        if (!text.empty()) {
            page.line("");
            page.paragraph(text);
        }
    }
}

void add_examples(Page &page, const Tool &tool, const Command &command) {
    if (command.examples.empty()) {
        return;
    }
    page.title("Examples:");
    for (const auto &example : command.examples) {
        page.line(fmt::format("  {}", example_line(tool, command, example)));
        if (!example.text.empty()) {
            page.indented(example.text, 4);
        }
    }
}

} // namespace

bool wants_color(bool terminal, const Environment &environment) {
    const auto value = [&](std::string_view name) {
        return environment ? environment(name).value_or("") : std::string();
    };
    // no-color.org: any value but the empty one.
    return terminal && value("NO_COLOR").empty() && value("TERM") != "dumb";
}

Result<std::string> help_text(const Tool &tool, Path path, const TextStyle &style) {
    const auto *command = command_at(tool, path);
    const auto children = children_of(tool, path);
    if (command == nullptr && children.empty()) {
        return fail(K2S_E_USAGE, "{}: unknown command; see '{} --help'", full_name(tool, path),
                    tool.name);
    }
    Page page(style);
    const auto spelling = style_at(command);
    page.usage(synopsis(tool, path));
    if (command != nullptr && !children.empty()) {
        page.usage(full_name(tool, path) + " <command> [options]");
    }
    add_introduction(page, tool, path, command);

    const bool has_both =
        std::any_of(children.begin(), children.end(), [](auto &c) { return c.of_plugin; }) &&
        std::any_of(children.begin(), children.end(), [](auto &c) { return !c.of_plugin; });
    add_commands(page, has_both ? "Commands of the host:" : "Commands:", children, false);
    add_commands(page, has_both ? "Commands of plugins:" : "Commands:", children, true);

    if (command != nullptr && !command->arguments.empty()) {
        std::vector<Row> rows;
        for (const auto &argument : command->arguments) {
            rows.push_back({argument.name, explanation(argument)});
        }
        page.title("Arguments:");
        page.rows(rows);
    }
    const auto offered = options_at(tool, path);
    add_options(page, "Options:", offered, true, spelling);
    const bool has_own = command != nullptr && !command->options.empty();
    add_options(page, has_own ? "Common options:" : "Options:", offered, false, spelling);
    if (command != nullptr) {
        add_examples(page, tool, *command);
        page.title("Exit codes:");
        std::vector<Row> rows;
        for (const auto &[code, text] : exit_codes_of(command)) {
            rows.push_back({fmt::to_string(code), text});
        }
        page.rows(rows);
    } else {
        page.line("");
        page.line(fmt::format("'{} <command> --help' shows more about one of them.",
                              full_name(tool, path)));
    }
    return page.take();
}

} // namespace k2s::core
