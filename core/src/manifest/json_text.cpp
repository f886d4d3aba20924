// SPDX-License-Identifier: MIT
#include "manifest/json_text.hpp"

#include <string>
#include <vector>

namespace k2s::core {
namespace {

using nlohmann::json;

/// Builds the tree; unlike the library's builder it counts levels and sees doubled names.
class Builder {
  public:
    Builder(std::size_t max_depth) : max_depth_(max_depth) { open_.reserve(max_depth); }

    bool null() { return put(nullptr); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(json::number_integer_t value) { return put(value); }
    bool number_unsigned(json::number_unsigned_t value) { return put(value); }
    bool number_float(json::number_float_t value, const std::string &) { return put(value); }
    bool string(std::string &value) { return put(std::move(value)); }
    bool binary(json::binary_t &) { return false; } // JSON text has none

    bool start_object(std::size_t) { return open(json::object()); }
    bool start_array(std::size_t) { return open(json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string &name) {
        const auto [place, is_new] =
            open_.back()->get_ref<json::object_t &>().emplace(std::move(name), nullptr);
        if (!is_new) {
            problem_ = fmt::format("\"{}\" stands twice in one object; remove one", place->first);
            return false;
        }
        member_ = &place->second;
        return true;
    }

    bool parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &error) {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: …": the part that
        // is for people follows the bracket.
        const std::string_view text = error.what();
        const auto bracket = text.find("] ");
        problem_ = text.substr(bracket == std::string_view::npos ? 0 : bracket + 2);
        return false;
    }

    json take() { return std::move(root_); }
    const std::string &problem() const { return problem_; }

  private:
    template <class T> json *place(T &&value) {
        if (open_.empty()) {
            root_ = std::forward<T>(value);
            return &root_;
        }
        if (open_.back()->is_array()) {
            auto &items = open_.back()->get_ref<json::array_t &>();
            return &items.emplace_back(std::forward<T>(value));
        }
        *member_ = std::forward<T>(value);
        return member_;
    }

    template <class T> bool put(T &&value) {
        place(std::forward<T>(value));
        return true;
    }

    bool open(json container) {
        if (open_.size() == max_depth_) {
            problem_ = fmt::format("nested deeper than {} levels; flatten it", max_depth_);
            return false;
        }
        open_.push_back(place(std::move(container)));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    std::size_t max_depth_;
    json root_;
    std::vector<json *> open_; // the containers around the present place
    json *member_ = nullptr;   // the member of the innermost object whose value comes next
    std::string problem_;
};

} // namespace

Result<json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
    if (text.size() > limits.bytes) {
        return fail(K2S_E_CONFIG, "{}: {} bytes are more than the limit of {}; make it smaller",
                    name, text.size(), limits.bytes);
    }
    Builder builder(limits.depth);
    if (!json::sax_parse(text.data(), text.data() + text.size(), &builder)) {
        return fail(K2S_E_CONFIG, "{}: {}", name, builder.problem());
    }
    return builder.take();
}

} // namespace k2s::core
