// SPDX-License-Identifier: MIT
#include "manifest/manifest.hpp"

#include <algorithm>

#include <k2s/abi/base.h>

#include "manifest/json_text.hpp"
#include "manifest/read_command.hpp"
#include "manifest/reader.hpp"
#include "manifest/version.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr int64_t k_format = 1;
constexpr std::size_t k_max_id = 63;
constexpr std::size_t k_max_contract = 127;
constexpr std::size_t k_max_entries = 64;

// What a plugin may ask for; docs/authors explains each word.
constexpr std::string_view k_privileges[] = {"none", "network", "admin", "process", "files"};

constexpr std::array<std::pair<std::string_view, FeatureKind>, 2> k_kinds = {{
    {"command", FeatureKind::command},
    {"service", FeatureKind::service},
}};

struct Abi {
    int64_t major = 0;
    int64_t minor = 0;
};

bool read_id(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return is_plugin_id(to) ||
           reader.problem(fmt::format("expected a lower-case letter, then up to 62 lower-case "
                                      "letters, digits and \"-\", found {}",
                                      quote(to)));
}

bool read_contract(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return is_name(to, k_max_contract, false, "-.") ||
           reader.problem(fmt::format(
               "expected a contract's id such as \"example.greeter\", found {}", quote(to)));
}

bool read_version(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    const auto version = parse_version(to);
    return version || reader.problem(version.error().message);
}

bool read_range(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    const auto range = parse_version_range(to);
    return range || reader.problem(range.error().message);
}

