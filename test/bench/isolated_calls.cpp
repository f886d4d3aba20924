// SPDX-License-Identifier: MIT
// isolated_calls WORKER PLUGIN-FOLDER: a command of a plugin that does nothing, in this process, in
// a worker, and beside both what any other process costs: a byte there and back. And how long a
// plugin is away after its worker was killed, beside the start of a program that does nothing.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// The median in microseconds; 0 when a call fails.
template <class Call> double measure(const char *name, Call &&call) {
    std::vector<double> times;
    for (int n = 0; n < k_rounds + 100; ++n) {
        const auto start = Clock::now();
        if (!call()) {
            std::printf("%s: the call failed\n", name);
            return 0;
        }
        if (n >= 100) {
            times.push_back(
                std::chrono::duration<double, std::micro>(Clock::now() - start).count());
        }
    }
    std::ranges::sort(times);
    const double median = times[times.size() / 2];
    std::printf("%s: median %.1f us, 99%% %.1f us\n", name, median, times[times.size() * 99 / 100]);
    return median;
}

double measure_pair() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return 0;
    }
    char byte = 0;
    const pid_t echo = ::fork();
    if (echo == 0) {
        ::close(pair[0]);
        while (::read(pair[1], &byte, 1) == 1 && ::write(pair[1], &byte, 1) == 1) {
        }
        ::_exit(0);
    }
    ::close(pair[1]);
    const double median = measure("a byte to another process and back", [&] {
        return ::write(pair[0], &byte, 1) == 1 && ::read(pair[0], &byte, 1) == 1;
    });
    ::close(pair[0]);
    ::waitpid(echo, nullptr, 0);
    return median;
}

double start_nothing() {
    const auto start = Clock::now();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::execl("/bin/true", "true", nullptr);
        ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// From the kill of its worker to its service running again, in milliseconds.
double measure_restart(PluginInstance &plugin) {
    const auto before = plugin.code_state().at("pid");
    const auto start = Clock::now();
    ::kill(before.get<int>(), SIGKILL);
    for (auto now = plugin.code_state(); !now.contains("pid") || now.at("pid") == before;
         now = plugin.code_state()) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const std::chrono::duration<double, std::milli> away = Clock::now() - start;
    return away.count();
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
    const double floor = measure_pair(); // it forks, so before there are threads
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
    const k2s_invocation call = make_call();
    measure("a command in this process", [&] { return here.run(call).has_value(); });
    const double worker =
        measure("the same in a worker", [&] { return there.run(call).has_value(); });
    std::printf("the worker beside the byte: ratio %.2f (target 60 us)\n", worker / floor);
    if (there.start_service("victim", "bench", R"({"deed":"nothing"})")) {
        const double away = measure_restart(there);
        const double nothing = start_nothing();
        std::printf("from the kill of a worker to its service running again: %.1f ms (target 250); "
                    "/bin/true: %.1f ms, ratio %.1f\n",
                    away, nothing, away / nothing);
    }
    return 0;
}
