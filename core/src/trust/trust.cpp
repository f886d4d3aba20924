// SPDX-License-Identifier: MIT
#include "trust/trust.hpp"

#include <algorithm>
#include <ctime>

#include <boost/filesystem/operations.hpp>

#include "trust/signature.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core::trust {

namespace {

// A name that no file of a plugin can have.
constexpr std::string_view k_folder_name = ".";

/// The manifest's file, if it still is what `manifest` was read from.
Result<FileIdentity> identify_manifest(const Manifest &manifest, const fs::path &folder) {
    const auto path = folder / k_manifest_name;
    auto file = OpenLibrary::open_any(path);
    if (!file) {
        return pass(file);
    }
    std::string text(manifest.text.size() + 1, '\0');
    text.resize(file->read_at(0, text.data(), text.size()));
    if (text != manifest.text || !file->unchanged()) {
        return fail(K2S_E_BUSY, "'{}' was replaced since it was read; try again", path_text(path));
    }
    return file->identity();
}

} // namespace

std::string Trust::path_name(const fs::path &folder) {
    return path_to_utf8(folder);
}

Result<TrustStore> read_trust_store(const fs::path &file) {
    if (!identify(file)) {
        return TrustStore{};
    }
    auto opened = OpenLibrary::open_any(file);
    if (auto safe =
            opened ? opened->check_permissions(file.parent_path(), Guard::plugin) : pass(opened);
        !safe) {
        return pass(safe);
    }
    if (opened->identity().size > k_trust_store_max) {
        return fail(K2S_E_CONFIG, "'{}' is longer than {} bytes", path_text(file),
                    k_trust_store_max);
    }
    std::string text(static_cast<std::size_t>(opened->identity().size), '\0');
    text.resize(opened->read_at(0, text.data(), text.size()));
    return parse_trust_store(text, path_text(file));
}

Result<void> write_trust_store(const fs::path &file, const TrustStore &store) {
    boost::system::error_code failed;
    fs::create_directories(file.parent_path(), failed);
    if (failed) {
        return fail(K2S_E_PERMISSION, "cannot make the folder '{}': {}",
                    path_text(file.parent_path()), failed.message());
    }
    return write_file(file, format_trust_store(store));
}

Result<Policy> Trust::default_policy() const {
    if (!is_installed()) {
        return Policy::off;
    }
    auto store = read_trust_store(places_.stores.front());
    return store ? Result<Policy>(store->policy.value_or(Policy::enforce)) : pass(store);
}

Result<std::vector<TrustStore>> Trust::stores() const {
    std::vector<TrustStore> stores;
    for (const auto &file : places_.stores) {
        auto store = read_trust_store(file);
        if (!store) {
            return pass(store);
        }
        stores.push_back(std::move(*store));
    }
    return stores;
}

std::vector<std::pair<std::string, FileIdentity>> Trust::store_identities() const {
    std::vector<std::pair<std::string, FileIdentity>> list;
    for (const auto &file : places_.stores) {
        list.emplace_back(path_name(file), identify(file).value_or(FileIdentity{}));
    }
    return list;
}

const TrustVerdict *Trust::known(const Manifest &manifest, const fs::path &folder,
                                 const OpenLibrary *library) {
    const auto *verdict = verdicts_.find(path_name(folder));
    if (verdict == nullptr || (verdict->expires != 0 && verdict->expires <= std::time(nullptr))) {
        return nullptr;
    }
    const auto stores = store_identities();
    std::size_t stores_seen = 0;
    const bool same = std::ranges::all_of(verdict->files, [&](const auto &one) {
        const auto &[name, identity] = one;
        const auto store =
            std::ranges::find(stores, name, &std::pair<std::string, FileIdentity>::first);
        if (store != stores.end()) {
            ++stores_seen;
            return store->second == identity;
        }
        if (name == k_manifest_name) {
            const auto now = identify_manifest(manifest, folder);
            return now && *now == identity;
        }
        const auto path = name == k_folder_name ? folder : folder / path_from_utf8(name);
        return (library != nullptr && library->path() == path
                    ? library->identity()
                    : identify(path).value_or(FileIdentity{})) == identity;
    });
    return same && stores_seen == stores.size() ? verdict : nullptr;
}

Result<TrustVerdict> Trust::verify(const Manifest &manifest, const fs::path &folder,
                                   const OpenLibrary *library) {
    // Looked at before they are read: a change in between makes the verdict about the past.
    TrustVerdict verdict{path_name(folder), {}, {}, 0, store_identities()};
    for (const auto &[name, path] :
         {std::pair{k_folder_name, folder},
          {k_signature_name, folder / path_from_utf8(k_signature_name)}}) {
        verdict.files.emplace_back(name, identify(path).value_or(FileIdentity{}));
    }
    const auto manifest_file = identify_manifest(manifest, folder);
    auto trusted = manifest_file ? stores() : std::unexpected(manifest_file.error());
    auto module = trusted ? crypto() : pass(trusted);
    if (!module) {
        return pass(module);
    }
    verdict.files.emplace_back(k_manifest_name, *manifest_file);
    auto key = verify_manifest(*module, *trusted, manifest, folder, std::time(nullptr));
    auto files = key ? verify_files(*module, manifest, folder, library) : pass(key);
    if (!files) {
        return pass(files);
    }
    verdict.key = key_id(key->key);
    verdict.owner = key->owner;
    verdict.expires = key->expires.empty() ? 0 : end_of_day(key->expires).value_or(1);
    std::ranges::move(*files, std::back_inserter(verdict.files));
    // Where that cannot be saved each start verifies.
    static_cast<void>(verdicts_.put(verdict));
    return verdict;
}

} // namespace k2s::core::trust
