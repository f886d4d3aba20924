// SPDX-License-Identifier: MIT
#include "manifest/read_command.hpp"

#include <algorithm>

#include "cli/value.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr std::size_t k_max_commands = 256;
constexpr std::size_t k_max_options = 128;
constexpr std::size_t k_max_arguments = 16;
constexpr std::size_t k_max_choices = 128;
constexpr std::size_t k_max_path = 4;
constexpr std::size_t k_max_notes = 64;
constexpr std::size_t k_max_name = 63;

constexpr std::array<std::pair<std::string_view, ValueType>, 11> k_types = {{
    {"bool", ValueType::boolean},
    {"string", ValueType::string},
    {"int", ValueType::integer},
    {"float", ValueType::real},
    {"path", ValueType::path},
    {"duration", ValueType::duration},
    {"size", ValueType::size},
    {"cidr", ValueType::cidr},
    {"url", ValueType::url},
    {"enum", ValueType::choice},
    {"address", ValueType::address},
}};

constexpr std::array<std::pair<std::string_view, Style>, 2> k_styles = {{
    {"posix", Style::posix},
    {"go", Style::go},
}};

constexpr std::array<std::pair<std::string_view, Output>, 2> k_outputs = {{
    {"raw", Output::raw},
    {"data", Output::data},
}};

bool read_option_name(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return is_name(to, k_max_name, true, "-_.") ||
           reader.problem(fmt::format("expected a letter, then letters, digits, \"-\", \"_\" and "
                                      "\".\", found {}",
                                      quote(to)));
}

bool read_short_name(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    const bool is_one =
        to.size() == 1 && (is_name(to, 1, true, "") || (to[0] >= '0' && to[0] <= '9'));
    return is_one ||
           reader.problem(fmt::format("expected one letter or digit, found {}", quote(to)));
}

bool read_env(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    const auto name = std::string_view(to).substr(
        to.find_first_not_of('_') == std::string::npos ? to.size() : to.find_first_not_of('_'));
    return is_name(name, k_max_name, true, "_") ||
           reader.problem(
               fmt::format("expected the name of an environment variable, found {}", quote(to)));
}

bool read_pointer(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return to.starts_with('/') ||
           reader.problem(fmt::format(
               "expected a JSON pointer into the feature's settings such as \"/addr\", found {}",
               quote(to)));
}

bool read_word(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return is_name(to, k_max_name, false, "-") ||
           reader.problem(fmt::format(
               "expected a lower-case letter, then lower-case letters, digits and \"-\", found {}",
               quote(to)));
}

constexpr FieldTable<Option, 12> k_option_fields = {{
    {"name", true, [](Reader &r, json &v, Option &o) { return read_option_name(r, v, o.name); }},
    {"short", false,
     [](Reader &r, json &v, Option &o) { return read_short_name(r, v, o.short_name); }},
    {"type", true, [](Reader &r, json &v, Option &o) { return r.word(v, k_types, o.type); }},
    {"choices", false,
     [](Reader &r, json &v, Option &o) { return r.texts(v, o.choices, k_max_choices); }},
    {"repeat", false, [](Reader &r, json &v, Option &o) { return r.boolean(v, o.repeat); }},
    {"required", false, [](Reader &r, json &v, Option &o) { return r.boolean(v, o.required); }},
    {"default", false,
     [](Reader &, json &v, Option &o) {
         o.default_value = std::move(v); // checked when the type is known
         return true;
     }},
    {"env", false, [](Reader &r, json &v, Option &o) { return read_env(r, v, o.env); }},
    {"metavar", false, [](Reader &r, json &v, Option &o) { return r.filled(v, o.metavar); }},
    {"help", true, [](Reader &r, json &v, Option &o) { return r.filled(v, o.help); }},
    {"hidden", false, [](Reader &r, json &v, Option &o) { return r.boolean(v, o.hidden); }},
    {"config", false, [](Reader &r, json &v, Option &o) { return read_pointer(r, v, o.config); }},
}};

constexpr FieldTable<Argument, 6> k_argument_fields = {{
    {"name", true, [](Reader &r, json &v, Argument &a) { return read_option_name(r, v, a.name); }},
    {"type", true, [](Reader &r, json &v, Argument &a) { return r.word(v, k_types, a.type); }},
    {"choices", false,
     [](Reader &r, json &v, Argument &a) { return r.texts(v, a.choices, k_max_choices); }},
    {"required", false, [](Reader &r, json &v, Argument &a) { return r.boolean(v, a.required); }},
    {"repeat", false, [](Reader &r, json &v, Argument &a) { return r.boolean(v, a.repeat); }},
    {"help", true, [](Reader &r, json &v, Argument &a) { return r.filled(v, a.help); }},
}};

constexpr FieldTable<ExitCode, 2> k_exit_code_fields = {{
    {"code", true,
     [](Reader &r, json &v, ExitCode &e) {
         int64_t code = 0;
         const bool done = r.integer(v, 0, 255, code);
         e.code = static_cast<int>(code);
         return done;
     }},
    {"text", true, [](Reader &r, json &v, ExitCode &e) { return r.filled(v, e.text); }},
}};

constexpr FieldTable<Example, 2> k_example_fields = {{
    {"command", true, [](Reader &r, json &v, Example &e) { return r.filled(v, e.command); }},
    {"text", false, [](Reader &r, json &v, Example &e) { return r.text(v, e.text); }},
}};

