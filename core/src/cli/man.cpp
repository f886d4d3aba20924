// SPDX-License-Identifier: MIT
// Man pages in the macros of man(7), escaped as groff_char(7) and groff_man_style(7) advise.
#include <algorithm>
#include <iterator>

#include "cli/cli.hpp"
#include "cli/describe.hpp"
#include "cli/text.hpp"
#include "cli/tree.hpp"

namespace k2s::core {
namespace {

/// Text of one line: no character of it means something to roff. Non-ASCII ones are named, so that
/// the page does not depend on the encoding that the formatter assumes.
std::string escape(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const char32_t c = next_character(text);
        switch (c) {
        case '\\':
            result += "\\e";
            break;
        case '-':
            result += "\\-";
            break;
        case '\'':
            result += "\\(aq";
            break;
        case '`':
            result += "\\(ga";
            break;
        case '^':
            result += "\\(ha";
            break;
        case '~':
            result += "\\(ti";
            break;
        case '"':
            result += "\\(dq";
            break;
        case '\t':
        case '\n':
            result += ' ';
            break;
        default:
            if (c < 0x20 || c == 0x7F) {
                result += '?';
            } else if (c < 0x80) {
                result += static_cast<char>(c);
            } else {
                fmt::format_to(std::back_inserter(result), "\\[u{:04X}]", static_cast<uint32_t>(c));
            }
        }
    }
    return result;
}

class Roff {
  public:
    void request(std::string_view macro, std::string_view argument = {}) {
        out_ += '.';
        out_ += macro;
        if (!argument.empty()) {
            fmt::format_to(std::back_inserter(out_), " \"{}\"", escape(argument));
        }
        out_ += '\n';
    }

    /// One input line of text; a control character in front would make it a request.
    void line(std::string_view text) {
        const auto escaped = escape(text);
        if (escaped.starts_with('.')) {
            out_ += "\\&";
        }
        raw(escaped);
    }

    /// Lines as they are, already escaped.
    void raw(std::string_view text) {
        out_ += text;
        out_ += '\n';
    }

