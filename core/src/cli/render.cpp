// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "cli/cli.hpp"
#include "cli/render_yaml.hpp"
#include "cli/text.hpp"

namespace k2s::core {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t k_step = 2;

std::string scalar_text(const ordered_json &value, bool multi_line) {
    if (value.is_string()) {
        return printable(value.get_ref<const std::string &>(), multi_line);
    }
    if (value.is_null() || value.is_structured()) {
        return "-"; // of the structured ones only the empty ones get here
    }
    return value.dump();
}

/// Has a place in a table's cell: a scalar, or a list of scalars.
bool is_cell(const ordered_json &value) {
    if (!value.is_structured() || value.empty()) {
        return true;
    }
    return value.is_array() && std::none_of(value.begin(), value.end(), [](const ordered_json &v) {
               return v.is_structured();
           });
}

std::string cell_text(const ordered_json &value) {
    if (!value.is_array() || value.empty()) {
        return scalar_text(value, false);
    }
    std::string text;
    for (const auto &item : value) {
        text += text.empty() ? "" : ", ";
        text += scalar_text(item, false);
    }
    return text;
}

bool is_table(const ordered_json &value) {
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [](const ordered_json &row) {
               return row.is_object() && !row.empty() &&
                      std::all_of(row.begin(), row.end(), is_cell);
           });
}

class TextWriter {
  public:
    explicit TextWriter(bool color) : color_(color) {}

    void node(const ordered_json &value, std::size_t indent) {
        if (is_table(value)) {
            table(value, indent);
        } else if (value.is_object() && !value.empty()) {
            members(value, indent);
        } else if (value.is_array() && !value.empty()) {
            items(value, indent);
        } else {
            lines(value, indent);
        }
    }

    std::string take() { return std::move(out_); }

  private:
    void lines(const ordered_json &value, std::size_t indent) {
        const auto text = scalar_text(value, true);
        for (std::string_view rest = text;;) {
            const auto end = rest.find('\n');
            out_.append(indent, ' ');
            out_ += rest.substr(0, end);
            out_ += '\n';
            if (end == std::string_view::npos || end + 1 == rest.size()) {
                return;
            }
            rest.remove_prefix(end + 1);
        }
    }

    void members(const ordered_json &value, std::size_t indent) {
        std::size_t column = 0;
        for (const auto &[key, member] : value.items()) {
            if (is_cell(member)) {
                column = std::max(column, display_width(printable(key, false)) + 2);
            }
        }
        for (const auto &[key, member] : value.items()) {
            const auto name = printable(key, false);
            out_.append(indent, ' ');
            out_ += name;
            out_ += ':';
            const bool is_long = member.is_string() && member.get_ref<const std::string &>().find(
                                                           '\n') != std::string::npos;
            if (is_cell(member) && !is_long) {
                out_.append(column - display_width(name) - 1, ' ');
                out_ += cell_text(member);
                out_ += '\n';
            } else {
                out_ += '\n';
                node(member, indent + k_step);
            }
        }
    }

    void items(const ordered_json &value, std::size_t indent) {
        for (const auto &item : value) {
            if (!item.is_structured() || item.empty()) {
                lines(item, indent);
                continue;
            }
            // The first line of the item gets the mark in the place of its indentation.
            const auto begin = out_.size();
            node(item, indent + k_step);
            out_[begin + indent] = '-';
        }
    }

    void table(const ordered_json &rows, std::size_t indent) {
        std::vector<std::string> keys; // in the order of their first appearance
        for (const auto &row : rows) {
            for (const auto &[key, cell] : row.items()) {
                if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
                    keys.push_back(key);
                }
            }
        }
        std::vector<std::vector<std::string>> cells(rows.size() + 1);
        std::vector<std::size_t> widths(keys.size(), 0);
        for (std::size_t column = 0; column < keys.size(); ++column) {
            auto head = printable(keys[column], false);
            std::transform(head.begin(), head.end(), head.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            cells[0].push_back(std::move(head));
            for (std::size_t row = 0; row < rows.size(); ++row) {
                const auto cell = rows[row].find(keys[column]);
                cells[row + 1].push_back(cell == rows[row].end() ? "-" : cell_text(*cell));
            }
            for (const auto &row : cells) {
                widths[column] = std::max(widths[column], display_width(row[column]));
            }
        }
        for (std::size_t row = 0; row < cells.size(); ++row) {
            const bool is_head = row == 0 && color_;
            out_.append(indent, ' ');
            out_ += is_head ? "\x1b[1m" : "";
            for (std::size_t column = 0; column < keys.size(); ++column) {
                const auto &cell = cells[row][column];
                out_ += cell;
                if (column + 1 < keys.size()) {
                    out_.append(widths[column] - display_width(cell) + k_step, ' ');
                }
            }
            out_ += is_head ? "\x1b[0m\n" : "\n";
        }
    }

    bool color_;
    std::string out_;
};

} // namespace

Result<Format> parse_format(std::string_view name) {
    if (name == "text") {
        return Format::text;
    }
    if (name == "json") {
        return Format::json;
    }
    if (name == "yaml") {
        return Format::yaml;
    }
    return fail(K2S_E_USAGE, "{} is no output format; use text, json or yaml", quote(name));
}

std::string render(const ordered_json &data, Format format, const TextStyle &style) {
    switch (format) {
    case Format::json:
        return data.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
    case Format::yaml:
        return render_yaml(data);
    case Format::text:
        break;
    }
    if (data.is_structured() && data.empty()) {
        return "none\n";
    }
    TextWriter writer(style.color);
    writer.node(data, 0);
    return writer.take();
}

} // namespace k2s::core
