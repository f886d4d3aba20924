// SPDX-License-Identifier: MIT
#include "subject.hpp"

#include <cstring>
#include <mutex>
#include <tuple>

#include <k2s/sdk/text.hpp>

#include "config/config.hpp"
#include "loader/library.hpp"
#include "trust/identity.hpp"
#include "util/path.hpp"
#include "version.h"

namespace k2s::validator {

using namespace core;
using namespace std::chrono_literals;

namespace {

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

/// A table without functions: calling one that is not there is a crash, which the case sees.
struct Head {
    uint32_t struct_size = 8;
    uint32_t reserved = 0;
    void *slots[32] = {};
};
const Head k_head;

constexpr char k_garbage = '\xee'; // nothing that a plugin could take for a pointer

std::optional<nlohmann::json> default_settings(const Manifest &manifest, const Feature &feature) {
    auto checked = check_settings(
        {feature.id, manifest.id, feature.config, feature.kind == FeatureKind::service},
        nlohmann::json::object(), feature.id);
    return checked ? std::optional(std::move(*checked)) : std::nullopt;
}

Raw *g_raw = nullptr; // there is one at a time

std::mutex g_violation_mutex;
std::string g_violation;

void note_violation(std::string_view message) {
    const std::lock_guard lock(g_violation_mutex);
    if (g_violation.empty() && message.starts_with("broke a rule")) {
        g_violation = message;
    }
}

} // namespace

std::string first_violation() {
    const std::lock_guard lock(g_violation_mutex);
    return g_violation;
}

fs::path Subject::library() const {
    return folder / path_from_utf8(library_file_name(manifest));
}

Result<Subject> read_subject(const fs::path &folder) {
    auto manifest = read_manifest_in(folder);
    return manifest ? Result<Subject>({std::move(*manifest), folder}) : pass(manifest);
}

std::string left_over(const Resources &before, const Resources &after, std::size_t rounds) {
    for (const auto &[what, had, has] :
         {std::tuple("threads", before.threads, after.threads),
          std::tuple("open files or handles", before.handles, after.handles)}) {
        if (has > had + rounds / 2) {
            return fmt::format("{} {} are left over after {} rounds", has - had, what, rounds);
        }
    }
    return {};
}

std::vector<DefaultService> default_services(const Subject &subject) {
    std::vector<DefaultService> services;
    for (const auto &feature : subject.manifest.features) {
        if (feature.kind != FeatureKind::service) {
            continue;
        }
        if (const auto settings = default_settings(subject.manifest, feature)) {
            services.push_back({feature.id, settings->dump()});
        }
    }
    return services;
}

Ports make_ports(const Subject &subject) {
    Ports ports;
    ports.version = k2s_version;
    ports.log = [](int32_t, std::string_view, std::string_view message,
                   std::span<const k2s_field>) { note_violation(message); };
    ports.config = [&subject](std::string_view, std::string_view pointer) -> Result<std::string> {
        auto settings = nlohmann::json::object();
        for (const auto &feature : subject.manifest.features) {
            settings[feature.id] =
                default_settings(subject.manifest, feature).value_or(nlohmann::json::object());
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
        if (!path) {
            return pass(path);
        }
        VerifiedLibrary library;
        library.path = *path;
        return library;
    });
}

Result<void> Rig::deactivate() {
    return plugin_.deactivate(5s);
}

Raw::Raw(const Subject &subject)
    : services_(make_ports(subject)), scope_(services_.make_scope(scope_spec(subject.manifest))) {}

Raw::~Raw() {
    scope_->release_all(1s, PluginScope::Pending::drop);
}

Result<std::unique_ptr<Raw>> Raw::enter(const Subject &subject, Difference difference) {
    auto path = load_path(subject);
    auto library = path ? load_library(*path, path_text(subject.library())) : pass(path);
    if (!library) {
        return pass(library);
    }
    std::unique_ptr<Raw> raw(new Raw(subject));
    g_raw = raw.get();
    raw->difference_ = std::move(difference);
    k2s_host host = *raw->scope_->host();
    host.get = offer;
    host.struct_size = static_cast<uint32_t>(sizeof host + raw->difference_.tail);
    raw->host_bytes_.assign(reinterpret_cast<const char *>(&host), sizeof host);
    raw->host_bytes_.append(raw->difference_.tail, k_garbage);
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

const void *K2S_CALL Raw::offer(const k2s_host *, k2s_str id) {
    return g_raw->offer(from_abi(id));
}

const void *Raw::offer(std::string_view id) {
    const auto *host = scope_->host();
    const auto *table = static_cast<const uint32_t *>(
        difference_.hidden && difference_.hidden(id) ? nullptr : host->get(host, to_abi(id)));
    if (table == nullptr) {
        return nullptr;
    }
    if (difference_.cut && difference_.cut(id)) {
        return &k_head;
    }
    if (difference_.tail == 0) {
        return table;
    }
    const std::lock_guard lock(tables_mutex_);
    auto &longer = tables_[std::string(id)];
    if (longer.empty()) {
        longer.assign(reinterpret_cast<const char *>(table), *table);
        longer.append(difference_.tail, k_garbage);
        const auto size = static_cast<uint32_t>(longer.size());
        std::memcpy(longer.data(), &size, sizeof size);
    }
    return longer.data();
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

bool Raw::create_with_small_error(int32_t &status) {
    k2s_error error;
    std::memset(&error, k_garbage, sizeof error);
    error.struct_size = offsetof(k2s_error, domain);
    const StrandGuard strand(scope_->strand(), "create");
    status = plugin_->create(plugin_->self, &error);
    const std::string_view beyond(error.domain, sizeof error - offsetof(k2s_error, domain));
    return beyond.find_first_not_of(k_garbage) == std::string_view::npos;
}

void Raw::destroy() {
    scope_->release_all(5s);
    const StrandGuard strand(scope_->strand(), "destroy");
    plugin_->destroy(plugin_->self);
}

} // namespace k2s::validator
