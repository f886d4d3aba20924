// SPDX-License-Identifier: MIT
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <k2s/sdk/plugin.hpp>

#include "dataplane/service.hpp"
#include "httpproxy/server.hpp"
#include "httpproxy/test_command.hpp"
#include "l4proxy/server.hpp"

namespace k2s {
namespace {

class Networking final : public Plugin,
                         public Services,
                         public Drain,
                         public Commands,
                         public Reconfigure {
  public:
    using Plugin::Plugin;

    Status start(std::string_view feature, std::string_view instance, std::string_view settings,
                 k2s_handle &out) override {
        const auto make_server = maker(feature);
        if (make_server == nullptr) {
            return Error{K2S_E_NOT_FOUND,
                         "the networking plugin has no service '" + std::string(feature) + "'"};
        }
        std::unique_ptr<dataplane::Service> service;
        const Status started = dataplane::Service::start(
            host(), instance, feature, settings,
            [&](dataplane::net::io_context &io) {
                return make_server(host(), instance, settings, io);
            },
            service);
        if (started.ok()) {
            const std::lock_guard lock(mutex_);
            out = ++last_;
            settings_[out] = settings;
            proxies_.emplace(out, std::move(service));
        }
        return started;
    }

    Status reload(k2s_handle service, std::string_view settings) override {
        const auto proxy = find(service);
        if (!proxy) {
            return unknown();
        }
        const Status reloaded = proxy->reload(settings);
        if (reloaded.ok()) {
            const std::lock_guard lock(mutex_);
            settings_[service] = settings;
            reloaded_.insert(service);
        }
        return reloaded;
    }

    /// A reload reaches proxies whose settings are the same, too: files that these name may have
    /// changed, and a renamed access log is to be opened anew.
    Status changed() override {
        std::map<k2s_handle, std::string> same;
        {
            const std::lock_guard lock(mutex_);
            same = settings_;
            for (const k2s_handle done : reloaded_) {
                same.erase(done);
            }
            reloaded_.clear();
        }
        Status result = K2S_OK;
        for (const auto &[service, settings] : same) {
            const auto proxy = find(service);
            const Status reloaded = proxy ? proxy->reload(settings) : Status(K2S_OK);
            if (!reloaded.ok()) {
                result = reloaded;
            }
        }
        return result;
    }

    Status begin_drain(k2s_handle service, uint64_t deadline_ms) override {
        const auto proxy = find(service);
        if (!proxy) {
            return unknown();
        }
        proxy->begin_drain(std::chrono::milliseconds(deadline_ms));
        return K2S_OK;
    }

    Status stop(k2s_handle service, uint64_t deadline_ms) override {
        const auto proxy = find(service);
        if (!proxy) {
            return unknown();
        }
        const Status stopped = proxy->stop(std::chrono::milliseconds(deadline_ms));
        if (stopped.ok() || stopped.value() == K2S_E_PARTIAL) {
            const std::lock_guard lock(mutex_);
            proxies_.erase(service);
            settings_.erase(service);
            reloaded_.erase(service);
        }
        return stopped;
    }

    Status status(k2s_handle service, const k2s_sink &out) override {
        const auto proxy = find(service);
        return proxy ? Status(out.write(out.context, to_bytes(proxy->status()))) : unknown();
    }

    Status run(const Invocation &call) override {
        if (call.command() == "httpproxy test") {
            return httpproxy::run_test_command(host(), call);
        }
        return Error{K2S_E_NOT_FOUND,
                     "the networking plugin has no command '" + std::string(call.command()) + "'"};
    }

  private:
    static decltype(&httpproxy::make_server) maker(std::string_view feature) {
        if (feature == "httpproxy") {
            return httpproxy::make_server;
        }
        if (feature == "l4proxy") {
            return l4proxy::make_server;
        }
        return nullptr;
    }

    std::shared_ptr<dataplane::Service> find(k2s_handle service) const {
        const std::lock_guard lock(mutex_);
        const auto found = proxies_.find(service);
        return found == proxies_.end() ? nullptr : found->second;
    }

    static Status unknown() { return Error{K2S_E_NOT_FOUND, "no such service"}; }

    mutable std::mutex mutex_; ///< status comes from any thread
    std::map<k2s_handle, std::shared_ptr<dataplane::Service>> proxies_;
    std::map<k2s_handle, std::string> settings_; ///< of each
    std::set<k2s_handle> reloaded_;              ///< since the last changed()
    k2s_handle last_ = 0;
};

} // namespace
} // namespace k2s

K2S_PLUGIN(k2s::Networking, "networking", K2S_PRODUCT_VERSION)
