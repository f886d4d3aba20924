// SPDX-License-Identifier: MIT
#include "subject.hpp"

#include <cstring>

#include <k2s/sdk/text.hpp>

#include "config/config.hpp"
#include "loader/library.hpp"
#include "trust/identity.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "version.h"

namespace k2s::validator {

using namespace core;
using namespace std::chrono_literals;

namespace {

std::vector<DeclaredContract> provided(const Manifest &manifest) {
    std::vector<DeclaredContract> list;
    for (const auto &one : manifest.provided_contracts) {
        list.push_back({one.contract, one.version});
    }
    return list;
}

std::vector<DeclaredContract> required(const Manifest &manifest) {
    std::vector<DeclaredContract> list;
    for (const auto &one : manifest.required_contracts) {
        list.push_back({one.contract, one.version});
    }
    return list;
}

/// What is mapped stays open: the dynamic linker knows it by that.
Result<fs::path> load_path(const Subject &subject) {
    auto opened = trust::OpenLibrary::open(subject.library());
    if (!opened) {
        return pass(opened);
    }
    static std::vector<trust::OpenLibrary> held;
    held.push_back(std::move(*opened));
    return held.back().load_path();
}

// The host that Raw gives out answers from here; there is one at a time.
const Raw::Hidden *g_hidden = nullptr;
const k2s_host *g_whole = nullptr;

const void *K2S_CALL filtered(const k2s_host *, k2s_str id) {
    return (*g_hidden)(from_abi(id)) ? nullptr : g_whole->get(g_whole, id);
}

} // namespace

fs::path Subject::library() const {
    return folder / path_from_utf8(library_file_name(manifest));
}

Result<Subject> read_subject(const fs::path &folder) {
    const auto file = folder / "plugin.json";
    auto text = read_file(file, k_max_manifest_bytes);
    auto manifest = text ? read_manifest(*text, path_text(file)) : pass(text);
    if (!manifest) {
        return pass(manifest);
    }
    return Subject{std::move(*manifest), folder};
}

std::optional<std::string> default_settings(const Subject &subject, std::string_view feature) {
    const auto *declared = subject.manifest.find_feature(feature);
    auto checked = check_settings({declared->id, subject.manifest.id, declared->config,
                                   declared->kind == FeatureKind::service},
                                  nlohmann::json::object(), declared->id);
    return checked ? std::optional(checked->dump()) : std::nullopt;
}

Ports make_ports(const Subject &subject) {
    Ports ports;
    ports.version = k2s_version;
    ports.config = [&subject](std::string_view, std::string_view pointer) -> Result<std::string> {
        auto settings = nlohmann::json::object();
        for (const auto &feature : subject.manifest.features) {
            settings[feature.id] =
                nlohmann::json::parse(default_settings(subject, feature.id).value_or("{}"));
        }
        const auto at = nlohmann::json::json_pointer(std::string(pointer));
        return settings.contains(at) ? Result<std::string>(settings[at].dump())
                                     : fail(K2S_E_NOT_FOUND, "nothing at '{}'", pointer);
    };
    ports.config_generation = [](std::string_view) { return std::uint64_t{1}; };
    ports.process = [](std::string_view, const ProcessRequest &) -> Result<ProcessOutcome> {
        return fail(K2S_E_PERMISSION, "the validator runs no programs");
    };
    return ports;
}

Rig::Rig(const Subject &subject)
    : services_(make_ports(subject)), subject_(subject),
      plugin_(subject.manifest, subject.folder, services_) {}

Result<void> Rig::activate() {
    return plugin_.activate([this](const Manifest &, const fs::path &) -> Result<VerifiedLibrary> {
        auto path = load_path(subject_);
        return path ? Result<VerifiedLibrary>(VerifiedLibrary{*path, {}, {}}) : pass(path);
    });
}

Result<void> Rig::deactivate() {
    return plugin_.deactivate(5s);
}

Raw::Raw(const Subject &subject)
    : services_(make_ports(subject)),
      scope_(services_.make_scope(
          {subject.manifest.id, provided(subject.manifest), required(subject.manifest)})) {}

Raw::~Raw() {
    scope_->release_all(1s, PluginScope::Pending::drop);
}

Result<std::unique_ptr<Raw>> Raw::enter(const Subject &subject, Hidden hidden, std::size_t tail) {
    auto path = load_path(subject);
    auto library = path ? load_library(*path, path_text(subject.library())) : pass(path);
    if (!library) {
        return pass(library);
    }
    std::unique_ptr<Raw> raw(new Raw(subject));
    raw->hidden_ = std::move(hidden);
    g_hidden = &raw->hidden_;
    g_whole = raw->scope_->host();
    k2s_host host = *g_whole;
    host.get = filtered;
    host.struct_size = static_cast<uint32_t>(sizeof host + tail);
    raw->host_bytes_.assign(reinterpret_cast<const char *>(&host), sizeof host);
    raw->host_bytes_.append(tail, '\xee'); // nothing that a plugin could take for a pointer
    k2s_error error = make_error();
    const StrandGuard strand(raw->scope_->strand(), "entry");
    const int32_t status = library->entry(
        reinterpret_cast<const k2s_host *>(raw->host_bytes_.data()), &raw->plugin_, &error);
    if (status < 0) {
        return std::unexpected(to_error(status, error));
    }
    if (raw->plugin_ == nullptr || !K2S_HAS(raw->plugin_, get)) {
        return fail(K2S_E_CONFIG, "its entry gives no whole descriptor");
    }
    return raw;
}

const void *Raw::get(std::string_view id) const {
    return plugin_->get(plugin_->self, to_abi(id));
}

int32_t Raw::create(std::string &message) {
    k2s_error error = make_error();
    const StrandGuard strand(scope_->strand(), "create");
    const int32_t status = plugin_->create(plugin_->self, &error);
    message = status < 0 ? to_error(status, error).message : std::string();
    return status;
}

void Raw::destroy() {
    scope_->release_all(5s);
    const StrandGuard strand(scope_->strand(), "destroy");
    plugin_->destroy(plugin_->self);
}

} // namespace k2s::validator