    /// Paragraphs; lines that start with a blank keep their form.
    void paragraphs(std::string_view text) {
        bool is_literal = false;
        while (!text.empty()) {
            const auto newline = text.find('\n');
            const auto one = text.substr(0, newline);
            text =
                newline == std::string_view::npos ? std::string_view() : text.substr(newline + 1);
            const bool wants_literal = one.starts_with(' ');
            if (wants_literal != is_literal) {
                request(wants_literal ? "EX" : "EE");
                is_literal = wants_literal;
            }
            if (one.empty()) {
                request("PP");
            } else {
                line(one);
            }
        }
        if (is_literal) {
            request("EE");
        }
    }

    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

void add_options(Roff &page, const std::vector<Offered> &offered, bool own, Style style) {
    for (const auto &each : offered) {
        if ((each.role == Role::own) != own || each.option->hidden) {
            continue;
        }
        const auto [spellings, value] = label(each, style);
        std::string tag;
        for (const auto &spelling : spellings) {
            tag += fmt::format("{}\\fB{}\\fR", tag.empty() ? "" : ", ", escape(spelling));
        }
        if (!value.empty()) {
            tag += fmt::format(" \\fI{}\\fR", escape(value));
        }
        page.request("TP");
        page.raw(tag);
        page.line(explanation(*each.option));
    }
}

/// What one command says about itself; headings are the caller's.
void add_command(Roff &page, const Tool &tool, Path path, const Command &command) {
    page.request("PP");
    page.raw(fmt::format("\\fB{}\\fR", escape(synopsis(tool, path))));
    page.request("PP");
    page.line(command.summary);
    if (!command.description.empty()) {
        page.request("PP");
        page.paragraphs(command.description);
    }
    for (const auto &argument : command.arguments) {
        page.request("TP");
        page.raw(fmt::format("\\fI{}\\fR", escape(argument.name)));
        page.line(explanation(argument));
    }
    add_options(page, options_at(tool, path), true, command.style);
}

struct Place {
    std::vector<std::string> path;
    const Command *command;
};

/// The visible commands at and below `path`.
void collect(const Tool &tool, std::vector<std::string> &path, std::vector<Place> &to) {
    if (const auto *command = command_at(tool, path); command != nullptr && !command->hidden) {
        to.push_back({path, command});
    }
    for (const auto &child : children_of(tool, path)) {
        if (!child.hidden) {
            path.emplace_back(child.word);
            collect(tool, path, to);
            path.pop_back();
        }
    }
}

void add_codes(Roff &page, const std::vector<ExitCode> &codes) {
    for (const auto &[code, text] : codes) {
        page.request("TP");
        page.raw(fmt::format("\\fB{}\\fR", code));
        page.line(text);
    }
}

/// `command`: the only one of the page, or null when each names its own codes.
void add_exit_status(Roff &page, const Command *command) {
    page.request("SH", "EXIT STATUS");
    add_codes(page, exit_codes_of(command));
}

void add_environment(Roff &page, const std::vector<Place> &places) {
    std::vector<std::string> names;
    for (const auto &place : places) {
        for (const auto &option : place.command->options) {
            if (option.env.empty() || option.hidden ||
                std::find(names.begin(), names.end(), option.env) != names.end()) {
                continue;
            }
            if (names.empty()) {
                page.request("SH", "ENVIRONMENT");
            }
            names.push_back(option.env);
            page.request("TP");
            page.raw(fmt::format("\\fB{}\\fR", escape(option.env)));
            page.line(fmt::format("Used for the option {} when that is not given.",
                                  spelled(option.name, place.command->style)));
        }
    }
}

void add_examples(Roff &page, const Tool &tool, const std::vector<Place> &places) {
    bool is_first = true;
    for (const auto &place : places) {
        for (const auto &example : place.command->examples) {
            if (is_first) {
                page.request("SH", "EXAMPLES");
                is_first = false;
            }
            page.request("PP");
            if (!example.text.empty()) {
                page.line(example.text);
            }
            page.request("EX");
            page.line("  " + example_line(tool, *place.command, example));
            page.request("EE");
        }
    }
}

std::string page_name(const Tool &tool, Path path) {
    auto name = tool.name;
    for (const auto &word : path) {
        name += '-';
        name += word;
    }
    return name;
}

void add_head(Roff &page, const Tool &tool, std::string_view name, std::string_view summary) {
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    // No date: the same input gives the same page.
    page.raw(fmt::format(".TH \"{}\" \"1\" \"\" \"{}\" \"K2s\"", escape(upper),
                         escape(fmt::format("{} {}", tool.name, tool.version))));
    page.request("SH", "NAME");
    page.raw(fmt::format("{} \\- {}", escape(name), escape(summary)));
}

/// The page of everything at and below `path`.
ManPage page_for(const Tool &tool, std::vector<std::string> path, std::string_view summary) {
    std::vector<Place> places;
    collect(tool, path, places);
    const auto name = page_name(tool, path);
    const bool is_one = places.size() == 1 && places.front().path == path;
    const auto style = places.empty() ? Style::posix : places.front().command->style;

    Roff page;
    add_head(page, tool, name, summary);
    page.request("SH", "SYNOPSIS");
    page.raw(fmt::format("\\fB{}\\fR", escape(synopsis(tool, path))));
    if (path.empty() && !tool.description.empty()) {
        page.request("SH", "DESCRIPTION");
        page.paragraphs(tool.description);
    }
    page.request("SH", is_one ? "OPTIONS" : "COMMANDS");
    for (const auto &place : places) {
        if (!is_one) {
            page.request("SS", full_name(tool, place.path));
        }
        add_command(page, tool, place.path, *place.command);
        if (!is_one && !place.command->exit_codes.empty()) {
            page.request("PP");
            page.line("Exit status, besides or instead of the common ones:");
            add_codes(page, place.command->exit_codes);
        }
    }
    page.request("SH", "COMMON OPTIONS");
    // Those of the command itself where there is one only: --format is not for all of a group.
    add_options(page, options_at(tool, is_one ? places.front().path : path), false, style);
    add_environment(page, places);
    add_examples(page, tool, places);
    add_exit_status(page, is_one ? places.front().command : nullptr);
    return {name + ".1", page.take()};
}

/// The page of k2s itself: what there is, and where to read about it.
ManPage index_page(const Tool &tool) {
    Roff page;
    add_head(page, tool, tool.name, tool.summary);
    page.request("SH", "SYNOPSIS");
    page.raw(fmt::format("\\fB{}\\fR", escape(synopsis(tool, {}))));
    if (!tool.description.empty()) {
        page.request("SH", "DESCRIPTION");
        page.paragraphs(tool.description);
    }
    page.request("SH", "COMMANDS");
    std::string others;
    for (const auto &child : children_of(tool, {})) {
        if (child.hidden) {
            continue;
        }
        const std::vector<std::string> path{std::string(child.word)};
        page.request("TP");
        page.raw(fmt::format("\\fB{}\\fR", escape(child.word)));
        page.line(child.summary);
        others += fmt::format("{}\\fB{}\\fR(1)", others.empty() ? "" : ", ",
                              escape(page_name(tool, path)));
    }
    page.request("SH", "OPTIONS");
    add_options(page, options_at(tool, {}), false, Style::posix);
    add_exit_status(page, nullptr);
    if (!others.empty()) {
        page.request("SH", "SEE ALSO");
        page.raw(others);
    }
    return {tool.name + ".1", page.take()};
}

} // namespace

std::vector<ManPage> man_pages(const Tool &tool) {
    std::vector<ManPage> pages;
    if (!tool.root.empty()) {
        const auto *command = command_at(tool, {});
        pages.push_back(page_for(tool, {}, command != nullptr ? command->summary : tool.summary));
        return pages;
    }
    pages.push_back(index_page(tool));
    for (const auto &child : children_of(tool, {})) {
        if (!child.hidden) {
            pages.push_back(page_for(tool, {std::string(child.word)}, child.summary));
        }
    }
    return pages;
}

} // namespace k2s::core
