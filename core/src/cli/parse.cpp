// SPDX-License-Identifier: MIT
#include <algorithm>

#include "cli/cli.hpp"
#include "cli/lexer.hpp"
#include "cli/text.hpp"
#include "cli/tree.hpp"
#include "cli/value.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_words = 65536;
constexpr std::size_t k_max_bytes = 8 * 1024 * 1024;

/// Adds what every usage error has: the tool in front and the way to its help behind.
std::unexpected<Error> usage(const Tool &tool, Path path, std::string_view message) {
    const auto name = full_name(tool, path);
    return fail(K2S_E_USAGE, "{}: {}; see '{} --help'", name, message, name);
}

Result<void> check_size(const Tool &tool, std::span<const std::string> args) {
    std::size_t bytes = 0;
    for (const auto &word : args) {
        bytes += word.size();
    }
    if (args.size() > k_max_words || bytes > k_max_bytes) {
        return usage(
            tool, {},
            fmt::format("the command line has {} words and {} bytes, more than the limit of "
                        "{} and {}",
                        args.size(), bytes, k_max_words, k_max_bytes));
    }
    return {};
}

/// Where the words lead: the command, the options of the host given before it, and the rest.
struct Position {
    std::vector<std::string> path;
    const Command *command = nullptr;
    std::vector<std::pair<const Option *, std::string>> early;
    std::size_t next = 0;
    Action action = Action::run;
};

std::unexpected<Error> unknown_command(const Tool &tool, Path path, std::string_view word) {
    const auto children = children_of(tool, path);
    std::vector<std::string_view> words;
    for (const auto &child : children) {
        if (!child.hidden) {
            words.push_back(child.word);
        }
    }
    const auto suggestion = closest(word, words);
    return usage(
        tool, path,
        fmt::format("unknown command {}{}", quote(word),
                    suggestion.empty() ? "" : fmt::format("; did you mean \"{}\"?", suggestion)));
}

/// `help plugin list`: the words have to lead somewhere.
Result<Position> help_position(const Tool &tool, std::span<const std::string> words) {
    Position position;
    position.action = Action::help;
    for (const auto &word : words) {
        if (looks_like_option(word)) {
            continue;
        }
        if (!has_child(tool, position.path, word)) {
            return unknown_command(tool, position.path, word);
        }
        position.path.push_back(word);
    }
    position.command = command_at(tool, position.path);
    return position;
}

Result<Position> find_position(const Tool &tool, std::span<const std::string> args) {
    Position position;
    position.command = command_at(tool, {});
    while (position.next < args.size()) {
        const auto &word = args[position.next];
        if (looks_like_option(word)) {
            if (position.command != nullptr) {
                break;
            }
            const auto offered = options_at(tool, position.path);
            std::vector<Occurrence> found;
            if (auto taken = take_option(offered, Style::posix, args, position.next, found);
                !taken) {
                return usage(tool, position.path, taken.error().message);
            }
            for (auto &[each, text] : found) {
                const bool is_on = text == "true";
                if (each->role == Role::help && is_on) {
                    position.action = Action::help;
                    return position;
                }
                if (each->role == Role::version && is_on) {
                    position.action = Action::version;
                    return position;
                }
                position.early.emplace_back(each->option, std::move(text));
            }
            continue;
        }
        if (has_child(tool, position.path, word)) {
            position.path.push_back(word);
            position.command = command_at(tool, position.path);
        } else if (position.command != nullptr) {
            break;
        } else if (word == "help" && position.path.empty()) {
            return help_position(tool, args.subspan(position.next + 1));
        } else {
            return unknown_command(tool, position.path, word);
        }
        ++position.next;
    }
    return position;
}

/// A text as given; a text that is the declared default is always right: -forwardproxy "" is off.
Result<Item> read_item(const Option &option, std::string_view text) {
    const auto *declared = option.default_value.get_ptr<const std::string *>();
    if (declared != nullptr && *declared == text) {
        return convert_default(option, option.default_value);
    }
    auto value = convert(option.type, option.choices, text);
    if (!value) {
        return pass(value);
    }
    return Item{std::move(*value), std::string(text)};
}

Value value_for(const Option &option) {
    return {option.name, option.type, option.repeat, Origin::given, {}, option.config};
}

/// The value from the environment variable; a list is separated by commas.
Result<std::optional<Value>> from_environment(const Option &option,
                                              const Environment &environment) {
    if (option.env.empty() || !environment) {
        return std::nullopt;
    }
    const auto text = environment(option.env);
    if (!text || text->empty()) {
        return std::nullopt; // an empty variable is the usual way to switch one off
    }
    auto value = value_for(option);
    value.origin = Origin::environment;
    for (std::string_view rest = *text; !rest.empty();) {
        const auto end = option.repeat ? std::min(rest.size(), rest.find(',')) : rest.size();
        const auto part = rest.substr(0, end);
        rest.remove_prefix(std::min(rest.size(), end + 1));
        if (option.repeat && part.empty()) {
            continue;
        }
        auto item = read_item(option, part);
        if (!item) {
            return fail(K2S_E_USAGE, "environment variable {}: {}", option.env,
                        item.error().message);
        }
        value.items.push_back(std::move(*item));
    }
    return value;
}

Result<std::optional<Value>> from_default(const Option &option) {
    auto value = value_for(option);
    value.origin = Origin::fallback;
    if (option.default_value.is_null()) {
        if (option.type != ValueType::boolean || option.repeat || option.required) {
            return std::nullopt;
        }
        value.items.push_back({false, "false"});
        return value;
    }
    if (!option.repeat) {
        auto item = convert_default(option, option.default_value);
        if (!item) {
            return pass(item);
        }
        value.items.push_back(std::move(*item));
        return value;
    }
    for (const auto &each : option.default_value) {
        auto item = convert_default(option, each);
        if (!item) {
            return pass(item);
        }
        value.items.push_back(std::move(*item));
    }
    return value;
}

