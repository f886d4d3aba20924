// SPDX-License-Identifier: MIT
#include "cli/lexer.hpp"

#include <algorithm>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/option.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include "cli/text.hpp"

namespace k2s::core {
namespace {

namespace po = boost::program_options;

const Offered *find_long(std::span<const Offered> offered, std::string_view name) {
    const auto place = std::find_if(offered.begin(), offered.end(),
                                    [&](const Offered &each) { return each.option->name == name; });
    return place == offered.end() ? nullptr : &*place;
}

const Offered *find_short(std::span<const Offered> offered, std::string_view letter) {
    const auto place = std::find_if(offered.begin(), offered.end(),
                                    [&](const Offered &each) { return each.short_name == letter; });
    return letter.empty() || place == offered.end() ? nullptr : &*place;
}

bool is_switch(const Offered &each) {
    return each.option->type == ValueType::boolean;
}

std::unexpected<Error> unknown(std::span<const Offered> offered, Style style,
                               std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto &each : offered) {
        if (!each.option->hidden) {
            names.emplace_back(each.option->name);
        }
    }
    const auto suggestion = closest(name, names);
    return fail(K2S_E_USAGE, "unknown option {}{}", quote(spelled(name, style)),
                suggestion.empty() ? ""
                                   : fmt::format("; did you mean {}?", spelled(suggestion, style)));
}

/// The value of `each` is the word behind args[at].
Result<void> take_next(const Offered &each, Style style, std::span<const std::string> args,
                       std::size_t &at, std::vector<Occurrence> &to) {
    if (at + 1 >= args.size()) {
        return fail(K2S_E_USAGE, "option {} needs a value: {} {}",
                    spelled(each.option->name, style), spelled(each.option->name, style),
                    value_word(*each.option));
    }
    // Whatever it starts with, as Go and the GNU tools do: -addr -x is the address "-x".
    to.push_back({&each, args[at + 1]});
    at += 2;
    return {};
}

/// "abc" of -abc: switches, the last of which may be an option with a value: -ojson.
Result<void> take_group(std::span<const Offered> offered, std::string_view letters,
                        std::span<const std::string> args, std::size_t &at,
                        std::vector<Occurrence> &to) {
    while (!letters.empty()) {
        const auto *each = find_short(offered, letters.substr(0, 1));
        if (each == nullptr) {
            return unknown(offered, Style::posix, letters.substr(0, letters.find('=')));
        }
        letters.remove_prefix(1);
        const bool has_value = letters.starts_with('=');
        if (is_switch(*each) && !has_value) {
            to.push_back({each, "true"});
            continue;
        }
        if (letters.empty()) {
            return take_next(*each, Style::posix, args, at, to);
        }
        to.push_back({each, std::string(letters.substr(has_value ? 1 : 0))});
        break;
    }
    ++at;
    return {};
}

bool ends_parsing(const Occurrence &occurrence) {
    const auto role = occurrence.option->role;
    return (role == Role::help || role == Role::version) && occurrence.text == "true";
}

/// The walk over the words that Program_options calls as its style parser.
class Walk {
  public:
    Walk(std::span<const Offered> offered, Spelling spelling)
        : offered_(offered), spelling_(spelling) {}

    std::vector<po::option> operator()(std::vector<std::string> &args) {
        std::vector<Occurrence> found;
        std::vector<po::option> result;
        for (std::size_t at = 0; at < args.size();) {
            if (args[at] == "--") {
                append_arguments(args, at + 1, result);
                break;
            }
            if (!looks_like_option(args[at])) {
                if (spelling_.argument_ends_options) {
                    append_arguments(args, at, result);
                    break;
                }
                append_argument(args[at++], result);
                continue;
            }
            found.clear();
            if (auto taken = take_option(offered_, spelling_.style, args, at, found); !taken) {
                throw po::error(taken.error().message);
            }
            for (auto &occurrence : found) {
                result.emplace_back(occurrence.option->option->name,
                                    std::vector<std::string>{occurrence.text});
                if (ends_parsing(occurrence)) {
                    args.clear();
                    return result;
                }
            }
        }
        args.clear();
        return result;
    }

  private:
    static void append_argument(std::string &word, std::vector<po::option> &to) {
        auto &option = to.emplace_back();
        option.value.push_back(std::move(word));
        option.position_key = 0;
    }

    static void append_arguments(std::vector<std::string> &words, std::size_t from,
                                 std::vector<po::option> &to) {
        for (; from < words.size(); ++from) {
            append_argument(words[from], to);
        }
    }

    std::span<const Offered> offered_;
    Spelling spelling_;
};

} // namespace

bool looks_like_option(std::string_view word) {
    return word.size() > 1 && word.front() == '-';
}

Result<void> take_option(std::span<const Offered> offered, Style style,
                         std::span<const std::string> args, std::size_t &at,
                         std::vector<Occurrence> &to) {
    std::string_view word = args[at];
    const bool is_double = word.starts_with("--");
    word.remove_prefix(is_double ? 2 : 1);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (name.empty() || name.front() == '-') {
        return fail(K2S_E_USAGE,
                    "{} is not an option; write an argument that starts with \"-\" "
                    "after \"--\"",
                    quote(args[at]));
    }

    const auto *each = find_long(offered, name);
    if (each == nullptr && name.size() == 1) {
        each = find_short(offered, name);
    }
    if (each == nullptr) {
        if (!is_double && style == Style::posix && find_short(offered, name.substr(0, 1))) {
            return take_group(offered, word, args, at, to);
        }
        return unknown(offered, style, name);
    }
    if (equals != std::string_view::npos) {
        to.push_back({each, std::string(word.substr(equals + 1))});
    } else if (is_switch(*each)) {
        to.push_back({each, "true"});
    } else {
        return take_next(*each, style, args, at, to);
    }
    ++at;
    return {};
}

Result<Words> split_words(std::span<const Offered> offered, Spelling spelling,
                          std::span<const std::string> args) {
    Words words;
    if (args.empty()) {
        return words;
    }
    try {
        po::options_description description;
        for (const auto &each : offered) {
            description.add(boost::make_shared<po::option_description>(
                each.option->name.c_str(), new po::untyped_value(), ""));
        }
        const auto parsed =
            po::basic_command_line_parser<char>(std::vector<std::string>(args.begin(), args.end()))
                .options(description)
                .style(po::command_line_style::allow_long |
                       po::command_line_style::long_allow_adjacent)
                .extra_style_parser(Walk(offered, spelling))
                .run();
        for (const auto &option : parsed.options) {
            if (option.string_key.empty()) {
                words.arguments.push_back(option.value.front());
            } else {
                words.options.push_back(
                    {find_long(offered, option.string_key), option.value.front()});
            }
        }
    } catch (const po::error &error) {
        return fail(K2S_E_USAGE, "{}", error.what());
    }
    return words;
}

} // namespace k2s::core
