// SPDX-License-Identifier: MIT
#include "trust/signature.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "manifest/json_text.hpp"
#include "manifest/reader.hpp"
#include "util/hex.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core::trust {

namespace {

using nlohmann::json;

constexpr int64_t k_format = 1;
constexpr std::string_view k_algorithm = "ed25519";
constexpr std::size_t k_most_files = 1024;

constexpr FieldTable<Signed, 4> k_fields = {{
    {"signature", true,
     [](Reader &r, json &v, Signed &) {
         int64_t format = 0;
         return r.integer(v, k_format, k_format, format);
     }},
    {"algorithm", true,
     [](Reader &r, json &v, Signed &) {
         std::string text;
         return r.text(v, text) &&
                (text == k_algorithm || r.problem("the only algorithm known here is ed25519"));
     }},
    {"key", true,
     [](Reader &r, json &v, Signed &s) {
         std::string text;
         const auto key = r.text(v, text) ? from_hex<K2S_ED25519_KEY_SIZE>(text) : std::nullopt;
         s.key = key.value_or(s.key);
         return key || r.problem("expected 64 lower-case hexadecimal digits");
     }},
    {"value", true,
     [](Reader &r, json &v, Signed &s) {
         std::string text;
         const auto value =
             r.text(v, text) ? from_hex<K2S_ED25519_SIGNATURE_SIZE>(text) : std::nullopt;
         s.value = value.value_or(s.value);
         return value || r.problem("expected 128 lower-case hexadecimal digits");
     }},
}};

std::string expected_hash(const Manifest &manifest, std::string_view file) {
    for (const auto &[name, hash] : manifest.sha256) {
        if (name == file) {
            return hash;
        }
    }
    return {};
}

} // namespace

std::string format_signature(const Signed &signature) {
    return nlohmann::ordered_json{{"signature", k_format},
                                  {"algorithm", k_algorithm},
                                  {"key", to_hex(signature.key)},
                                  {"value", to_hex(signature.value)}}
               .dump(2) +
           "\n";
}

Result<Signed> parse_signature(std::string_view text, std::string_view name) {
    auto tree = parse_json(text, name, {.bytes = k_signature_max});
    Signed signature{};
    Reader reader(name);
    if (!tree || !reader.object(*tree, k_fields, signature)) {
        return fail(K2S_E_PERMISSION, "{}", tree ? reader.error().message : tree.error().message);
    }
    return signature;
}

Result<std::vector<std::string>> plugin_files(const fs::path &folder) {
    std::vector<std::string> files;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto name = path_to_utf8(entry->path().filename());
        if (entry->symlink_status(failed).type() != fs::regular_file) {
            return fail(K2S_E_PERMISSION,
                        "'{}' is no regular file, so no signature can cover it: remove it",
                        path_text(entry->path()));
        }
        if (name != k_manifest_name && name != k_signature_name) {
            files.push_back(name);
        }
        if (files.size() > k_most_files) {
            return fail(K2S_E_NO_MEMORY, "'{}' has more than {} files", path_text(folder),
                        k_most_files);
        }
    }
    if (failed) {
        return fail(K2S_E_PERMISSION, "cannot list '{}': {}", path_text(folder), failed.message());
    }
    std::ranges::sort(files);
    return files;
}

Result<PublicKey> sign_plugin(const Crypto &crypto, const fs::path &folder,
                              std::string_view private_pem, std::string_view key_name) {
    const auto file = folder / k_manifest_name;
    auto manifest = read_manifest_in(folder);
    auto files = manifest ? plugin_files(folder) : pass(manifest);
    if (!files) {
        return pass(files);
    }
    auto hashes = nlohmann::ordered_json::object();
    for (const auto &name : *files) {
        auto opened = OpenLibrary::open_any(folder / path_from_utf8(name));
        auto hash = opened ? crypto.sha256(*opened) : pass(opened);
        if (!hash) {
            return pass(hash);
        }
        hashes[name] = *hash;
    }
    auto tree = nlohmann::ordered_json::parse(manifest->text);
    if (tree.value("sha256", nlohmann::ordered_json::object()) != hashes) {
        tree["sha256"] = std::move(hashes);
        manifest = read_manifest(tree.dump(2) + "\n", path_text(file));
        if (!manifest) {
            return pass(manifest); // a file name that manifests do not allow
        }
        if (auto written = write_file(file, manifest->text); !written) {
            return pass(written);
        }
    }
    auto made = crypto.sign(private_pem, manifest->text, key_name);
    if (!made) {
        return pass(made);
    }
    auto written = write_file(folder / path_from_utf8(k_signature_name), format_signature(*made));
    return written ? Result<PublicKey>(made->key) : pass(written);
}

