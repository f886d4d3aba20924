// SPDX-License-Identifier: MIT
/// \file
/// JSON Schema (draft-07): valijson decides, and the findings are put in words here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "util/result.hpp"

namespace k2s::core {

struct SchemaFinding {
    std::string pointer; ///< of the value that is wrong
    std::string text;    ///< what; expected; remedy
};

/// What is wrong with `value`; empty when it is valid. An error when the schema itself is unusable
/// (`subject` names it).
Result<std::vector<SchemaFinding>>
check_schema(const nlohmann::json &schema, const nlohmann::json &value, const std::string &subject);

/// Adds the `default`s of properties that are absent, also inside a default that is an object.
/// Follows properties, additionalProperties, items and local $ref.
void apply_defaults(const nlohmann::json &schema, nlohmann::json &value);

/// The part of the schema that describes the value at `pointer`, or nullptr.
const nlohmann::json *schema_at(const nlohmann::json &schema, std::string_view pointer);

/// Calls `visit(pointer, part)` for each value below `value` that the schema describes.
using SchemaVisitor =
    std::function<void(const std::string &, const nlohmann::json &, nlohmann::json &)>;
void visit_schema(const nlohmann::json &schema, nlohmann::json &value, const SchemaVisitor &visit);

/// True when `part` allows `type` ("string", "integer", …); a part without `type` allows all.
bool schema_allows(const nlohmann::json &part, std::string_view type);

/// The parts of a JSON pointer, unescaped; "" gives none.
std::vector<std::string> pointer_parts(std::string_view pointer);

/// The value at a pointer, or nullptr. Does not throw.
const nlohmann::json *value_at(const nlohmann::json &tree, std::string_view pointer);

} // namespace k2s::core
