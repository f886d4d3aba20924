// SPDX-License-Identifier: MIT
/// \file
/// What holds for every plugin: the file, the descriptor, hosts that lack things, calls, leaks.
#include <algorithm>
#include <random>
#include <thread>

#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/lifecycle.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/stdio.h>
#include <k2s/sdk/host.hpp>

#include "exports.hpp"
#include "service_cases.hpp"
#include "validator.hpp"

namespace k2s::validator {

using namespace std::chrono_literals;
using core::FeatureKind;
using core::ValueType;

namespace {

constexpr std::string_view k_services[] = {
    K2S_LOG_ID,     K2S_CONFIG_ID,  K2S_EXECUTOR_ID, K2S_REGISTRY_ID, K2S_EVENTS_ID,
    K2S_METRICS_ID, K2S_PROCESS_ID, K2S_STDIO_ID,    K2S_PROGRESS_ID,
};

bool each(std::string_view) {
    return true;
}

Verdict exports(const Subject &subject, std::uint64_t) {
    auto names = exported_names(subject.library());
    if (!names) {
        return failed(names.error().message);
    }
    // What a linker adds by itself to every shared library, and the entries of other majors.
    std::erase_if(*names, [](const std::string &name) {
        return name == "_init" || name == "_fini" || name == "__bss_start" || name == "_edata" ||
               name == "_end" || name.starts_with("k2s_plugin_entry_v");
    });
    if (names->empty()) {
        return {};
    }
    const auto count = names->size();
    names->resize(std::min<std::size_t>(count, 5));
    return failed(fmt::format("{} more symbols are exported: {}{}", count, fmt::join(*names, ", "),
                              count > names->size() ? ", …" : ""));
}

Verdict descriptor(const Subject &subject, std::uint64_t) {
    const auto begin = std::chrono::steady_clock::now();
    auto raw = Raw::enter(subject, {.hidden = each});
    const auto took = std::chrono::steady_clock::now() - begin;
    if (!raw) {
        return failed(raw.error().message);
    }
    const auto &found = (*raw)->descriptor();
    if (from_abi(found.id) != subject.manifest.id ||
        from_abi(found.version) != subject.manifest.version) {
        return failed(fmt::format("the library says {} {}, plugin.json {} {}", from_abi(found.id),
                                  from_abi(found.version), subject.manifest.id,
                                  subject.manifest.version));
    }
    if (found.abi_minor > K2S_ABI_MINOR) {
        return failed(
            fmt::format("it needs ABI 1.{}, this host has 1.{}", found.abi_minor, K2S_ABI_MINOR));
    }
    if (found.create == nullptr || found.destroy == nullptr || found.get == nullptr) {
        return failed("create, destroy and get must all be set");
    }
    return took < 1s
               ? Verdict{}
               : warned(fmt::format("loading and entry took {} ms: only fill in the descriptor "
                                    "there",
                                    took / 1ms));
}

/// Creates it in a host that lacks nothing; the reason when that fails.
Verdict created(const Subject &subject, std::unique_ptr<Raw> &raw, std::size_t tail = 0) {
    auto entered = Raw::enter(subject, {.tail = tail});
    if (!entered) {
        return failed(entered.error().message);
    }
    std::string why;
    if ((*entered)->create(why) < 0) {
        return failed("its create failed: " + why);
    }
    raw = std::move(*entered);
    return {};
}

Verdict create(const Subject &subject, std::uint64_t) {
    std::unique_ptr<Raw> raw;
    auto verdict = created(subject, raw);
    if (raw) {
        raw->destroy();
    }
    return verdict;
}

Verdict interfaces(const Subject &subject, std::uint64_t) {
    std::unique_ptr<Raw> raw;
    if (auto verdict = created(subject, raw); !raw) {
        return verdict;
    }
    for (const std::string_view unknown :
         {"", "k2s.nothing/1", "k2s.commands/999", "k2s.commands", "K2S.COMMANDS/1"}) {
        if (raw->get(unknown) != nullptr) {
            return failed(fmt::format("it offers \"{}\", which does not exist", unknown));
        }
    }
    const auto &manifest = subject.manifest;
    const bool commands = std::ranges::any_of(
        manifest.commands, [](const core::Command &one) { return !one.service; });
    const bool services = std::ranges::any_of(manifest.features, [](const core::Feature &one) {
        return one.kind == FeatureKind::service;
    });
    const auto *command_table = static_cast<const k2s_commands *>(raw->get(K2S_COMMANDS_ID));
    const auto *service_table = static_cast<const k2s_services *>(raw->get(K2S_SERVICES_ID));
    if ((commands && command_table == nullptr) || (services && service_table == nullptr)) {
        return failed(
            fmt::format("plugin.json declares {}, but it does not offer {}",
                        commands && command_table == nullptr ? "commands" : "a service",
                        commands && command_table == nullptr ? K2S_COMMANDS_ID : K2S_SERVICES_ID));
    }
    if (command_table != nullptr &&
        (!K2S_HAS(command_table, run) || command_table->run == nullptr)) {
        return failed("a slot of its " K2S_COMMANDS_ID " is missing or NULL");
    }
    if (service_table != nullptr &&
        (!K2S_HAS(service_table, status) || service_table->start == nullptr ||
         service_table->reload == nullptr || service_table->stop == nullptr ||
         service_table->status == nullptr)) {
        return failed("a slot of its " K2S_SERVICES_ID " is missing or NULL");
    }
    raw->destroy();
    return {};
}

Verdict later_host(const Subject &subject, std::uint64_t) {
    std::unique_ptr<Raw> raw;
    auto verdict = created(subject, raw, 256);
    if (raw) {
        raw->destroy();
    }
    return verdict;
}

Verdict without_services(const Subject &subject, std::uint64_t) {
    std::vector<std::string> needs;
    const auto attempt = [&](const Raw::Choice &hidden, std::string_view name) -> Verdict {
        auto raw = Raw::enter(subject, {.hidden = hidden});
        if (!raw) {
            return failed(raw.error().message);
        }
        std::string why;
        if ((*raw)->create(why) >= 0) {
            (*raw)->destroy();
        } else if (why.starts_with("failed without a message")) {
            return failed(fmt::format("without {} its create fails and does not say why", name));
        } else {
            needs.emplace_back(name);
        }
        return {};
    };
    auto verdict = attempt(each, "any service");
    for (const auto id : k_services) {
        if (verdict.outcome == Outcome::pass) {
            verdict = attempt([id](std::string_view asked) { return asked == id; }, id);
        }
    }
    if (verdict.outcome == Outcome::pass && !needs.empty()) {
        verdict.message = fmt::format("it says that it needs: {}", fmt::join(needs, ", "));
    }
    return verdict;
}

/// In a host whose tables end before their functions, all or one of them.
Verdict earlier_host(const Subject &subject, std::uint64_t) {
    const auto attempt = [&](const Raw::Choice &cut, std::string_view name) -> Verdict {
        auto raw = Raw::enter(subject, {.cut = cut});
        if (!raw) {
            return failed(raw.error().message);
        }
        int32_t status = K2S_OK;
        if (!(*raw)->create_with_small_error(status)) {
            return failed(fmt::format("with a short {} its create writes beyond a k2s_error whose "
                                      "struct_size ends before the message",
                                      name));
        }
        if (status >= 0) {
            (*raw)->destroy();
        }
        return {};
    };
    auto verdict = attempt(each, "table of everything");
    for (const auto id : k_services) {
        if (verdict.outcome == Outcome::pass) {
            verdict = attempt([id](std::string_view asked) { return asked == id; }, id);
        }
    }
    return verdict;
}

template <class Call> auto on_another_thread(Call &&call) {
    decltype(call()) result;
    std::thread([&] { result = call(); }).join();
    return result;
}

/// The strand moves: each call comes on a thread of its own. What the plugin calls off the strand
/// is reported by its host, see first_violation().
Verdict strand(const Subject &subject, std::uint64_t) {
    Rig rig(subject);
    auto &plugin = rig.plugin();
    if (auto done = on_another_thread([&] { return rig.activate(); }); !done) {
        return failed(done.error().message);
    }
    for (const auto &service : default_services(subject)) {
        auto started = on_another_thread(
            [&] { return plugin.start_service(service.feature, "validator", service.settings); });
        if (!started) {
            return failed(fmt::format("'{}', created on one thread and started on another: {}",
                                      service.feature, started.error().message));
        }
        auto stopped = on_another_thread([&] { return plugin.stop_service(*started, 5s); });
        if (!stopped && stopped.error().code != K2S_E_PARTIAL) {
            return failed(fmt::format("'{}', started on one thread and stopped on another: {}",
                                      service.feature, stopped.error().message));
        }
    }
    auto done = on_another_thread([&] { return rig.deactivate(); });
    return done ? Verdict{} : failed(done.error().message);
}

Verdict cycles(const Subject &subject, std::uint64_t) {
    constexpr int k_warm = 5;
    constexpr int k_rounds = 50;
    constexpr std::size_t k_memory_per_round = 512;
    Rig rig(subject);
    Resources before;
    for (int round = 0; round < k_warm + k_rounds; ++round) {
        if (round == k_warm) {
            before = resources();
        }
        if (auto done = rig.activate(); !done) {
            return failed(fmt::format("round {}: {}", round + 1, done.error().message));
        }
        if (auto done = rig.deactivate(); !done) {
            return failed(fmt::format("round {}: {}", round + 1, done.error().message));
        }
    }
    const auto after = resources();
    if (auto left = left_over(before, after, k_rounds); !left.empty()) {
        return failed(std::move(left));
    }
    if (after.memory > before.memory + k_rounds * k_memory_per_round) {
        return failed(fmt::format("{} bytes are left over after {} rounds",
                                  after.memory - before.memory, k_rounds));
    }
    return {};
}

Verdict other_threads(const Subject &subject, std::uint64_t) {
    Rig rig(subject);
    if (auto done = rig.activate(); !done) {
        return failed(done.error().message);
    }
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n) {
        threads.emplace_back([&rig] {
            for (int round = 0; round < 200; ++round) {
                static_cast<void>(rig.plugin().unhealthy());
                static_cast<void>(rig.plugin().diagnostics());
                static_cast<void>(rig.plugin().service_status(12345)); // no such service
            }
        });
    }
    threads.clear();
    auto done = rig.deactivate();
    return done ? Verdict{} : failed(done.error().message);
}

/// Text that is awkward in many ways, but no absolute path: a command may do what it is told.
std::string awkward(std::mt19937_64 &random) {
    constexpr std::string_view k_pieces[] = {"",         "a",
                                             "..",       "%s%n",
                                             "\xff\xfe", "{}",
                                             "\"",       "\\u0000",
                                             "-1",       "99999999999999999999",
                                             "\t",       "\xf0\x9f\x98\x80"};
    std::string text;
    for (auto count = random() % 4; count-- > 0;) {
        text += k_pieces[random() % std::size(k_pieces)];
    }
    if (random() % 8 == 0) {
        text.append(random() % 100'000, 'x');
    }
    return text;
}

class FuzzedCall {
  public:
    FuzzedCall(const core::Command &command, std::mt19937_64 &random)
        : path_(fmt::format("{}", fmt::join(command.path, " "))) {
        for (const auto &option : command.options) {
            add(option.name, option.type, random);
        }
        for (const auto &argument : command.arguments) {
            add(argument.name, argument.type, random);
        }
        for (std::size_t i = 0; i < values_.size(); ++i) {
            values_[i].text = to_abi(texts_[i]);
        }
        call_.struct_size = sizeof call_;
        call_.dry_run = 1;
        call_.command = to_abi(path_);
        call_.values = values_.data();
        call_.value_count = values_.size();
        call_.value_stride = sizeof(k2s_value);
        call_.out = call_.err = call_.data = &sink_;
    }
    const k2s_invocation &call() const { return call_; }

  private:
    void add(const std::string &name, ValueType type, std::mt19937_64 &random) {
        if (random() % 4 == 0) {
            return; // not given
        }
        k2s_value value{};
        value.name = to_abi(name);
        value.integer = static_cast<int64_t>(random()) >> (random() % 64);
        value.real = static_cast<double>(value.integer);
        value.kind = type == ValueType::boolean   ? K2S_VALUE_BOOL
                     : type == ValueType::integer ? K2S_VALUE_INT
                     : type == ValueType::real    ? K2S_VALUE_REAL
                                                  : K2S_VALUE_TEXT;
        values_.push_back(value);
        texts_.push_back(awkward(random));
    }

    std::string path_;
    std::vector<k2s_value> values_;
    std::vector<std::string> texts_;
    k2s_sink sink_{sizeof(k2s_sink), 0, nullptr,
                   [](void *, k2s_bytes) -> int32_t { return K2S_OK; }};
    k2s_invocation call_{};
};

Verdict commands(const Subject &subject, std::uint64_t seed) {
    constexpr int k_calls = 50;
    std::mt19937_64 random(seed);
    Rig rig(subject);
    if (auto done = rig.activate(); !done) {
        return failed(done.error().message);
    }
    int count = 0;
    for (const auto &command : subject.manifest.commands) {
        // A command that cannot be tried without doing it is not called with nonsense.
        if (command.service || (!command.dry_run && !subject.manifest.privileges.empty() &&
                                subject.manifest.privileges.front() != "none")) {
            continue;
        }
        ++count;
        for (int n = 0; n < k_calls; ++n) {
            const FuzzedCall call(command, random);
            const auto done = rig.plugin().run(call.call());
            if (!done && done.error().message.contains("let an exception out")) {
                return failed(
                    fmt::format("`{}`: {}", fmt::join(command.path, " "), done.error().message));
            }
        }
    }
    if (auto done = rig.deactivate(); !done) {
        return failed(done.error().message);
    }
    return count > 0 ? Verdict{} : skipped("it has no command that may be called with nonsense");
}

constexpr Case k_cases[] = {
    {"exports", "one exported symbol, everything else hidden", 10s, exports},
    {"descriptor", "the entry only fills in the descriptor, which agrees with plugin.json", 10s,
     descriptor},
    {"create", "create works in a host with every service, destroy ends it", 20s, create},
    {"interfaces", "what is declared is offered, unknown ids give NULL, no slot is NULL", 20s,
     interfaces},
    {"later-host", "a struct may grow at its end", 20s, later_host},
    {"earlier-host", "struct_size says what is there: a table or an error may end before", 20s,
     earlier_host},
    {"strand", "[strand] is a lock and no thread; what is tagged so is called on it only", 30s,
     strand},
    {"without-services", "a host service may be absent: create fails with a reason or does without",
     60s, without_services},
    {"cycles", "destroy gives back threads, files, memory, timers and leases", 60s, cycles},
    {"other-threads", "[any-thread] functions may be called from any thread", 30s, other_threads},
    {"commands", "a command answers any values with a result or an error", 60s, commands},
    {"services", "a service can be started and stopped any number of times", 120s, start_and_stop},
    {"stop-in-use", "status may be asked while a service stops", 60s, stop_in_use},
    {"settings", "wrong settings give an error, and nothing of the service remains", 60s, settings},
};

} // namespace

std::span<const Case> all_cases() {
    return k_cases;
}

} // namespace k2s::validator
