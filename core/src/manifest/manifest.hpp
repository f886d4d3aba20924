// SPDX-License-Identifier: MIT
/// \file
/// plugin.json, format 1: what a plugin is and offers, read without loading its code. The host's
/// built-in commands are described by the same structs. docs/authors/plugin.schema.json is the
/// same format for editors and validators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/filesystem/path.hpp>
#include <nlohmann/json.hpp>

#include "util/result.hpp"

namespace k2s::core {

inline constexpr const char *k_manifest_name = "plugin.json";

/// The largest manifest that is read; callers need not read a larger file.
inline constexpr std::size_t k_max_manifest_bytes = 1024 * 1024;

/// How help spells options, `-input` or `--input`; both are accepted for every command.
enum class Style : uint8_t { posix, go };

/// "enum" is `choice` here, "int" `integer`, "float" `real`, "bool" `boolean`.
enum class ValueType : uint8_t {
    boolean,
    string,
    integer,
    real,
    path,
    duration,
    size,
    cidr,
    url,
    choice,
    address,
};

struct Option {
    std::string name;
    std::string short_name; ///< one letter or digit, or empty
    ValueType type = ValueType::string;
    std::vector<std::string> choices; ///< for ValueType::choice
    bool repeat = false;              ///< may be given several times; the value is a list
    bool required = false;
    nlohmann::json default_value; ///< null: none; a list for `repeat`
    std::string env;              ///< variable that sets it when it is not given
    std::string metavar;
    std::string help;
    bool hidden = false;
    std::string config; ///< JSON pointer into the feature's settings that it sets
};

struct Argument {
    std::string name;
    ValueType type = ValueType::string;
    std::vector<std::string> choices;
    bool required = false;
    bool repeat = false; ///< only the last one
    std::string help;
};

struct ExitCode {
    int code = 0;
    std::string text;
};

struct Example {
    std::string command;
    std::string text;
};

enum class Output : uint8_t { raw, data };

struct Command {
    std::vector<std::string> path; ///< below `k2s`
    std::string feature;           ///< empty for commands of the host
    Style style = Style::posix;
    std::string summary;
    std::string description;
    std::vector<Option> options;
    std::vector<Argument> arguments;
    Output output = Output::raw;
    bool dry_run = false; ///< the host adds --dry-run
    bool service = false; ///< runs the feature's service in the foreground
    std::vector<ExitCode> exit_codes;
    std::vector<Example> examples;
    bool hidden = false;
};

enum class FeatureKind : uint8_t { command, service };

struct Feature {
    std::string id;
    FeatureKind kind = FeatureKind::command;
    std::string summary;
    bool enabled = true;
    nlohmann::json config; ///< JSON Schema (draft 7) of the settings; null: it has none
    bool isolated = false; ///< "isolation": "process"
};

struct RequiredContract {
    std::string contract;
    std::string version; ///< a range; parse_version_range accepts it
    bool optional = false;
};

struct ProvidedContract {
    std::string contract;
    std::string version; ///< parse_version accepts it
};

struct Manifest {
    std::string id;
    std::string version;
    std::string summary;
    std::string licence;
    uint32_t abi_major = 0;
    uint32_t abi_minor = 0;
    std::string library; ///< base name; the host adds .so or .dll
    std::vector<std::pair<std::string, std::string>> sha256; ///< file name, lower-case hex
    std::vector<RequiredContract> required_contracts;
    std::vector<ProvidedContract> provided_contracts;
    std::vector<std::string> privileges;
    bool isolated = false; ///< "isolation": "process"
    std::vector<Feature> features;
    std::vector<Command> commands;
    std::string text; ///< the bytes it was read from, which are what a signature is about

    const Feature *find_feature(std::string_view feature_id) const;
};

/// Reads a manifest; `name` (the file) starts every message, then the JSON pointer of the place.
/// Strict: unknown keys (but for x-…), wrong types, missing or doubled things are errors.
/// K2S_E_CONFIG; K2S_E_UNSUPPORTED for another manifest format or an ABI that this host has not.
Result<Manifest> read_manifest(std::string_view json, std::string_view name);

/// The same of the file plugin.json in a folder. [may-block]
Result<Manifest> read_manifest_in(const boost::filesystem::path &folder);

/// Whether it can be the id of a plugin, and so is a safe name of a folder.
bool is_plugin_id(std::string_view text);

/// The words of plugin.json: "bool", "enum", ….
std::string_view type_name(ValueType type);

} // namespace k2s::core
