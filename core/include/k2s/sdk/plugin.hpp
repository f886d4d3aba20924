// SPDX-License-Identifier: MIT
/// The C++ side of a plugin: derive from Plugin, add the roles it plays (Commands, Services,
/// Health, …), end the file with K2S_PLUGIN(Class, "id", "version"). Exceptions end here.
#pragma once

#include <memory>
#include <string_view>

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/drain.h>
#include <k2s/abi/draft/lifecycle.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/reconfigure.h>
#include <k2s/abi/services.h>
#include <k2s/sdk/command.hpp>
#include <k2s/sdk/error.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s {

/// Base of a plugin. Constructed right before create; destroyed in destroy.
class Plugin {
  public:
    explicit Plugin(Host host) noexcept : host_(host) {}
    virtual ~Plugin() = default;
    Plugin(const Plugin &) = delete;
    Plugin &operator=(const Plugin &) = delete;

    /// See k2s_plugin.create.
    virtual Status create() { return K2S_OK; }

  protected:
    const Host &host() const noexcept { return host_; }
    const Log &log() const noexcept { return host_.log(); }

  private:
    Host host_;
};

/// Role: commands (abi/commands.h).
class Commands {
  public:
    virtual ~Commands() = default;
    /// Returns the exit code or an Error. [strand, may-block]
    virtual Status run(const Invocation &call) = 0;
};

/// Role: services (abi/services.h).
class Services {
  public:
    virtual ~Services() = default;
    virtual Status start(std::string_view feature, std::string_view instance,
                         std::string_view settings, k2s_handle &out) = 0;
    virtual Status reload(k2s_handle service, std::string_view settings) = 0;
    virtual Status stop(k2s_handle service, uint64_t deadline_ms) = 0;
    virtual Status status(k2s_handle service, const k2s_sink &out) = 0;
};

/// Role: services that end beside others (abi/draft/drain.h).
class Drain {
  public:
    virtual ~Drain() = default;
    virtual Status begin_drain(k2s_handle service, uint64_t deadline_ms) = 0;
};

/// Role: health (abi/draft/lifecycle.h).
class Health {
  public:
    virtual ~Health() = default;
    virtual Status check() = 0;
};

/// Role: told of changed settings (abi/reconfigure.h).
class Reconfigure {
  public:
    virtual ~Reconfigure() = default;
    virtual Status changed() = 0;
};

/// Role: steps of a host that runs services (abi/draft/lifecycle.h).
class Lifecycle {
  public:
    virtual ~Lifecycle() = default;
    virtual Status step(uint32_t step, uint64_t deadline_ms) = 0;
};

/// Role: diagnostics (abi/draft/lifecycle.h).
class Diagnostics {
  public:
    virtual ~Diagnostics() = default;
    virtual Status dump(const k2s_sink &out) = 0;
};

