// SPDX-License-Identifier: MIT
// A plugin that does on command what no plugin should: for test/integration/isolation_test.py.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include <k2s/abi/draft/events.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/sdk/plugin.hpp>

#ifdef _WIN32
#include <windows.h>
#include <process.h>
#else
#include <dlfcn.h>
#include <sys/mount.h>
#include <unistd.h>
#endif

namespace {

using k2s::Error;
using k2s::Status;

long own_id() {
#ifdef _WIN32
    return _getpid();
#else
    return ::getpid();
#endif
}

constexpr int k_flood = 20'000;

void sleep_ms(int64_t ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

[[noreturn]] void hang() {
    for (;;) {
        sleep_ms(1000);
    }
}

[[noreturn]] void crash() {
    std::fputs("about to crash\n", stderr);
    std::fflush(stderr);
    __builtin_trap();
}

void fill_memory() {
    std::vector<std::unique_ptr<char[]>> held;
    while (held.size() < 64) { // 1 GiB
        held.push_back(std::make_unique<char[]>(16 << 20));
        for (std::size_t at = 0; at < 16 << 20; at += 4096) {
            held.back()[at] = 1;
        }
    }
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' ? "\\" : "";
        out += c;
    }
    return out + '"';
}

#ifdef __linux__
/// What an attacker's library would do: at its first instruction, before anybody calls it. Where
/// the test wants it, it writes beside itself.
[[maybe_unused]] const bool g_marked = [] {
    Dl_info info{};
    char path[4096];
    if (::dladdr(reinterpret_cast<void *>(&fill_memory), &info) == 0 ||
        ::realpath(info.dli_fname, path) == nullptr ||
        ::access((std::string(path) + ".wanted").c_str(), F_OK) != 0) {
        return false;
    }
    std::FILE *mark = std::fopen((std::string(path) + ".mark").c_str(), "w");
    return mark != nullptr && std::fclose(mark) == 0;
}();
#endif

class Isolated final : public k2s::Plugin,
                       public k2s::Commands,
                       public k2s::Services,
                       public k2s::Health,
                       public k2s::Reconfigure,
                       public k2s::Diagnostics {
  public:
    using Plugin::Plugin;

    Status create() override {
        metrics_ = host().find<k2s_metrics>(K2S_METRICS_ID);
        static const double bounds[] = {1, 10};
        k2s_error error = k2s::make_error();
        metrics_->open(host().get(), K2S_METRIC_COUNTER, k2s::to_abi("isolated_calls_total"),
                       k2s::to_abi("Commands"), {}, nullptr, 0, &calls_, &error);
        metrics_->open(host().get(), K2S_METRIC_HISTOGRAM, k2s::to_abi("isolated_sizes"),
                       k2s::to_abi("Sizes"), {}, bounds, 2, &sizes_, &error);
        if (host().config("/isolated/create") == "\"crash\"") {
            crash();
        }
        return host().config("/isolated/create") == "\"hang\"" ? (hang(), 0) : K2S_OK;
    }

    Status run(const k2s::Invocation &call) override {
        const auto what = call.text("what");
        const auto word = call.text("word");
        metrics_->add(host().get(), calls_, 1);
        metrics_->observe(host().get(), sizes_, 5);
        if (what == "crash") {
            crash();
        } else if (what == "exit") {
            std::_Exit(3);
        } else if (what == "fail") {
            return Error{K2S_E_PERMISSION, "it may not \xc3\xa4"};
        } else if (what == "echo") {
            call.out(word);
            call.err("echoed\n");
        } else if (what == "code") {
            return static_cast<int32_t>(call.integer("number"));
        } else if (what == "big") {
            call.out(std::string(static_cast<std::size_t>(call.integer("number")), 'x'));
        } else if (what == "who") {
            call.data("{\"pid\":" + std::to_string(own_id()) +
                      ",\"setting\":" + host().config("/isolated/word") +
                      ",\"threshold\":" + std::to_string(log().enabled(K2S_LOG_DEBUG)) + "}");
        } else if (what == "copy") {
            return copy(call);
        } else if (what == "wait") {
            for (int n = 0; n < 6000 && !host().cancelled(); ++n) {
                sleep_ms(10);
            }
            return K2S_E_CANCELLED;
        } else if (what == "memory") {
            fill_memory();
        } else if (what == "write") {
            std::FILE *file = std::fopen(word.c_str(), "w");
            if (file == nullptr) {
                return Error{K2S_E_PERMISSION, "cannot write " + word};
            }
            std::fclose(file);
        } else if (what == "variable") {
            const char *value = std::getenv(word.c_str());
            call.out(value != nullptr ? value : "nothing");
        } else if (what == "process") {
            return start_process(word);
        } else if (what == "log") {
            log().warn("a record", {{"word", word}, {"number", 7}, {"yes", true}, {"half", 0.5}});
        } else if (what == "bar") {
            const auto *bars = host().find<k2s_progress>(K2S_PROGRESS_ID);
            k2s_handle bar = 0;
            const int32_t begun =
                bars->begin(host().get(), k2s::to_abi("work"), 10, K2S_UNIT_ITEMS, &bar);
            bars->advance(host().get(), bar, 5);
            bars->end(host().get(), bar);
            return begun;
        } else if (what == "mount") {
#ifdef __linux__
            if (::mount("none", "/mnt", "tmpfs", 0, nullptr) != 0) {
                return Error{K2S_E_PERMISSION, "cannot mount"};
            }
#endif
        } else if (what != "nothing") {
            return Error{K2S_E_USAGE, "no such deed"};
        }
        return K2S_OK;
    }

    // --- the service "victim": its setting "deed" says what it does, later, on a thread of its own
    // ---

    Status start(std::string_view, std::string_view, std::string_view settings,
                 k2s_handle &out) override {
        adopt(settings);
        out = 42;
        return deed_ == "refuse" ? Status(Error{K2S_E_CONFIG, "it does not want to"}) : K2S_OK;
    }
    Status reload(k2s_handle, std::string_view settings) override {
        adopt(settings);
        return K2S_OK;
    }
    Status stop(k2s_handle, uint64_t) override {
        return deed_ == "hang-in-stop" ? (hang(), 0) : K2S_OK;
    }
    Status status(k2s_handle, const k2s_sink &out) override {
        if (deed_ == "hang-in-status") {
            hang();
        }
        const auto text = "{\"pid\":" + std::to_string(own_id()) + ",\"deed\":" + quoted(deed_) +
                          ",\"notices\":" + std::to_string(notices_) +
                          ",\"flood_seconds\":" + std::to_string(flood_seconds_) + "}";
        return out.write(out.context, k2s::to_bytes(text));
    }
    Status check() override {
        return deed_ == "sick" ? Status(Error{K2S_E_FAILED, "it is not well"}) : K2S_OK;
    }
    Status changed() override {
        ++changes_;
        return K2S_OK;
    }
    Status dump(const k2s_sink &out) override {
        const auto text = "{\"changes\":" + std::to_string(changes_) + "}";
        return out.write(out.context, k2s::to_bytes(text));
    }

  private:
    void adopt(std::string_view settings) {
        const auto at = settings.find("\"deed\":\"");
        const auto from = at == settings.npos ? settings.substr(0, 0) : settings.substr(at + 8);
        deed_ = from.substr(0, from.find('"'));
        if (deed_ == "notices") { // before they are published
            k2s_handle subscription = 0;
            host()
                .find<k2s_events>(K2S_EVENTS_ID)
                ->subscribe(host().get(), k2s::to_abi("isolated"), &heard, this, &subscription);
        }
        const auto *executor = host().find<k2s_executor>(K2S_EXECUTOR_ID);
        if (deed_ == "crash" || deed_ == "flood" || deed_ == "memory" || deed_ == "notices") {
            executor->offload(host().get(), &later, this);
        } else if (deed_ == "hold-strand") {
            executor->post(host().get(), [](void *) { hang(); }, this);
        }
    }

    static void K2S_CALL heard(void *context, k2s_str, k2s_str) {
        ++static_cast<Isolated *>(context)->notices_;
    }

    static void K2S_CALL later(void *context) {
        auto &self = *static_cast<Isolated *>(context);
        if (self.deed_ == "crash") {
            sleep_ms(300);
            crash();
        }
        const auto *events = self.host().find<k2s_events>(K2S_EVENTS_ID);
        if (self.deed_ == "notices") {
            for (int n = 0; n < 10; ++n) {
                k2s_error error = k2s::make_error();
                events->publish(self.host().get(), k2s::to_abi("isolated.notice"),
                                k2s::to_abi("{\"n\":1}"), &error);
            }
            return;
        }
        if (self.deed_ == "memory") {
            sleep_ms(300);                   // the start is told first
            std::thread(fill_memory).join(); // where no one catches what it throws
            return;
        }
        const auto begin = std::chrono::steady_clock::now();
        for (int n = 0; n < k_flood; ++n) {
            self.log().error("flood", {{"n", n}});
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        sleep_ms(1100);
        self.log().error("flood", {{"n", k_flood}}); // with it the host tells what it dropped
        self.flood_seconds_ = took.count();
    }

    Status copy(const k2s::Invocation &call) {
        const auto *stdio = host().find<k2s_stdio>(K2S_STDIO_ID);
        std::vector<uint8_t> buffer(100'000);
        for (;;) {
            const int64_t size = stdio->read(host().get(), buffer.data(), buffer.size());
            if (size <= 0) {
                return static_cast<int32_t>(size);
            }
            call.out({reinterpret_cast<const char *>(buffer.data()), static_cast<size_t>(size)});
        }
    }

    Status start_process(const std::string &program) {
        const auto *process = host().find<k2s_process>(K2S_PROCESS_ID);
        const k2s_str argv[] = {k2s::to_abi(program)};
        k2s_process_spec spec{};
        spec.struct_size = sizeof spec;
        spec.argv = argv;
        spec.argc = 1;
        k2s_process_result result{};
        result.struct_size = sizeof result;
        k2s_error error = k2s::make_error();
        const int32_t status = process->run(host().get(), &spec, &result, &error);
        return status < 0 ? Status(k2s::to_error(status, error)) : Status(result.exit_code);
    }

    const k2s_metrics *metrics_ = nullptr;
    k2s_handle calls_ = 0;
    k2s_handle sizes_ = 0;
    std::string deed_;
    std::atomic<int> notices_{0};
    std::atomic<double> flood_seconds_{0};
    std::atomic<int> changes_{0};
};

} // namespace

K2S_PLUGIN(Isolated, "isolated", "1.0.0")
