// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.hpp"

// Documents come from registries and archives, so they are read strictly: one JSON object, no key
// twice (two readers could see two images), no deep nesting, each field of its own type.
namespace k2s::image {

using Json = nlohmann::ordered_json;

/// Of a manifest, an index or a configuration: what registries accept, too.
inline constexpr size_t k_max_document = 4U << 20U;

Result<Json> parse_object(std::string_view text, std::string_view what);

/// Reads the fields of one object; the first wrong one becomes the error.
class Fields {
  public:
    Fields(const Json &object, std::string what) : object_(object), what_(std::move(what)) {}

    std::string text(const char *name, bool required = false);
    uint64_t size(const char *name);
    std::vector<std::string> texts(const char *name);
    std::map<std::string, std::string> map(const char *name);
    /// An object or an array of that name, or nullptr.
    const Json *object(const char *name, bool required = false);
    const Json *array(const char *name, bool required = false);

    void wrong(std::string message);
    bool ok() const noexcept { return !error_; }
    std::unexpected<Error> error() const { return std::unexpected(*error_); }

  private:
    const Json *find(const char *name) const;

    const Json &object_;
    std::string what_;
    std::optional<Error> error_;
};

} // namespace k2s::image