/// The option's value from the command line, else the environment, else its default.
Result<std::optional<Value>> value_of(const Option &option, Style style,
                                      const std::vector<const std::string *> &texts,
                                      const Environment &environment) {
    if (texts.empty()) {
        auto value = from_environment(option, environment);
        return !value || *value ? std::move(value) : from_default(option);
    }
    auto value = value_for(option);
    for (const auto *text : texts) {
        auto item = read_item(option, *text);
        if (!item) {
            return fail(K2S_E_USAGE, "option {}: {}", spelled(option.name, style),
                        item.error().message);
        }
        if (!option.repeat) {
            value.items.clear(); // the last one counts
        }
        value.items.push_back(std::move(*item));
    }
    return value;
}

Result<std::vector<Value>> read_arguments(const Command &command,
                                          const std::vector<std::string> &words) {
    std::vector<Value> values;
    std::size_t next = 0;
    for (const auto &argument : command.arguments) {
        if (next == words.size()) {
            if (argument.required) {
                return fail(K2S_E_USAGE, "the argument {} is missing: {}", argument.name,
                            argument.help);
            }
            break;
        }
        Value value{argument.name, argument.type, argument.repeat, Origin::given, {}, {}};
        do {
            auto converted = convert(argument.type, argument.choices, words[next]);
            if (!converted) {
                return fail(K2S_E_USAGE, "argument {}: {}", argument.name,
                            converted.error().message);
            }
            value.items.push_back({std::move(*converted), words[next++]});
        } while (argument.repeat && next < words.size());
        values.push_back(std::move(value));
    }
    if (next < words.size()) {
        const auto &word = words[next];
        return fail(K2S_E_USAGE, "unexpected argument {}{}", quote(word),
                    parse_bool(word) ? "; a switch takes its value with \"=\", as in -name=false"
                                     : "");
    }
    return values;
}

/// The values of all options at the position, into the invocation.
Result<void> read_options(const std::vector<Offered> &offered, Style style,
                          const Position &position, const Words &words,
                          const Environment &environment, Invocation &to) {
    std::string missing;
    std::vector<const std::string *> texts;
    for (const auto &each : offered) {
        if (each.role == Role::help || each.role == Role::version) {
            continue;
        }
        texts.clear();
        for (const auto &[option, text] : position.early) {
            if (option == each.option) {
                texts.push_back(&text);
            }
        }
        for (const auto &occurrence : words.options) {
            if (occurrence.option == &each) {
                texts.push_back(&occurrence.text);
            }
        }
        auto value = value_of(*each.option, style, texts, environment);
        if (!value) {
            return pass(value);
        }
        if (*value) {
            (each.role == Role::own ? to.options : to.host).push_back(std::move(**value));
        } else if (each.option->required) {
            missing += missing.empty() ? "" : ", ";
            missing += spelled(each.option->name, style);
        }
    }
    if (!missing.empty()) {
        return fail(K2S_E_USAGE, "missing: {}", missing);
    }
    return {};
}

const Value *find_value(const std::vector<Value> &values, std::string_view name) {
    const auto place = std::find_if(values.begin(), values.end(),
                                    [name](const Value &each) { return each.name == name; });
    return place == values.end() ? nullptr : &*place;
}

nlohmann::json item_json(ValueType type, const Item &item) {
    if (type == ValueType::duration || type == ValueType::size) {
        return item.text;
    }
    return std::visit([](const auto &value) { return nlohmann::json(value); }, item.value);
}

} // namespace

nlohmann::json Value::json() const {
    if (!list) {
        return items.empty() ? nlohmann::json() : item_json(type, items.front());
    }
    auto result = nlohmann::json::array();
    for (const auto &item : items) {
        result.push_back(item_json(type, item));
    }
    return result;
}

const Value *Invocation::option(std::string_view name) const {
    return find_value(options, name);
}

const Value *Invocation::host_option(std::string_view name) const {
    return find_value(host, name);
}

Result<Invocation> parse_command_line(const Tool &tool, std::span<const std::string> args,
                                      const Environment &environment) {
    if (auto fits = check_size(tool, args); !fits) {
        return pass(fits);
    }
    auto position = find_position(tool, args);
    if (!position) {
        return pass(position);
    }
    Invocation result;
    result.action = position->action;
    result.path = position->path;
    result.command = position->command;
    if (result.action != Action::run) {
        return result;
    }
    if (result.command == nullptr) {
        result.action = Action::help;
        return result;
    }

    const auto &command = *result.command;
    const auto offered = options_at(tool, result.path);
    const bool takes_rest = !command.arguments.empty() && command.arguments.back().repeat;
    const Spelling spelling{command.style, command.style == Style::go && takes_rest};
    auto words = split_words(offered, spelling, args.subspan(position->next));
    if (!words) {
        return usage(tool, result.path, words.error().message);
    }
    for (const auto &occurrence : words->options) {
        if (occurrence.option->role == Role::help || occurrence.option->role == Role::version) {
            const auto is_on = parse_bool(occurrence.text);
            if (is_on.value_or(true)) {
                result.action =
                    occurrence.option->role == Role::help ? Action::help : Action::version;
                return result;
            }
        }
    }
    if (auto read = read_options(offered, command.style, *position, *words, environment, result);
        !read) {
        return usage(tool, result.path, read.error().message);
    }
    auto arguments = read_arguments(command, words->arguments);
    if (!arguments) {
        return usage(tool, result.path, arguments.error().message);
    }
    result.arguments = std::move(*arguments);
    return result;
}

} // namespace k2s::core
