// SPDX-License-Identifier: MIT
// isolated_calls WORKER PLUGIN-FOLDER: a command of a plugin that does nothing, in this process and
// in a worker; and how long the plugin is away after its worker was killed.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include "app/isolation.hpp"
#include "lifecycle/plugin.hpp"
#include "trust/identity.hpp"
#include "util/read_file.hpp"
#include "version.h"

using namespace k2s::core;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int k_rounds = 20'000;

k2s_invocation make_call() {
    static const k2s_value what{k2s::to_abi("what"), k2s::to_abi("nothing"), 0, 0, nullptr, 0,
                                K2S_VALUE_TEXT,      K2S_FROM_COMMAND_LINE};
    k2s_invocation call{};
    call.struct_size = sizeof call;
    call.command = k2s::to_abi("isolated");
    call.values = &what;
    call.value_count = 1;
    call.value_stride = sizeof what;
    return call;
}

void measure(const char *name, PluginInstance &plugin) {
    const k2s_invocation call = make_call();
    std::vector<double> times;
    for (int n = 0; n < k_rounds + 100; ++n) {
        const auto start = Clock::now();
        if (!plugin.run(call)) {
            std::printf("%s: the call failed\n", name);
            return;
        }
        if (n >= 100) {
            times.push_back(
                std::chrono::duration<double, std::micro>(Clock::now() - start).count());
        }
    }
    std::ranges::sort(times);
    std::printf("%s: median %.1f us, 99%% %.1f us\n", name, times[times.size() / 2],
                times[times.size() * 99 / 100]);
}

void measure_restart(PluginInstance &plugin) {
    const auto before = plugin.code_state().at("pid");
    const auto start = Clock::now();
    ::kill(before.get<int>(), SIGKILL);
    for (auto now = plugin.code_state(); !now.contains("pid") || now.at("pid") == before;
         now = plugin.code_state()) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const std::chrono::duration<double, std::milli> away = Clock::now() - start;
    std::printf("from the kill of a worker to its service running again: %.0f ms\n", away.count());
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    const boost::filesystem::path folder(argv[2]);
    auto text = read_file(folder / "plugin.json", k_max_manifest_bytes);
    auto manifest = text ? read_manifest(*text, "plugin.json") : pass(text);
    if (!manifest) {
        std::puts("no plugin there");
        return 1;
    }
    Ports ports;
    ports.version = k2s_version;
    ports.config = [](std::string_view, std::string_view) -> Result<std::string> { return "\"\""; };
    ports.config_generation = [](std::string_view) -> uint64_t { return 1; };
    Services services(std::move(ports));
    const auto verify = [](const Manifest &,
                           const boost::filesystem::path &file) -> Result<VerifiedLibrary> {
        auto opened = trust::OpenLibrary::open(file);
        if (!opened) {
            return pass(opened);
        }
        const auto library = std::make_shared<trust::OpenLibrary>(std::move(*opened));
        return VerifiedLibrary{library->load_path(), library, library->native(), nullptr};
    };
    PluginInstance here(*manifest, folder, services);
    PluginInstance there(
        *manifest, folder, services,
        worker_loader({argv[1], [] { return std::chrono::milliseconds(30'000); },
                       [](const Manifest &) { return isolation::WorkerLimits(); }}));
    for (PluginInstance *plugin : {&here, &there}) {
        if (auto done = plugin->activate(verify); !done) {
            std::puts(done.error().message.c_str());
            return 1;
        }
    }
    measure("a command in this process", here);
    measure("the same in a worker", there);
    if (there.start_service("victim", "bench", R"({"deed":"nothing"})")) {
        measure_restart(there);
    }
    return 0;
}
