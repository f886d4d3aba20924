// SPDX-License-Identifier: MIT
// What the C ABI and the SDK's trampolines cost: a call with a borrowed string that returns a
// status, beside the same work behind a plain function pointer; and a log call below its level.
#include <chrono>
#include <cstdio>

#include <k2s/sdk/plugin.hpp>

namespace {

constexpr int k_calls = 20'000'000;

uint64_t sum = 0;

int32_t direct(std::string_view settings) {
    sum += settings.size();
    return 0;
}

class Subject final : public k2s::Plugin, public k2s::Services {
  public:
    using Plugin::Plugin;
    k2s::Status start(std::string_view, std::string_view, std::string_view, k2s_handle &) override {
        return 0;
    }
    k2s::Status reload(k2s_handle, std::string_view settings) override { return direct(settings); }
    k2s::Status stop(k2s_handle, uint64_t) override { return 0; }
    k2s::Status status(k2s_handle, const k2s_sink &) override { return 0; }
};

const int32_t threshold = K2S_LOG_INFO;
const k2s_log log_table{
    sizeof(k2s_log), 0, &threshold,
    [](const k2s_host *, int32_t, k2s_str, const k2s_field *, uint64_t, uint64_t) { ++sum; }};
const k2s_host host{
    sizeof(k2s_host), 0, nullptr, {}, [](const k2s_host *, k2s_str) -> const void * {
        return &log_table;
    }};

template <class Body> double ns_per_call(Body body) {
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < k_calls; ++i) {
            body();
        }
        const std::chrono::duration<double, std::nano> time =
            std::chrono::steady_clock::now() - start;
        best = std::min(best, time.count() / k_calls);
    }
    return best;
}

} // namespace

int main() {
    const k2s_plugin *plugin = nullptr;
    k2s_error error = k2s::make_error();
    k2s::detail::Bridge<Subject>::entry(&host, &plugin, &error, "subject", "1.0.0");
    plugin->create(plugin->self, &error);
    const auto *services =
        static_cast<const k2s_services *>(plugin->get(plugin->self, k2s::to_abi(K2S_SERVICES_ID)));

    int32_t (*volatile pointer)(std::string_view) = direct;
    const k2s_services *volatile table = services;
    const std::string_view text = "{}";
    const double plain = ns_per_call([&] { pointer(text); });
    const double through =
        ns_per_call([&] { table->reload(plugin->self, 1, k2s::to_abi(text), &error); });
    const k2s::Log log(&host, &log_table);
    const double quiet = ns_per_call([&] { log.debug("dropped", {{"key", 1}, {"other", text}}); });
    std::printf("call through a function pointer: %.1f ns\n"
                "call through the ABI and the SDK: %.1f ns (+%.1f)\n"
                "log call below its level: %.1f ns\n",
                plain, through, through - plain, quiet);
    return sum == 0 ? 1 : 0;
}
