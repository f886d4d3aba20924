// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin keygen|sign|verify.
#include <boost/filesystem/operations.hpp>

#include "app/app.hpp"
#include "trust/signature.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned k_private_mode = 0600;
constexpr unsigned k_public_mode = 0644;

Result<int> make_key(App &app) {
    const auto secret = path_from_utf8(app.text("file"));
    const auto open = path_from_utf8(app.text("file") + ".pub");
    for (const auto &file : {secret, open}) {
        if (fs::exists(fs::symlink_status(file))) {
            return fail(K2S_E_EXISTS,
                        "'{}' exists: a key is never overwritten, choose another name",
                        path_text(file));
        }
    }
    auto crypto = app.gate().trust().crypto();
    auto made = crypto ? crypto->generate() : pass(crypto);
    if (!made) {
        return pass(made);
    }
    auto written = write_file(secret, made->private_pem, k_private_mode);
    if (written) {
        written = write_file(open, made->public_pem, k_public_mode);
    }
    auto key = written ? crypto->read_public(made->public_pem, "the new key") : pass(written);
    if (!key) {
        return pass(key);
    }
    return app.print({{"private", path_text(secret)},
                      {"public", path_text(open)},
                      {"key", trust::key_id(*key)}});
}

/// A plugin that is not among those of this host.
struct Found {
    Manifest manifest;
    fs::path folder;
};

Result<Found> read_folder(const fs::path &folder) {
    auto manifest = read_manifest_in(folder);
    return manifest ? Result<Found>({std::move(*manifest), folder}) : pass(manifest);
}

Result<int> sign(App &app) {
    const auto found = read_folder(path_from_utf8(app.text("folder")));
    const auto key_file = path_from_utf8(app.text("key"));
    auto pem = found ? read_file(key_file, trust::k_key_file_max)
                     : Result<std::string>(std::unexpected(found.error()));
    if (!pem) {
        return pass(pem);
    }
    Json result{{"plugin", found->manifest.id}, {"version", found->manifest.version}};
    if (app.dry_run()) {
        result["would"] = "write plugin.json and plugin.json.sig";
        return app.print(result);
    }
    auto crypto = app.gate().trust().crypto();
    auto key = crypto ? trust::sign_plugin(*crypto, found->folder, *pem, path_text(key_file))
                      : pass(crypto);
    if (!key) {
        return pass(key);
    }
    result["key"] = trust::key_id(*key);
    result["files"] = *trust::plugin_files(found->folder);
    return app.print(result);
}

Result<int> verify(App &app) {
    const auto name = app.text("plugin");
    Result<Found> found = std::unexpected(Error{});
    if (const auto index = app.plugins().find(name)) {
        found = Found{app.plugins().candidates()[*index].manifest, app.plugins().folder(*index)};
    } else if (fs::is_directory(path_from_utf8(name))) {
        found = read_folder(fs::absolute(path_from_utf8(name)));
    } else {
        found = fail(K2S_E_NOT_FOUND,
                     "'{}' is neither a plugin nor a folder: see `k2s plugin list`", name);
    }
    if (!found) {
        return pass(found);
    }
    const auto &[manifest, folder] = *found;
    auto verdict = app.gate().trust().verify(manifest, folder, nullptr);
    if (!verdict) {
        return fail(verdict.error().code, "plugin '{}' is not trusted: {}", manifest.id,
                    verdict.error().message);
    }
    Json files = Json::array();
    for (const auto &[file, hash] : manifest.sha256) {
        files.push_back({{"file", file}, {"sha256", hash}});
    }
    return app.print({{"plugin", manifest.id},
                      {"version", manifest.version},
                      {"trusted", true},
                      {"key", verdict->key},
                      {"owner", verdict->owner},
                      {"files", std::move(files)}});
}

} // namespace

Result<int> sign_plugins(App &app) {
    const auto &what = app.call().command->path.back();
    return what == "keygen" ? make_key(app) : what == "sign" ? sign(app) : verify(app);
}

} // namespace k2s::core