namespace detail {

/// Bridges one plugin class to the C descriptor. Lives as long as the process, as its code does.
template <class T> class Bridge {
  public:
    static int32_t entry(const k2s_host *host, const k2s_plugin **out, k2s_error *error,
                         std::string_view id, std::string_view version) noexcept {
        return guarded(error, id, [&]() -> Status {
            static auto *bridge = new Bridge;
            bridge->host_ = host;
            bridge->descriptor_ = {sizeof(k2s_plugin), k_abi_minor, bridge,   to_abi(id),
                                   to_abi(version),    &create,     &destroy, &get};
            *out = &bridge->descriptor_;
            return K2S_OK;
        });
    }

  private:
    /// What this header itself needs of a host; not K2S_ABI_MINOR, which is what there is today.
    static constexpr uint32_t k_abi_minor = 0;

    static Bridge &of(void *self) noexcept { return *static_cast<Bridge *>(self); }
    template <class Body> int32_t call(k2s_error *error, Body &&body) noexcept {
        return guarded(error, from_abi(descriptor_.id), std::forward<Body>(body));
    }

    static int32_t K2S_CALL create(void *self, k2s_error *error) {
        return of(self).call(error, [&]() -> Status {
            auto &bridge = of(self);
            bridge.plugin_ = std::make_unique<T>(Host(bridge.host_));
            Status status = bridge.plugin_->create();
            if (!status.ok()) {
                bridge.plugin_.reset();
            }
            return status;
        });
    }

    static void K2S_CALL destroy(void *self) {
        of(self).call(nullptr, [&]() -> Status {
            of(self).plugin_.reset();
            return K2S_OK;
        });
    }

    static const void *K2S_CALL get(void *, k2s_str id) {
        const auto wanted = from_abi(id);
        if constexpr (std::is_base_of_v<Commands, T>) {
            if (wanted == K2S_COMMANDS_ID) {
                static const k2s_commands table{
                    sizeof(table), 0, [](void *self, const k2s_invocation *call, k2s_error *error) {
                        return of(self).call(
                            error, [&] { return of(self).plugin_->run(Invocation(call)); });
                    }};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Services, T>) {
            if (wanted == K2S_SERVICES_ID) {
                static const k2s_services table{sizeof(table),  0,
                                                &service_start, &service_reload,
                                                &service_stop,  &service_status};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Drain, T>) {
            if (wanted == K2S_DRAIN_ID) {
                static const k2s_drain table{
                    sizeof(table), 0,
                    [](void *self, k2s_handle service, uint64_t deadline_ms, k2s_error *error) {
                        return of(self).call(error, [&] {
                            return of(self).plugin_->begin_drain(service, deadline_ms);
                        });
                    }};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Health, T>) {
            if (wanted == K2S_HEALTH_ID) {
                static const k2s_health table{
                    sizeof(table), 0, [](void *self, k2s_error *error) {
                        return of(self).call(error, [&] { return of(self).plugin_->check(); });
                    }};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Reconfigure, T>) {
            if (wanted == K2S_RECONFIGURE_ID) {
                static const k2s_reconfigure table{
                    sizeof(table), 0, [](void *self, k2s_error *error) {
                        return of(self).call(error, [&] { return of(self).plugin_->changed(); });
                    }};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Lifecycle, T>) {
            if (wanted == K2S_LIFECYCLE_ID) {
                static const k2s_lifecycle table{
                    sizeof(table), 0,
                    [](void *self, uint32_t step, uint64_t deadline_ms, k2s_error *error) {
                        return of(self).call(
                            error, [&] { return of(self).plugin_->step(step, deadline_ms); });
                    }};
                return &table;
            }
        }
        if constexpr (std::is_base_of_v<Diagnostics, T>) {
            if (wanted == K2S_DIAGNOSTICS_ID) {
                static const k2s_diagnostics table{
                    sizeof(table), 0, [](void *self, const k2s_sink *out, k2s_error *error) {
                        return of(self).call(error, [&] { return of(self).plugin_->dump(*out); });
                    }};
                return &table;
            }
        }
        return nullptr;
    }

    static int32_t K2S_CALL service_start(void *self, k2s_str feature, k2s_str instance,
                                          k2s_str settings, k2s_handle *out, k2s_error *error) {
        return of(self).call(error, [&] {
            return of(self).plugin_->start(from_abi(feature), from_abi(instance),
                                           from_abi(settings), *out);
        });
    }
    static int32_t K2S_CALL service_reload(void *self, k2s_handle service, k2s_str settings,
                                           k2s_error *error) {
        return of(self).call(error,
                             [&] { return of(self).plugin_->reload(service, from_abi(settings)); });
    }
    static int32_t K2S_CALL service_stop(void *self, k2s_handle service, uint64_t deadline_ms,
                                         k2s_error *error) {
        return of(self).call(error, [&] { return of(self).plugin_->stop(service, deadline_ms); });
    }
    static int32_t K2S_CALL service_status(void *self, k2s_handle service, const k2s_sink *out,
                                           k2s_error *error) {
        return of(self).call(error, [&] { return of(self).plugin_->status(service, *out); });
    }

    const k2s_host *host_ = nullptr;
    std::unique_ptr<T> plugin_;
    k2s_plugin descriptor_{};
};

} // namespace detail
} // namespace k2s

#define K2S_PLUGIN(Class, id, version)                                                             \
    extern "C" K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(                                    \
        const k2s_host *host, const k2s_plugin **plugin, k2s_error *error) {                       \
        return ::k2s::detail::Bridge<Class>::entry(host, plugin, error, id, version);              \
    }