/// A base name: the host joins it with the plugin's directory, which it must not leave.
bool is_base_name(std::string_view text) {
    return !text.empty() && text.size() <= 200 && text.front() != '.' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

bool read_library(Reader &reader, json &value, std::string &to) {
    if (!reader.text(value, to)) {
        return false;
    }
    return is_base_name(to) ||
           reader.problem(fmt::format("expected a file's base name without directory and extension "
                                      "(letters, digits, \"-\", \"_\", \".\"), found {}",
                                      quote(to)));
}

bool read_hashes(Reader &reader, json &value, Manifest &manifest) {
    if (!value.is_object()) {
        return reader.mismatch("an object of file names and hashes", value);
    }
    for (auto &[file, hash] : value.get_ref<json::object_t &>()) {
        const auto *text = hash.get_ptr<const std::string *>();
        const bool is_hex = text != nullptr && text->size() == 64 &&
                            text->find_first_not_of("0123456789abcdef") == std::string::npos;
        if (!is_base_name(file)) {
            return reader.problem(fmt::format("expected a file name, found {}", quote(file)));
        }
        if (!is_hex) {
            return reader.problem_at(file,
                                     "expected a SHA-256 as 64 lower-case hexadecimal digits");
        }
        manifest.sha256.emplace_back(file, std::move(hash.get_ref<std::string &>()));
    }
    return true;
}

bool read_privileges(Reader &reader, json &value, Manifest &manifest) {
    return reader.list(value, k_max_entries, [&](json &item) {
        auto &word = manifest.privileges.emplace_back();
        if (!reader.text(item, word)) {
            return false;
        }
        return std::find(std::begin(k_privileges), std::end(k_privileges), word) !=
                   std::end(k_privileges) ||
               reader.problem(fmt::format("unknown privilege {}; known: {}", quote(word),
                                          fmt::join(k_privileges, ", ")));
    });
}

constexpr FieldTable<Abi, 2> k_abi_fields = {{
    {"major", true, [](Reader &r, json &v, Abi &a) { return r.integer(v, 1, 65535, a.major); }},
    {"minor", true, [](Reader &r, json &v, Abi &a) { return r.integer(v, 0, 65535, a.minor); }},
}};

bool read_abi(Reader &reader, json &value, Manifest &manifest) {
    Abi abi;
    if (!reader.object(value, k_abi_fields, abi)) {
        return false;
    }
    if (abi.major != K2S_ABI_MAJOR || abi.minor > K2S_ABI_MINOR) {
        return reader.problem(
            fmt::format("the plugin needs version {}.{} of the plugin ABI and this "
                        "host has {}.{}; install a plugin and a host that match",
                        abi.major, abi.minor, K2S_ABI_MAJOR, K2S_ABI_MINOR),
            K2S_E_UNSUPPORTED);
    }
    manifest.abi_major = static_cast<uint32_t>(abi.major);
    manifest.abi_minor = static_cast<uint32_t>(abi.minor);
    return true;
}

constexpr FieldTable<RequiredContract, 3> k_required_fields = {{
    {"contract", true,
     [](Reader &r, json &v, RequiredContract &c) { return read_contract(r, v, c.contract); }},
    {"version", true,
     [](Reader &r, json &v, RequiredContract &c) { return read_range(r, v, c.version); }},
    {"optional", false,
     [](Reader &r, json &v, RequiredContract &c) { return r.boolean(v, c.optional); }},
}};

constexpr FieldTable<ProvidedContract, 2> k_provided_fields = {{
    {"contract", true,
     [](Reader &r, json &v, ProvidedContract &c) { return read_contract(r, v, c.contract); }},
    {"version", true,
     [](Reader &r, json &v, ProvidedContract &c) { return read_version(r, v, c.version); }},
}};

constexpr std::array<std::pair<std::string_view, bool>, 2> k_isolations = {{
    {"none", false},
    {"process", true},
}};

constexpr FieldTable<Feature, 6> k_feature_fields = {{
    {"id", true, [](Reader &r, json &v, Feature &f) { return read_id(r, v, f.id); }},
    {"kind", true, [](Reader &r, json &v, Feature &f) { return r.word(v, k_kinds, f.kind); }},
    {"summary", true, [](Reader &r, json &v, Feature &f) { return r.filled(v, f.summary); }},
    {"enabled", false, [](Reader &r, json &v, Feature &f) { return r.boolean(v, f.enabled); }},
    {"isolation", false,
     [](Reader &r, json &v, Feature &f) { return r.word(v, k_isolations, f.isolated); }},
    {"config", false,
     [](Reader &r, json &v, Feature &f) {
         if (!v.is_object()) {
             return r.mismatch("a JSON Schema (an object)", v);
         }
         f.config = std::move(v);
         return true;
     }},
}};

bool read_features(Reader &reader, json &value, Manifest &manifest) {
    auto &features = manifest.features;
    return reader.list(value, k_max_entries, [&](json &item) {
        Feature feature;
        if (!reader.object(item, k_feature_fields, feature)) {
            return false;
        }
        if (manifest.find_feature(feature.id) != nullptr) {
            return reader.problem_at(
                "id", fmt::format("another feature is \"{}\" too; rename one", feature.id));
        }
        features.push_back(std::move(feature));
        return true;
    });
}

/// A list of contracts, each named once.
template <class T, std::size_t N>
bool read_contracts(Reader &reader, json &value, const FieldTable<T, N> &fields,
                    std::vector<T> &to) {
    return reader.list(value, k_max_entries, [&](json &item) {
        T contract;
        if (!reader.object(item, fields, contract)) {
            return false;
        }
        if (std::any_of(to.begin(), to.end(),
                        [&](const T &other) { return other.contract == contract.contract; })) {
            return reader.problem_at(
                "contract", fmt::format("\"{}\" is listed twice; remove one", contract.contract));
        }
        to.push_back(std::move(contract));
        return true;
    });
}

constexpr FieldTable<Manifest, 14> k_manifest_fields = {{
    {"manifest", true,
     [](Reader &r, json &v, Manifest &) {
         int64_t format = 0;
         return r.integer(v, k_format, k_format, format);
     }},
    {"id", true, [](Reader &r, json &v, Manifest &m) { return read_id(r, v, m.id); }},
    {"version", true,
     [](Reader &r, json &v, Manifest &m) { return read_version(r, v, m.version); }},
    {"summary", true, [](Reader &r, json &v, Manifest &m) { return r.filled(v, m.summary); }},
    {"licence", false, [](Reader &r, json &v, Manifest &m) { return r.filled(v, m.licence); }},
    {"abi", true, read_abi},
    {"library", true,
     [](Reader &r, json &v, Manifest &m) { return read_library(r, v, m.library); }},
    {"sha256", false, read_hashes},
    {"requires", false,
     [](Reader &r, json &v, Manifest &m) {
         return read_contracts(r, v, k_required_fields, m.required_contracts);
     }},
    {"provides", false,
     [](Reader &r, json &v, Manifest &m) {
         return read_contracts(r, v, k_provided_fields, m.provided_contracts);
     }},
    {"privileges", false, read_privileges},
    {"isolation", false,
     [](Reader &r, json &v, Manifest &m) { return r.word(v, k_isolations, m.isolated); }},
    {"features", true, read_features},
    {"commands", false,
     [](Reader &r, json &v, Manifest &m) { return read_commands(r, v, m.commands); }},
}};

/// What concerns two members at once.
Result<void> check(const Manifest &manifest, std::string_view name) {
    for (std::size_t i = 0; i < manifest.commands.size(); ++i) {
        const auto &command = manifest.commands[i];
        const auto *feature = manifest.find_feature(command.feature);
        if (feature == nullptr) {
            std::vector<std::string_view> ids;
            for (const auto &each : manifest.features) {
                ids.push_back(each.id);
            }
            return fail(K2S_E_CONFIG,
                        "{}: /commands/{}/feature: no feature \"{}\" in this manifest; known: {}",
                        name, i, command.feature, fmt::join(ids, ", "));
        }
        if (command.service && feature->kind != FeatureKind::service) {
            return fail(K2S_E_CONFIG,
                        "{}: /commands/{}/service: the feature \"{}\" is no service; make its kind "
                        "\"service\" or remove this key",
                        name, i, feature->id);
        }
    }
    return {};
}

/// A later format may differ in everything else, so this comes first.
Result<void> check_format(const json &tree, std::string_view name) {
    const auto format = tree.find("manifest");
    if (format != tree.end() && format->is_number_integer() && *format != k_format) {
        return fail(K2S_E_UNSUPPORTED,
                    "{}: /manifest: format {} is not known, this host reads format {}; install a "
                    "plugin and a host that match",
                    name, format->dump(), k_format);
    }
    return {};
}

} // namespace

const Feature *Manifest::find_feature(std::string_view feature_id) const {
    const auto place = std::find_if(features.begin(), features.end(),
                                    [&](const Feature &each) { return each.id == feature_id; });
    return place == features.end() ? nullptr : &*place;
}

Result<Manifest> read_manifest(std::string_view text, std::string_view name) {
    auto tree = parse_json(text, name, {.bytes = k_max_manifest_bytes});
    if (!tree) {
        return pass(tree);
    }
    if (auto known = check_format(*tree, name); !known) {
        return pass(known);
    }
    Manifest manifest;
    Reader reader(name);
    if (!reader.object(*tree, k_manifest_fields, manifest)) {
        return std::unexpected(reader.error());
    }
    if (auto consistent = check(manifest, name); !consistent) {
        return pass(consistent);
    }
    manifest.text = text;
    return manifest;
}

Result<Manifest> read_manifest_in(const fs::path &folder) {
    const auto file = folder / k_manifest_name;
    auto text = read_file(file, k_max_manifest_bytes);
    return text ? read_manifest(*text, path_text(file)) : pass(text);
}

bool is_plugin_id(std::string_view text) {
    return is_name(text, k_max_id, false, "-");
}

} // namespace k2s::core
