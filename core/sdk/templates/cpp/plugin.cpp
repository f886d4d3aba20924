// @NAME@: one command, one service and one contract.
#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include <k2s/abi/draft/registry.h>
#include <k2s/sdk/plugin.hpp>

namespace {

using Clock = std::chrono::steady_clock;

/// The contract @NAME@.greeter: what other plugins may call. It may grow at its end.
struct Greeter {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t(K2S_CALL *greet)(void *self, k2s_str name, const k2s_sink *out);
};

std::string quoted(std::string_view text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
        }
        json += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return json + '"';
}

class Plugin final : public k2s::Plugin, public k2s::Commands, public k2s::Services {
  public:
    using k2s::Plugin::Plugin;

    k2s::Status create() override {
        const auto *registry = host().with_slot(K2S_REGISTRY_ID, &k2s_registry::provide);
        if (registry == nullptr) {
            return k2s::Error{K2S_E_UNSUPPORTED, "this host has no " K2S_REGISTRY_ID};
        }
        static const Greeter table{sizeof(Greeter), 0, &greet_for_others};
        k2s_handle provided = 0; // the host withdraws it before destroy
        k2s_error error = k2s::make_error();
        const int32_t status = registry->provide(host().get(), k2s::to_abi("@NAME@.greeter"),
                                                 {&table, this}, &provided, &error);
        return status < 0 ? k2s::Status(k2s::to_error(status, error)) : k2s::Status(K2S_OK);
    }

    // The host has parsed the command line and checked the settings.
    k2s::Status run(const k2s::Invocation &call) override {
        const auto text = greeting(call.text("name"));
        if (!text) {
            return k2s::Error{K2S_E_CONFIG, "the settings of this plugin are wrong"};
        }
        return call.data("{\"message\": " + *text + "}") ? K2S_OK : K2S_E_IO;
    }

    k2s::Status start(std::string_view, std::string_view instance, std::string_view,
                      k2s_handle &out) override {
        const std::lock_guard lock(mutex_);
        out = ++last_;
        started_[out] = Clock::now();
        log().info("started", {{"instance", instance}});
        return K2S_OK;
    }
    k2s::Status reload(k2s_handle, std::string_view) override { return K2S_OK; }
    k2s::Status stop(k2s_handle service, uint64_t) override {
        const std::lock_guard lock(mutex_);
        started_.erase(service);
        return K2S_OK;
    }
    k2s::Status status(k2s_handle service, const k2s_sink &out) override {
        const std::lock_guard lock(mutex_);
        const auto found = started_.find(service);
        if (found == started_.end()) {
            return k2s::Error{K2S_E_NOT_FOUND, "no such service"};
        }
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - found->second).count();
        return out.write(out.context, k2s::to_bytes("{\"seconds\": " + std::to_string(seconds) + "}"));
    }

  private:
    std::optional<std::string> greeting(std::string_view name) const {
        const auto first = host().config("/@NAME@/greeting"); // JSON, with its quotes
        if (first.size() < 2) {
            return std::nullopt;
        }
        return first.substr(0, first.size() - 1) + ", " + quoted(name).substr(1);
    }
    static int32_t K2S_CALL greet_for_others(void *self, k2s_str name, const k2s_sink *out) {
        return k2s::guarded(nullptr, "@NAME@", [&]() -> k2s::Status {
            const auto text = static_cast<Plugin *>(self)->greeting(k2s::from_abi(name));
            return text ? out->write(out->context, k2s::to_bytes(*text)) : K2S_E_CONFIG;
        });
    }

    k2s_handle last_ = 0;
    std::mutex mutex_; // status may be asked from any thread
    std::map<k2s_handle, Clock::time_point> started_;
};

} // namespace

K2S_PLUGIN(Plugin, "@NAME@", "0.1.0")
