// SPDX-License-Identifier: MIT
#include "lifecycle/plugin.hpp"

#include <unwind.h>

#include <k2s/abi/draft/drain.h>
#include <k2s/abi/draft/lifecycle.h>
#include <k2s/sdk/host.hpp>

#include "loader/library.hpp"
#include "util/path.hpp"

namespace k2s::core {
namespace {

using namespace std::chrono_literals;

// What a failed create or a stopped plugin may still need to come to rest.
constexpr auto k_release_deadline = 5s;

template <class Contract>
std::vector<DeclaredContract> declared(const std::vector<Contract> &list) {
    std::vector<DeclaredContract> result;
    for (const auto &item : list) {
        result.push_back({item.contract, item.version});
    }
    return result;
}

// Each module has its own unwinder, linked statically. One that has never thrown cannot take part
// when a plugin's exception passes it: libgcc fills its table of registers when it first looks at a
// stack and aborts without it.
void prepare_unwinder() {
    static const auto prepared =
        _Unwind_Backtrace([](_Unwind_Context *, void *) { return _URC_END_OF_STACK; }, nullptr);
    static_cast<void>(prepared);
}

/// Calls into the plugin. No exception may leave it, but a plugin that breaks the rule should not
/// take the host and the other plugins along: built with this toolchain, its exception ends here.
template <class Call> int32_t contained(const std::string &plugin, k2s_error *error, Call &&body) {
    prepare_unwinder();
    const auto thrown = [&](std::string_view what) {
        return report(
            error, K2S_E_FAILED, "host",
            fmt::format("plugin '{}' let an exception out, which the plugin ABI forbids: {}",
                        plugin, what));
    };
    try {
        return body();
    } catch (const std::exception &caught) {
        return thrown(caught.what());
    } catch (...) {
        return thrown("not a std::exception");
    }
}

} // namespace

PluginScopeSpec scope_spec(const Manifest &manifest) {
    return {manifest.id, declared(manifest.provided_contracts),
            declared(manifest.required_contracts)};
}

std::string_view state_name(PluginState state) {
    switch (state) {
    case PluginState::discovered:
        return "discovered";
    case PluginState::refused:
        return "refused";
    case PluginState::created:
        return "created";
    case PluginState::parked:
        return "parked";
    }
    return "unknown";
}

std::string library_file_name(const Manifest &manifest) {
#ifdef _WIN32
    return manifest.library + ".dll";
#else
    return manifest.library + ".so";
#endif
}

Result<PluginCode> load_here(const Manifest &, const boost::filesystem::path &file,
                             const VerifiedLibrary &verified) {
    auto library = load_library(verified.path, path_text(file));
    return library ? Result<PluginCode>({.entry = library->entry}) : pass(library);
}

PluginInstance::PluginInstance(const Manifest &manifest, boost::filesystem::path folder,
                               Services &services, LoadCode load_code, Place place)
    : manifest_(manifest), folder_(std::move(folder)), place_(place), services_(services),
      load_code_(std::move(load_code)) {}

void PluginInstance::refuse(Error reason) {
    state_ = PluginState::refused;
    failure_ = std::move(reason);
}

Result<void> PluginInstance::activate(const VerifyLibrary &verify) {
    if (state_ == PluginState::created) {
        return {};
    }
    if (failure_) {
        return std::unexpected(*failure_);
    }
    auto done = load(verify);
    if (done) {
        done = create();
    }
    trial_.reset();
    if (!done) {
        refuse(done.error());
    }
    return done;
}

Result<void> PluginInstance::load(const VerifyLibrary &verify) {
    if (code_.entry) {
        return {}; // parked: its code is still there
    }
    const auto file = folder_ / path_from_utf8(library_file_name(manifest_));
    auto verified = verify(manifest_, file);
    if (!verified) {
        return pass(verified);
    }
    auto code = load_code_(manifest_, file, *verified);
    if (!code) {
        return pass(code);
    }
    code_ = std::move(*code);
    held_ = std::move(verified->held);
    trial_ = std::move(verified->trial);
    return {};
}

Result<void> PluginInstance::create() {
    scope_ = services_.make_scope(scope_spec(manifest_));
    k2s_error error = make_error();
    const StrandGuard strand(scope_->strand(), "create");
    int32_t status = contained(manifest_.id, &error,
                               [&] { return code_.entry(scope_->host(), &plugin_, &error); });
    if (status < 0) {
        auto why = to_error(status, error);
        return fail(why.code, "plugin '{}': its entry failed: {}", manifest_.id, why.message);
    }
    if (plugin_ == nullptr || !K2S_HAS(plugin_, get) || from_abi(plugin_->id) != manifest_.id ||
        from_abi(plugin_->version) != manifest_.version) {
        const bool whole = plugin_ != nullptr && K2S_HAS(plugin_, get);
        return fail(K2S_E_CONFIG,
                    "plugin '{}' {}: its library describes itself as '{}' {}: plugin.json and the "
                    "library are not from the same build",
                    manifest_.id, manifest_.version,
                    whole ? from_abi(plugin_->id) : std::string_view("nothing"),
                    whole ? from_abi(plugin_->version) : std::string_view());
    }
    if (plugin_->abi_minor > K2S_ABI_MINOR) {
        return fail(K2S_E_UNSUPPORTED,
                    "plugin '{}' needs version {}.{} of the plugin ABI, this host has {}.{}: "
                    "install a newer host",
                    manifest_.id, K2S_ABI_MAJOR, plugin_->abi_minor, K2S_ABI_MAJOR, K2S_ABI_MINOR);
    }
    status =
        contained(manifest_.id, &error, [&] { return plugin_->create(plugin_->self, &error); });
    if (status < 0) {
        const auto left = scope_->release_all(k_release_deadline, PluginScope::Pending::drop);
        auto why = to_error(status, error);
        return fail(why.code, "plugin '{}' could not be created: {}{}", manifest_.id, why.message,
                    left.empty() ? ""
                                 : fmt::format(" (and left behind: {})", fmt::join(left, "; ")));
    }
    state_ = PluginState::created;
    return {};
}

Result<void> PluginInstance::deactivate(std::chrono::milliseconds deadline) {
    if (state_ != PluginState::created) {
        return {};
    }
    const std::unique_lock alone(in_use_, deadline);
    if (!alone) {
        return fail(K2S_E_TIMEOUT, "plugin '{}' still runs: a lifecycle step, or its diagnostics",
                    manifest_.id);
    }
    const auto blockers = scope_->release_all(deadline);
    if (!blockers.empty()) {
        return fail(K2S_E_TIMEOUT, "plugin '{}' still runs: {}", manifest_.id,
                    fmt::join(blockers, "; "));
    }
    {
        const StrandGuard strand(scope_->strand(), "destroy");
        k2s_error error = make_error();
        const int32_t status = contained(manifest_.id, &error, [&] {
            plugin_->destroy(plugin_->self);
            return K2S_OK;
        });
        if (status < 0) {
            state_ = PluginState::parked;
            return fail(status, "plugin '{}' failed in destroy: {}", manifest_.id, error.message);
        }
    }
    state_ = PluginState::parked;
    return {};
}

const void *PluginInstance::query(std::string_view id) const {
    return plugin_->get(plugin_->self, to_abi(id));
}

std::unexpected<Error> PluginInstance::missing(std::string_view id) const {
    return fail(K2S_E_UNSUPPORTED, "plugin '{}' ({}) does not offer {}", manifest_.id,
                state_name(state_), id);
}

template <class Call> Result<int32_t> PluginInstance::call(std::string_view what, Call &&body) {
    k2s_error error = make_error();
    const StrandGuard strand(scope_->strand(), what);
    const int32_t status = contained(manifest_.id, &error, [&] { return body(&error); });
    if (status < 0) {
        return std::unexpected(to_error(status, error));
    }
    return status;
}

template <class Table, class Call>
Result<std::optional<int32_t>> PluginInstance::call_beside(std::string_view id, Call &&body) {
    const std::shared_lock here(in_use_, std::try_to_lock);
    if (!here) {
        return fail(K2S_E_STATE, "plugin '{}' is about to end", manifest_.id);
    }
    const auto table = find<Table>(id);
    if (!table) {
        return std::nullopt;
    }
    k2s_error error = make_error();
    const int32_t status = contained(manifest_.id, &error, [&] { return body(**table, &error); });
    if (status < 0) {
        return std::unexpected(to_error(status, error));
    }
    return status;
}

Result<int> PluginInstance::run(const k2s_invocation &invocation) {
    auto table = find<k2s_commands>(K2S_COMMANDS_ID);
    if (!table) {
        return pass(table);
    }
    return call("run",
                [&](k2s_error *error) { return (*table)->run(plugin_->self, &invocation, error); });
}

Result<k2s_handle> PluginInstance::start_service(std::string_view feature,
                                                 std::string_view instance,
                                                 std::string_view settings) {
    auto table = find<k2s_services>(K2S_SERVICES_ID);
    if (!table) {
        return pass(table);
    }
    k2s_handle service = 0;
    auto started = call("start", [&](k2s_error *error) {
        return (*table)->start(plugin_->self, to_abi(feature), to_abi(instance), to_abi(settings),
                               &service, error);
    });
    if (!started) {
        return pass(started);
    }
    return service;
}

Result<void> PluginInstance::reload_service(k2s_handle service, std::string_view settings) {
    auto table = find<k2s_services>(K2S_SERVICES_ID);
    if (!table) {
        return pass(table);
    }
    auto done = call("reload", [&](k2s_error *error) {
        return (*table)->reload(plugin_->self, service, to_abi(settings), error);
    });
    return done ? Result<void>() : pass(done);
}

void PluginInstance::begin_drain(k2s_handle service, std::chrono::milliseconds deadline) {
    if (const auto table = find<k2s_drain>(K2S_DRAIN_ID)) {
        static_cast<void>(call("drain", [&](k2s_error *error) {
            return (*table)->begin(plugin_->self, service, static_cast<uint64_t>(deadline.count()),
                                   error);
        }));
    }
}

Result<void> PluginInstance::stop_service(k2s_handle service, std::chrono::milliseconds deadline) {
    auto table = find<k2s_services>(K2S_SERVICES_ID);
    if (!table) {
        return pass(table);
    }
    auto done = call("stop", [&](k2s_error *error) {
        return (*table)->stop(plugin_->self, service, static_cast<uint64_t>(deadline.count()),
                              error);
    });
    return done ? Result<void>() : pass(done);
}

Result<std::string> PluginInstance::service_status(k2s_handle service) {
    std::string text;
    const k2s_sink sink = Host::string_sink(text);
    auto done = call_beside<k2s_services>(
        K2S_SERVICES_ID, [&](const k2s_services &table, k2s_error *error) {
            return table.status(plugin_->self, service, &sink, error);
        });
    if (done && !*done) {
        return missing(K2S_SERVICES_ID);
    }
    return done ? Result<std::string>(std::move(text)) : pass(done);
}

std::optional<Error> PluginInstance::unhealthy() {
    auto done =
        call_beside<k2s_health>(K2S_HEALTH_ID, [&](const k2s_health &table, k2s_error *error) {
            return table.check(plugin_->self, error);
        });
    return done ? std::nullopt : std::optional(std::move(done.error()));
}

Result<void> PluginInstance::reconfigure() {
    const auto table = find<k2s_reconfigure>(K2S_RECONFIGURE_ID);
    if (!table) {
        return {};
    }
    auto done =
        call("changed", [&](k2s_error *error) { return (*table)->changed(plugin_->self, error); });
    return done ? Result<void>() : pass(done);
}

void PluginInstance::touch() {
    const StrandGuard strand(scope_->strand(), "touch");
}

Result<bool> PluginInstance::step(uint32_t step, std::chrono::milliseconds deadline) {
    auto done = call_beside<k2s_lifecycle>(
        K2S_LIFECYCLE_ID, [&](const k2s_lifecycle &table, k2s_error *error) {
            return table.step(plugin_->self, step, static_cast<uint64_t>(deadline.count()), error);
        });
    if (!done && done.error().code == K2S_E_UNSUPPORTED) {
        return false;
    }
    return done ? Result<bool>(done->has_value()) : pass(done);
}

Result<std::string> PluginInstance::diagnostics() {
    std::string text;
    const k2s_sink sink = Host::string_sink(text);
    auto done = call_beside<k2s_diagnostics>(K2S_DIAGNOSTICS_ID,
                                             [&](const k2s_diagnostics &table, k2s_error *error) {
                                                 return table.dump(plugin_->self, &sink, error);
                                             });
    if (done && !*done) {
        return "null";
    }
    return done ? Result<std::string>(std::move(text)) : pass(done);
}

} // namespace k2s::core
