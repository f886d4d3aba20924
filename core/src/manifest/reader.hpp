// SPDX-License-Identifier: MIT
/// \file
/// A strict walk over a JSON tree: each object's members are described by a table, and every
/// mismatch becomes one message with the JSON pointer of the place. Strings are moved out of the
/// tree. Faster than a general schema validator, which matters at each start of a preset.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/text.hpp"
#include "util/result.hpp"

namespace k2s::core {

class Reader {
  public:
    using json = nlohmann::json;

    /// One member of an object that is read into a T; `read` returns false after a problem.
    template <class T> struct Field {
        std::string_view key;
        bool required;
        bool (*read)(Reader &, json &, T &);
    };

    explicit Reader(std::string_view name) : name_(name) { place_.reserve(16); }

    /// What read_manifest fails with after a function here has returned false.
    const Error &error() const { return error_; }

    template <class T, std::size_t N>
    bool object(json &value, const std::array<Field<T>, N> &fields, T &to) {
        static_assert(N <= 32);
        if (!value.is_object()) {
            return mismatch("an object", value);
        }
        uint32_t seen = 0;
        for (auto &[key, member] : value.get_ref<json::object_t &>()) {
            std::size_t i = 0;
            while (i < N && fields[i].key != key) {
                ++i;
            }
            if (i == N) {
                if (key.starts_with("x-")) {
                    continue;
                }
                std::array<std::string_view, N> keys;
                for (i = 0; i < N; ++i) {
                    keys[i] = fields[i].key;
                }
                return unknown_key(key, keys);
            }
            place_.push_back({key, 0});
            if (!fields[i].read(*this, member, to)) {
                return false;
            }
            place_.pop_back();
            seen |= 1U << i;
        }
        for (std::size_t i = 0; i < N; ++i) {
            if (fields[i].required && (seen & (1U << i)) == 0) {
                return problem(fmt::format("the key \"{}\" is missing; add it", fields[i].key));
            }
        }
        return true;
    }

    /// Calls `read(item)` for each item of an array of at most `most`.
    template <class F> bool list(json &value, std::size_t most, F &&read) {
        if (!value.is_array()) {
            return mismatch("a list", value);
        }
        auto &items = value.get_ref<json::array_t &>();
        if (items.size() > most) {
            return problem(fmt::format("{} items are more than the limit of {}; remove some",
                                       items.size(), most));
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            place_.push_back({{}, i});
            if (!read(items[i])) {
                return false;
            }
            place_.pop_back();
        }
        return true;
    }

    template <class T, std::size_t N>
    bool objects(json &value, std::size_t most, const std::array<Field<T>, N> &fields,
                 std::vector<T> &to) {
        if (value.is_array()) {
            to.reserve(std::min(most, value.size()));
        }
        return list(value, most,
                    [&](json &item) { return object(item, fields, to.emplace_back()); });
    }

    bool text(json &value, std::string &to);   ///< any text without NUL
    bool filled(json &value, std::string &to); ///< text that is not empty
    bool texts(json &value, std::vector<std::string> &to, std::size_t most);
    bool boolean(json &value, bool &to);
    bool integer(json &value, int64_t least, int64_t most, int64_t &to);

    /// One of a few words, given as pairs of word and value.
    template <class Enum, std::size_t N>
    bool word(json &value, const std::array<std::pair<std::string_view, Enum>, N> &words,
              Enum &to) {
        const auto *text = value.get_ptr<const std::string *>();
        for (const auto &[name, meaning] : words) {
            if (text != nullptr && *text == name) {
                to = meaning;
                return true;
            }
        }
        std::array<std::string_view, N> names;
        for (std::size_t i = 0; i < N; ++i) {
            names[i] = words[i].first;
        }
        return not_a_word(value, names);
    }

    /// Record a problem at the present place, or at its member or item `key`; return false.
    bool problem(std::string_view text, int32_t code = K2S_E_CONFIG);
    bool problem_at(std::string_view key, std::string_view text);
    bool mismatch(std::string_view expected, const json &found);

  private:
    struct Step {
        std::string_view key; // no data: an index
        std::size_t index;
    };

    bool unknown_key(std::string_view key, std::span<const std::string_view> known);
    bool not_a_word(const json &value, std::span<const std::string_view> words);
    std::string pointer() const;

    std::string_view name_;
    std::vector<Step> place_;
    Error error_;
};

template <class T, std::size_t N> using FieldTable = std::array<Reader::Field<T>, N>;

/// 1 to `most` characters: a letter, then letters, digits and those in `more`. `upper`: upper-case
/// letters count as letters too.
bool is_name(std::string_view text, std::size_t most, bool upper, std::string_view more);

} // namespace k2s::core
