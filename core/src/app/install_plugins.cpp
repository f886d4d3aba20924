// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin pack|install|upgrade|rollback|uninstall.
#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "app/app.hpp"
#include "app/host_client.hpp"
#include "app/switches.hpp"
#include "install/versions.hpp"
#include "manifest/version.hpp"
#include "trust/probe.hpp"
#include "util/path.hpp"
#include "util/write_file.hpp"

namespace k2s::core {
namespace {

using Json = nlohmann::ordered_json;
using install::Package;
using install::Versions;

/// One change of what is installed. Whatever fails after `use` puts the old version back.
class Change {
  public:
    Change(App &app, Versions versions, std::string id)
        : app_(app), versions_(std::move(versions)), id_(std::move(id)),
          before_(versions_.current(id_)) {}

    const std::optional<std::string> &before() const { return before_; }
    bool has_files() const { return versions_.has_files(id_); }

    /// Unpacks and proves that the files are what they should be, apart from everything that runs.
    Result<fs::path> prepare(const Package &package, Versions::Where where) {
        auto folder = versions_.unpack(package, where);
        if (!folder) {
            return folder;
        }
        auto proven = prove(package.manifest, *folder);
        if (!proven) {
            drop(*folder);
            return pass(proven);
        }
        return folder;
    }
    void drop(const fs::path &folder) { versions_.remove(folder); }

    /// Makes the version the one that counts, here and in the running hosts.
    Result<std::vector<std::string>> use(const std::optional<std::string> &version) {
        auto done = versions_.use(id_, version);
        if (!done) {
            return pass(done);
        }
        app_.rediscover();
        done = version ? fits() : Result<void>();
        auto told = done ? tell_hosts(app_) : pass(done);
        if (told) {
            return told;
        }
        const Error why = told.error();
        if (auto back = versions_.use(id_, before_); !back) {
            return fail(why.code, "{}; and the old version could not be put back: {}", why.message,
                        back.error().message);
        }
        static_cast<void>(tell_hosts(app_)); // they run the old version on, or said why not
        return fail(why.code, "{} ({})", why.message,
                    before_ ? fmt::format("version {} is the installed one again", *before_)
                            : std::string("nothing is installed"));
    }

    std::vector<std::string> keep(std::vector<std::string> versions) {
        return versions_.remove_others(id_, versions);
    }

    /// That the files in the folder are let in, and that the library can be loaded and is the one
    /// that the manifest says.
    Result<void> prove(const Manifest &manifest, const fs::path &folder) {
        auto library =
            trust::OpenLibrary::open(folder / path_from_utf8(library_file_name(manifest)));
        auto admitted = library ? app_.gate().admit(manifest, folder, *library) : pass(library);
        if (!admitted) {
            return pass(admitted);
        }
        trust::ProbeRules rules;
        rules.foreign = *admitted == Admission::foreign;
        auto probed = trust::probe(app_.tree().worker, *library, manifest.id, rules);
        if (!probed) {
            return pass(probed);
        }
        if (!probed->good) {
            return fail(probed->code, "{}", probed->message);
        }
        if (probed->version != manifest.version) {
            return fail(K2S_E_CONFIG,
                        "plugin '{}': its library is of version {}, plugin.json of {}", manifest.id,
                        probed->version, manifest.version);
        }
        return {};
    }

  private:
    /// That it gets along with the other plugins, and that its create comes back: a host that runs
    /// services could not outlive one that does not. A worker can; but it gets no contracts of
    /// others, and settings may be missing that come later.
    Result<void> fits() {
        const auto index = app_.plugins().find(id_);
        const auto &verdicts = app_.plugins().resolution().verdicts;
        if (!index) {
            return fail(K2S_E_CONFIG, "plugin '{}' cannot be read where it was installed", id_);
        }
        const Candidate &candidate = app_.plugins().candidates()[*index];
        if (candidate.enabled && verdicts[*index].refused) {
            return std::unexpected(*verdicts[*index].refused);
        }
        if (!candidate.enabled || !candidate.manifest.required_contracts.empty()) {
            return {};
        }
        app_.let_workers_stand_in();
        auto tried = app_.plugins().activate(*index, Place::worker);
        static_cast<void>(app_.plugins().deactivate_all(k_trial_end)); // its worker ends with us
        return tried || tried.error().code == K2S_E_CONFIG ? Result<void>() : pass(tried);
    }

    static constexpr std::chrono::seconds k_trial_end{5};

