// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "spec/address.hpp"
#include "spec/failure.hpp"

namespace k2s::cni {

using Json = nlohmann::json;

/// Parses with bounds on size and depth; the failure has code 6.
Result<Json> parse_json(std::string_view text, std::string_view what);

/// The member of an object, or nullptr. Names that differ only in case are the same when none is
/// exact, because the reference's reader works so and configurations rely on it ("Nameservers").
/// A null counts as absent.
const Json *member(const Json &object, std::string_view name);

/// Typed members. Absent: the default. Of another type: code 7, naming the member and its value.
Result<std::string> text_member(const Json &object, std::string_view name,
                                std::string_view otherwise = {});
Result<bool> flag_member(const Json &object, std::string_view name);
Result<std::optional<int64_t>> integer_member(const Json &object, std::string_view name);
Result<std::vector<std::string>> texts_member(const Json &object, std::string_view name);
Result<std::optional<Address>> address_member(const Json &object, std::string_view name);
Result<std::optional<Prefix>> prefix_member(const Json &object, std::string_view name);
/// An object (an empty one when absent) and an array (likewise).
Result<Json> object_member(const Json &object, std::string_view name);
Result<Json> array_member(const Json &object, std::string_view name);

} // namespace k2s::cni
