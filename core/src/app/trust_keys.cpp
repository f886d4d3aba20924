// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin trust add|list|remove|revoke|rescan|seal.
#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "app/app.hpp"
#include "trust/signature.hpp"
#include "util/hex.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"

namespace k2s::core {
namespace {

using Json = nlohmann::ordered_json;
using trust::TrustStore;

constexpr std::string_view k_installation = "installation";

Json describe(const trust::TrustedKey &key) {
    return {{"key", trust::key_id(key.key)},
            {"owner", key.owner},
            {"prefixes", fmt::format("{}", fmt::join(key.prefixes, " "))},
            {"expires", key.expires}};
}

/// The list that a command changes: the tree's, or this user's (the machine's for its
/// administrator).
fs::path chosen_store(App &app) {
    const auto &stores = app.gate().trust().places().stores;
    return app.flag("tree") ? stores.front() : stores[1];
}

/// Reads, changes and writes under a lock, so that two operators do not lose each other's change.
template <class Change>
Result<int> change_store(App &app, const fs::path &file, Json result, Change change) {
    boost::system::error_code ignored; // the lock says what is wrong with the folder
    fs::create_directories(file.parent_path(), ignored);
    auto lock = trust::RecordsLock::take(file);
    auto store = lock ? trust::read_trust_store(file) : pass(lock);
    auto changed = store ? change(*store) : pass(store);
    // What cannot be read again would lock out every trusted plugin.
    auto readable = changed ? trust::parse_trust_store(trust::format_trust_store(*store),
                                                       path_text(file) + " with this change")
                            : pass(changed);
    if (!readable) {
        return pass(readable);
    }
    result["file"] = path_text(file);
    if (app.dry_run()) {
        result["would"] = "change this file";
    } else if (auto written = trust::write_trust_store(file, *store); !written) {
        return pass(written);
    }
    return app.print(result);
}

Result<trust::TrustedKey> key_of_command(App &app) {
    const auto file = path_from_utf8(app.text("file"));
    auto pem = read_file(file, trust::k_key_file_max);
    auto crypto = pem ? app.gate().trust().crypto() : pass(pem);
    auto key = crypto ? crypto->read_public(*pem, path_text(file)) : pass(crypto);
    if (!key) {
        return pass(key);
    }
    trust::TrustedKey entry{*key, app.text("owner"), app.texts("prefix"), app.text("expires")};
    // The rules for what may stand in the file are the reader's.
    auto read = trust::parse_trust_store(trust::format_trust_store({{}, {entry}, {}}), "this key");
    return read ? Result<trust::TrustedKey>(std::move(entry)) : pass(read);
}

Result<int> add(App &app) {
    auto key = key_of_command(app);
    auto stores = key ? app.gate().trust().stores() : pass(key);
    if (!stores) {
        return pass(stores);
    }
    for (const auto &store : *stores) {
        if (const auto *revoked = store.revocation(key->key)) {
            return fail(K2S_E_PERMISSION, "the key {} is revoked: {}", trust::key_id(key->key),
                        revoked->reason);
        }
    }
    return change_store(
        app, chosen_store(app), describe(*key), [&](TrustStore &store) -> Result<void> {
            std::erase_if(store.keys, [&](const auto &one) { return one.key == key->key; });
            store.keys.push_back(*key);
            return {};
        });
}

/// The one key that begins with these digits.
Result<trust::PublicKey> find_key(const std::vector<TrustStore> &stores,
                                  const std::string &digits) {
    if (const auto whole = from_hex<K2S_ED25519_KEY_SIZE>(digits)) {
        return *whole;
    }
    std::vector<trust::PublicKey> found;
    for (const auto &store : stores) {
        for (const auto &key : store.keys) {
            if (!digits.empty() && to_hex(key.key).starts_with(digits) &&
                std::ranges::find(found, key.key) == found.end()) {
                found.push_back(key.key);
            }
        }
    }
    if (found.size() == 1) {
        return found.front();
    }
    return fail(K2S_E_NOT_FOUND, "{} trusted key{} with '{}': see `k2s plugin trust list`",
                found.size(), found.size() > 1 ? "s begin" : " begins", digits);
}

Result<int> remove(App &app) {
    const auto file = chosen_store(app);
    return change_store(app, file, {{"key", app.text("key")}, {"trusted", false}},
                        [&](TrustStore &store) -> Result<void> {
                            auto key = find_key({store}, app.text("key"));
                            if (!key || store.find(*key) == nullptr) {
                                return fail(K2S_E_NOT_FOUND,
                                            "no key in '{}' begins with '{}': see `k2s plugin "
                                            "trust list`",
                                            path_text(file), app.text("key"));
                            }
                            std::erase_if(store.keys,
                                          [&](const auto &one) { return one.key == *key; });
                            return {};
                        });
}

Result<int> revoke(App &app) {
    auto stores = app.gate().trust().stores();
    auto key = stores ? find_key(*stores, app.text("key")) : pass(stores);
    if (!key) {
        return pass(key);
    }
    return change_store(
        app, chosen_store(app), {{"key", trust::key_id(*key)}, {"revoked", app.text("reason")}},
        [&](TrustStore &store) -> Result<void> {
            std::erase_if(store.revoked, [&](const auto &one) { return one.key == *key; });
            store.revoked.push_back({*key, app.text("reason")});
            return {};
        });
}

Result<int> list(App &app) {
    auto &trust = app.gate().trust();
    auto stores = trust.stores();
    if (!stores) {
        return pass(stores);
    }
    auto keys = Json::array();
    for (std::size_t i = 0; i < stores->size(); ++i) {
        const auto file = path_text(trust.places().stores[i]);
        for (const auto &key : (*stores)[i].keys) {
            auto entry = describe(key);
            const bool revoked = std::ranges::any_of(*stores, [&](const TrustStore &store) {
                return store.revocation(key.key) != nullptr;
            });
            entry["state"] = revoked ? "revoked" : "trusted";
            entry["file"] = file;
            keys.push_back(std::move(entry));
        }
        for (const auto &revoked : (*stores)[i].revoked) {
            if (std::ranges::none_of(*stores, [&](const TrustStore &store) {
                    return store.find(revoked.key) != nullptr;
                })) {
                keys.push_back({{"key", trust::key_id(revoked.key)},
                                {"owner", ""},
                                {"prefixes", ""},
                                {"expires", ""},
                                {"state", "revoked"},
                                {"file", file}});
            }
        }
    }
    return app.print(keys);
}

Result<int> rescan(App &app) {
    auto result = Json::array();
    bool all = true;
    for (std::size_t i = 0; i < app.plugins().candidates().size(); ++i) {
        const auto &manifest = app.plugins().candidates()[i].manifest;
        const auto verdict = app.gate().trust().verify(manifest, app.plugins().folder(i), nullptr);
        if (!verdict) {
            app.gate().trust().forget(app.plugins().folder(i));
        }
        all = all && verdict;
        result.push_back({{"plugin", manifest.id},
                          {"version", manifest.version},
                          {"trusted", verdict.has_value()},
                          {"key", verdict ? verdict->key : ""},
                          {"text", verdict ? verdict->owner : verdict.error().message}});
    }
    auto printed = app.print(result);
    return !printed ? printed : Result<int>(all ? 0 : exit_code(K2S_E_PARTIAL));
}

/// Signs with the vendor's key, or with one that nobody keeps: then nothing else can ever be signed
/// with it.
Result<int> seal(App &app) {
    auto crypto = app.gate().trust().crypto();
    if (!crypto) {
        return pass(crypto);
    }
    const auto key_file = app.text("key");
    auto pem = key_file.empty() ? Result<std::string>()
                                : read_file(path_from_utf8(key_file), trust::k_key_file_max);
    if (pem && key_file.empty()) {
        auto made = crypto->generate();
        pem = made ? Result<std::string>(std::move(made->private_pem)) : pass(made);
    }
    if (!pem) {
        return pass(pem);
    }
    trust::TrustedKey entry{{}, std::string(k_installation), app.texts("id"), {}};
    for (const auto &id : entry.prefixes) {
        auto key = trust::sign_plugin(*crypto, app.tree().plugins / path_from_utf8(id), *pem,
                                      key_file.empty() ? "the new key" : key_file);
        if (!key) {
            return pass(key);
        }
        entry.key = *key;
    }
    return change_store(app, app.gate().trust().places().stores.front(), describe(entry),
                        [&](TrustStore &store) -> Result<void> {
                            std::erase_if(store.keys, [&](const auto &one) {
                                return one.key == entry.key || one.owner == k_installation;
                            });
                            store.keys.push_back(entry);
                            store.policy = store.policy.value_or(trust::Policy::enforce);
                            return {};
                        });
}

} // namespace

Result<int> manage_trust(App &app) {
    const auto &what = app.call().command->path.back();
    return what == "add"      ? add(app)
           : what == "list"   ? list(app)
           : what == "remove" ? remove(app)
           : what == "revoke" ? revoke(app)
           : what == "rescan" ? rescan(app)
                              : seal(app);
}

} // namespace k2s::core
