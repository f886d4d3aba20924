// SPDX-License-Identifier: MIT
#include "manifest/reader.hpp"

#include <algorithm>

namespace k2s::core {
namespace {

/// What is there, short enough for a message.
std::string describe(const nlohmann::json &value) {
    if (value.is_string()) {
        return quote(value.get_ref<const std::string &>());
    }
    if (value.is_structured()) {
        return value.is_object() ? "an object" : "a list";
    }
    return value.dump();
}

std::string joined(std::span<const std::string_view> words) {
    return fmt::format("\"{}\"", fmt::join(words, "\", \""));
}

} // namespace

bool is_name(std::string_view text, std::size_t most, bool upper, std::string_view more) {
    const auto is_letter = [upper](char c) {
        return (c >= 'a' && c <= 'z') || (upper && c >= 'A' && c <= 'Z');
    };
    return !text.empty() && text.size() <= most && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return is_letter(c) || (c >= '0' && c <= '9') ||
                      more.find(c) != std::string_view::npos;
           });
}

bool Reader::text(json &value, std::string &to) {
    auto *text = value.get_ptr<std::string *>();
    if (text == nullptr) {
        return mismatch("a string", value);
    }
    if (text->find('\0') != std::string::npos) {
        return mismatch("text without NUL characters", value);
    }
    to = std::move(*text);
    return true;
}

bool Reader::filled(json &value, std::string &to) {
    if (value.is_string() && value.get_ref<const std::string &>().empty()) {
        return mismatch("text that is not empty", value);
    }
    return text(value, to);
}

bool Reader::texts(json &value, std::vector<std::string> &to, std::size_t most) {
    return list(value, most, [&](json &item) { return filled(item, to.emplace_back()); });
}

bool Reader::boolean(json &value, bool &to) {
    if (!value.is_boolean()) {
        return mismatch("true or false", value);
    }
    to = value.get<bool>();
    return true;
}

bool Reader::integer(json &value, int64_t least, int64_t most, int64_t &to) {
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) &&
                      value.get<int64_t>() >= least && value.get<int64_t>() <= most;
    if (!fits) {
        return mismatch(fmt::format("a whole number from {} to {}", least, most), value);
    }
    to = value.get<int64_t>();
    return true;
}

bool Reader::problem(std::string_view text, int32_t code) {
    error_ = {code, fmt::format("{}: {}: {}", name_, pointer(), text)};
    return false;
}

bool Reader::problem_at(std::string_view key, std::string_view text) {
    place_.push_back({key, 0});
    problem(text);
    place_.pop_back();
    return false;
}

bool Reader::mismatch(std::string_view expected, const json &found) {
    return problem(fmt::format("expected {}, found {}", expected, describe(found)));
}

bool Reader::unknown_key(std::string_view key, std::span<const std::string_view> known) {
    const auto suggestion = closest(key, known);
    return problem(fmt::format("unknown key {}; {}", quote(key),
                               suggestion.empty()
                                   ? std::string("remove it, or start its name with \"x-\"")
                                   : fmt::format("did you mean \"{}\"?", suggestion)));
}

bool Reader::not_a_word(const json &value, std::span<const std::string_view> words) {
    return mismatch("one of " + joined(words), value);
}

std::string Reader::pointer() const {
    std::string result;
    for (const auto &step : place_) {
        result += '/';
        if (step.key.data() == nullptr) {
            result += fmt::to_string(step.index);
            continue;
        }
        for (const char c : printable(step.key, false)) {
            result += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c); // RFC 6901
        }
    }
    return result.empty() ? "(top level)" : result;
}

} // namespace k2s::core