    App &app_;
    Versions versions_;
    const std::string id_;
    const std::optional<std::string> before_;
};

Result<Change> change(App &app, const std::string &id) {
    auto versions = Versions::open(app.tree().plugins);
    return versions ? Result<Change>(Change(app, std::move(*versions), id)) : pass(versions);
}

Result<int> pack(App &app) {
    const auto folder = path_from_utf8(app.text("folder"));
    auto manifest = read_manifest_in(folder);
    auto archive = manifest ? install::make_package(app.tree().archive, folder) : pass(manifest);
    if (!archive) {
        return pass(archive);
    }
    auto file = app.text("output");
    if (file.empty()) {
        file = fmt::format("{}-{}.k2splugin", manifest->id, manifest->version);
    }
    if (auto done = write_file(path_from_utf8(file), *archive); !done) {
        return pass(done);
    }
    return app.print({{"plugin", manifest->id},
                      {"version", manifest->version},
                      {"file", file},
                      {"bytes", archive->size()}});
}

Result<void> check_order(const Manifest &manifest, const std::optional<std::string> &before,
                         bool upgrade) {
    if (!upgrade) {
        return before ? Result<void>(fail(K2S_E_EXISTS,
                                          "plugin '{}' {} is installed: use `k2s plugin upgrade`, "
                                          "or `k2s plugin uninstall` first if it is damaged",
                                          manifest.id, *before))
                      : Result<void>();
    }
    if (!before) {
        return fail(K2S_E_NOT_FOUND, "plugin '{}' is not installed: use `k2s plugin install`",
                    manifest.id);
    }
    const auto old = parse_version(*before);
    const auto next = parse_version(manifest.version);
    if (old && next && *next <= *old) {
        return fail(K2S_E_EXISTS,
                    "plugin '{}' {} is not newer than the installed {}: `k2s plugin rollback` goes "
                    "back",
                    manifest.id, manifest.version, *before);
    }
    return {};
}

Result<int> install_file(App &app, bool upgrade) {
    auto package = install::read_package(app.tree().archive, path_from_utf8(app.text("file")));
    if (!package) {
        return pass(package);
    }
    const Manifest &manifest = package->manifest;
    const auto library = library_file_name(manifest);
    if (!package->files.contains(library)) {
        return fail(K2S_E_UNSUPPORTED,
                    "plugin '{}' {} is not for this system: there is no '{}' in it", manifest.id,
                    manifest.version, library);
    }
    auto one = change(app, manifest.id);
    auto order = one ? check_order(manifest, one->before(), upgrade) : pass(one);
    if (!order) {
        return pass(order);
    }
    Json result{{"plugin", manifest.id},
                {"version", manifest.version},
                {"before", one->before().value_or("none")}};
    const auto folder =
        one->prepare(*package, app.dry_run() ? Versions::Where::aside : Versions::Where::version);
    if (!folder) {
        return std::unexpected(folder.error());
    }
    if (app.dry_run()) {
        one->drop(*folder);
        result["would"] = "install it and tell the running hosts";
        return app.print(result);
    }
    auto told = one->use(manifest.version);
    if (!told) {
        one->drop(*folder);
        return pass(told);
    }
    one->keep({manifest.version, one->before().value_or(manifest.version)});
    result["running_host"] = follower_text(*told);
    return app.print(result);
}

/// The folders beside the current version that are versions: those before it, the newest first,
/// then those after it, which a kill or a library in use has left.
std::vector<std::string> other_versions(App &app, const std::string &id,
                                        const std::string &current) {
    std::vector<std::string> list;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(app.tree().plugins / path_from_utf8(id), failed), end;
         !failed && entry != end; entry.increment(failed)) {
        const auto name = path_to_utf8(entry->path().filename());
        if (name != current && parse_version(name) && fs::exists(entry->path() / k_manifest_name)) {
            list.push_back(name);
        }
    }
    const auto now = parse_version(current).value_or(Version{});
    std::ranges::sort(list, [&now](const std::string &a, const std::string &b) {
        const auto first = parse_version(a), second = parse_version(b);
        const bool first_after = *first > now, second_after = *second > now;
        return first_after != second_after ? second_after : *first > *second;
    });
    return list;
}

/// A change of what was installed from an archive, however damaged that is now: plugin.json need
/// not be readable.
Result<Change> change_installed(App &app, const std::string &id) {
    const auto none = fail(K2S_E_NOT_FOUND, "there is no plugin '{}': see `k2s plugin list`", id);
    if (!is_plugin_id(id)) {
        return none; // and perhaps the way to another folder
    }
    auto one = change(app, id);
    if (one && !one->has_files()) {
        const bool by_hand = app.plugins().find(id) ||
                             fs::exists(app.tree().plugins / path_from_utf8(id) / k_manifest_name);
        return by_hand
                   ? fail(
                         K2S_E_NOT_FOUND,
                         "plugin '{}' was not installed from an archive: remove its folder by hand",
                         id)
                   : none;
    }
    return one;
}

Result<int> leave_version(App &app, bool rollback) {
    const auto id = app.text("id");
    auto one = change_installed(app, id);
    if (!one) {
        return pass(one);
    }
    const auto before = one->before().value_or("none");
    const auto others = other_versions(app, id, before);
    if (rollback && others.empty()) {
        return fail(K2S_E_NOT_FOUND, "there is no version of plugin '{}' beside {}", id, before);
    }
    const auto target = rollback ? std::optional(others.front()) : std::nullopt;
    std::vector<std::string> features;
    if (const auto index = app.plugins().find(id)) {
        for (const auto &feature : app.plugins().candidates()[*index].manifest.features) {
            features.push_back(feature.id);
        }
    }
    Json result{{"plugin", id}, {"version", target.value_or("none")}, {"before", before}};
    if (target) {
        const auto folder = app.tree().plugins / path_from_utf8(id) / path_from_utf8(*target);
        auto manifest = read_manifest_in(folder);
        auto proven = manifest ? one->prove(*manifest, folder) : pass(manifest);
        if (!proven) {
            return pass(proven);
        }
    }
    if (app.dry_run()) {
        result["would"] = "tell the running hosts";
        return app.print(result);
    }
    auto told = one->use(target);
    if (!told) {
        return pass(told);
    }
    result["running_host"] = follower_text(*told);
    if (rollback) {
        return app.print(result);
    }
    forget_switch("plugins", id);
    for (const auto &feature : features) {
        forget_switch("features", feature);
    }
    if (const auto left = one->keep({}); !left.empty()) {
        result["still_in_use"] = left;
    }
    return app.print(result);
}

} // namespace

Result<int> install_plugins(App &app) {
    const auto &what = app.call().command->path.back();
    return what == "pack"       ? pack(app)
           : what == "install"  ? install_file(app, false)
           : what == "upgrade"  ? install_file(app, true)
           : what == "rollback" ? leave_version(app, true)
                                : leave_version(app, false);
}

} // namespace k2s::core