Result<TrustedKey> verify_manifest(const Crypto &crypto, const std::vector<TrustStore> &stores,
                                   const Manifest &manifest, const fs::path &folder,
                                   std::int64_t now) {
    const auto file = folder / path_from_utf8(k_signature_name);
    auto text = read_file_if_exists(file, k_signature_max);
    if (!text || !*text) {
        return text ? fail(K2S_E_PERMISSION, "it is not signed: there is no '{}'", path_text(file))
                    : pass(text);
    }
    const auto signature = parse_signature(**text, path_text(file));
    if (!signature) {
        return std::unexpected(signature.error());
    }
    const auto id = key_id(signature->key);
    const TrustedKey *key = nullptr;
    for (const auto &store : stores) {
        if (const auto *revoked = store.revocation(signature->key)) {
            return fail(K2S_E_PERMISSION, "the key {} that signed it is revoked: {}", id,
                        revoked->reason);
        }
        key = key != nullptr ? key : store.find(signature->key);
    }
    if (key == nullptr) {
        return fail(K2S_E_PERMISSION,
                    "it is signed by the key {}, which is not trusted here (`k2s plugin trust add` "
                    "adds a key)",
                    id);
    }
    if (!key->expires.empty() && end_of_day(key->expires).value_or(0) <= now) {
        return fail(K2S_E_PERMISSION, "the key {} of {} that signed it expired on {}", id,
                    key->owner, key->expires);
    }
    if (!key->may_sign(manifest.id)) {
        return fail(K2S_E_PERMISSION, "the key {} of {} may sign {}, not '{}'", id, key->owner,
                    fmt::join(key->prefixes, ", "), manifest.id);
    }
    if (!crypto.verify(signature->key, manifest.text, signature->value)) {
        return fail(K2S_E_PERMISSION,
                    "its plugin.json is not what the key {} of {} signed: install it again", id,
                    key->owner);
    }
    return *key;
}

Result<std::vector<std::pair<std::string, FileIdentity>>> verify_files(const Crypto &crypto,
                                                                       const Manifest &manifest,
                                                                       const fs::path &folder,
                                                                       const OpenLibrary *library) {
    auto files = plugin_files(folder);
    if (!files) {
        return pass(files);
    }
    for (const auto &[name, hash] : manifest.sha256) {
        if (std::ranges::find(*files, name) == files->end()) {
            return fail(K2S_E_PERMISSION, "its file '{}' is missing: install it again", name);
        }
    }
    std::vector<std::pair<std::string, FileIdentity>> identities;
    for (const auto &name : *files) {
        const auto wanted = expected_hash(manifest, name);
        if (wanted.empty()) {
            return fail(K2S_E_PERMISSION,
                        "'{}' is not listed in its plugin.json, so nobody signed it: remove it",
                        path_text(folder / path_from_utf8(name)));
        }
        const auto path = folder / path_from_utf8(name);
        const bool is_library = library != nullptr && library->path() == path;
        auto opened = is_library ? Result<OpenLibrary>(std::unexpected(Error{}))
                                 : OpenLibrary::open_any(path);
        if (!is_library && !opened) {
            return pass(opened);
        }
        const OpenLibrary &file = is_library ? *library : *opened;
        auto hash = crypto.sha256(file);
        if (!hash) {
            return pass(hash);
        }
        if (*hash != wanted) {
            return fail(K2S_E_PERMISSION,
                        "{}: its SHA-256 is {}, plugin.json says {}: install the plugin again",
                        path_text(path), *hash, wanted);
        }
        identities.emplace_back(name, file.identity());
    }
    return identities;
}

} // namespace k2s::core::trust