/// Choices belong to enums, which cannot do without.
bool check_choices(Reader &reader, ValueType type, const std::vector<std::string> &choices) {
    if ((type == ValueType::choice) == choices.empty()) {
        return reader.problem_at(
            "choices", choices.empty() ? "an enum needs its choices; list them"
                                       : "only the type \"enum\" has choices; remove them");
    }
    return true;
}

bool check_default(Reader &reader, const Option &option) {
    const auto &value = option.default_value;
    if (value.is_null()) {
        return true;
    }
    if (option.required) {
        return reader.problem_at("default", "a required option has no default; remove one of them");
    }
    if (!option.repeat) {
        const auto item = convert_default(option, value);
        return item || reader.problem_at("default", item.error().message);
    }
    if (!value.is_array()) {
        return reader.problem_at("default", "the default of a repeatable option is a list");
    }
    return std::all_of(value.begin(), value.end(), [&](const json &each) {
        const auto item = convert_default(option, each);
        return item || reader.problem_at("default", item.error().message);
    });
}

bool read_option(Reader &reader, json &value, Option &option) {
    return reader.object(value, k_option_fields, option) &&
           check_choices(reader, option.type, option.choices) && check_default(reader, option);
}

bool read_options(Reader &reader, json &value, Command &command) {
    auto &options = command.options;
    options.reserve(value.is_array() ? std::min(k_max_options, value.size()) : 0);
    return reader.list(value, k_max_options, [&](json &item) {
        Option option;
        if (!read_option(reader, item, option)) {
            return false;
        }
        for (const auto &other : options) {
            if (other.name == option.name) {
                return reader.problem_at(
                    "name",
                    fmt::format("the command has another option \"{}\"; rename one", option.name));
            }
            if (!option.short_name.empty() && other.short_name == option.short_name) {
                return reader.problem_at(
                    "short", fmt::format("\"{}\" is the short form of \"{}\" too; remove one",
                                         option.short_name, other.name));
            }
        }
        options.push_back(std::move(option));
        return true;
    });
}

bool read_arguments(Reader &reader, json &value, Command &command) {
    auto &arguments = command.arguments;
    return reader.list(value, k_max_arguments, [&](json &item) {
        Argument argument;
        if (!reader.object(item, k_argument_fields, argument) ||
            !check_choices(reader, argument.type, argument.choices)) {
            return false;
        }
        if (std::any_of(arguments.begin(), arguments.end(),
                        [&](const Argument &other) { return other.name == argument.name; })) {
            return reader.problem_at("name", "the command has another argument of this name");
        }
        if (!arguments.empty() && arguments.back().repeat) {
            return reader.problem("only the last argument may repeat; move this one before it");
        }
        if (!arguments.empty() && argument.required && !arguments.back().required) {
            return reader.problem(
                "a required argument cannot follow an optional one; reorder them");
        }
        arguments.push_back(std::move(argument));
        return true;
    });
}

bool read_path(Reader &reader, json &value, std::vector<std::string> &to) {
    if (!reader.list(value, k_max_path,
                     [&](json &item) { return read_word(reader, item, to.emplace_back()); })) {
        return false;
    }
    return !to.empty() || reader.problem("a command needs at least one word; name it");
}

constexpr FieldTable<Command, 13> k_command_fields = {{
    {"path", true, [](Reader &r, json &v, Command &c) { return read_path(r, v, c.path); }},
    {"feature", true, [](Reader &r, json &v, Command &c) { return read_word(r, v, c.feature); }},
    {"style", false, [](Reader &r, json &v, Command &c) { return r.word(v, k_styles, c.style); }},
    {"summary", true, [](Reader &r, json &v, Command &c) { return r.filled(v, c.summary); }},
    {"description", false, [](Reader &r, json &v, Command &c) { return r.text(v, c.description); }},
    {"options", false, read_options},
    {"arguments", false, read_arguments},
    {"output", false,
     [](Reader &r, json &v, Command &c) { return r.word(v, k_outputs, c.output); }},
    {"dry_run", false, [](Reader &r, json &v, Command &c) { return r.boolean(v, c.dry_run); }},
    {"service", false, [](Reader &r, json &v, Command &c) { return r.boolean(v, c.service); }},
    {"exit_codes", false,
     [](Reader &r, json &v, Command &c) {
         return r.objects(v, k_max_notes, k_exit_code_fields, c.exit_codes);
     }},
    {"examples", false,
     [](Reader &r, json &v, Command &c) {
         return r.objects(v, k_max_notes, k_example_fields, c.examples);
     }},
    {"hidden", false, [](Reader &r, json &v, Command &c) { return r.boolean(v, c.hidden); }},
}};

} // namespace

bool read_commands(Reader &reader, json &value, std::vector<Command> &to) {
    to.reserve(value.is_array() ? std::min(k_max_commands, value.size()) : 0);
    return reader.list(value, k_max_commands, [&](json &item) {
        Command command;
        if (!reader.object(item, k_command_fields, command)) {
            return false;
        }
        if (std::any_of(to.begin(), to.end(),
                        [&](const Command &other) { return other.path == command.path; })) {
            return reader.problem_at("path",
                                     fmt::format("another command is \"{}\" too; rename one",
                                                 fmt::join(command.path, " ")));
        }
        to.push_back(std::move(command));
        return true;
    });
}

std::string_view type_name(ValueType type) {
    const auto entry = std::find_if(k_types.begin(), k_types.end(),
                                    [type](const auto &each) { return each.second == type; });
    return entry->first;
}

} // namespace k2s::core
