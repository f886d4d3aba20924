// SPDX-License-Identifier: MIT
// One plugin in several versions, for install and upgrade: a service that tells its version, and
// what goes wrong in it. The build defines VERSION and K2S_TEST_<DEFECT>.
#include <chrono>
#include <thread>

#include <k2s/sdk/plugin.hpp>

namespace {

class Versioned final : public k2s::Plugin,
                        public k2s::Commands,
                        public k2s::Services,
                        public k2s::Health {
  public:
    using Plugin::Plugin;

    k2s::Status create() override {
#ifdef K2S_TEST_CREATE_FAILS
        return k2s::Error{K2S_E_FAILED, "this version cannot be created"};
#elif defined(K2S_TEST_CREATE_CRASHES)
        __builtin_trap();
#else
        return K2S_OK;
#endif
    }
    k2s::Status run(const k2s::Invocation &call) override {
        call.data("{\"version\": \"" VERSION "\"}");
        return K2S_OK;
    }
    k2s::Status start(std::string_view, std::string_view, std::string_view,
                      k2s_handle &out) override {
#ifdef K2S_TEST_START_FAILS
        return k2s::Error{K2S_E_FAILED, "this version cannot be started"};
#elif defined(K2S_TEST_START_HANGS)
        for (;;) {
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
#endif
        out = 1;
        return K2S_OK;
    }
    k2s::Status reload(k2s_handle, std::string_view) override { return K2S_OK; }
    k2s::Status stop(k2s_handle, uint64_t) override { return K2S_OK; }
    k2s::Status status(k2s_handle, const k2s_sink &out) override {
        return out.write(out.context, k2s::to_bytes("{\"version\": \"" VERSION "\"}"));
    }
    k2s::Status check() override {
#ifdef K2S_TEST_SICK
        return k2s::Error{K2S_E_FAILED, "this version is sick"};
#else
        return K2S_OK;
#endif
    }
};

} // namespace

K2S_PLUGIN(Versioned, "versioned", VERSION)
