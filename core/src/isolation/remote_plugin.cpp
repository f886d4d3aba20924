// SPDX-License-Identifier: MIT
/// \file
/// The life of a worker: start, watch, start again. Its calls are in remote_calls.cpp.
#include "isolation/remote_plugin.hpp"

#include <algorithm>
#include <array>

#include <k2s/abi/draft/lifecycle.h>

#include "isolation/remote_line.hpp"
#include "log/record.hpp"
#include "services/host_thread.hpp"
#include "services/services.hpp"
#include "util/path.hpp"

namespace k2s::core::isolation {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Before the n-th new start in a row; after the last the plugin is quarantined.
constexpr std::chrono::milliseconds k_back_off[] = {0ms, 100ms, 500ms, 2s, 5s};
constexpr auto k_well = 60s; // a worker that lived so long starts the row anew
constexpr auto k_hello = 10s;
constexpr auto k_look = 2s;  // how often a worker is asked whether its strand still moves
constexpr auto k_hang = 10s; // how long that may take
constexpr auto k_last_words = 1s;
constexpr auto k_start = 60s;

} // namespace

RemotePlugin::RemotePlugin(WorkerPlan plan) : plan_(std::move(plan)) {}

RemotePlugin::~RemotePlugin() {
    close();
}

int32_t RemotePlugin::enter(const k2s_host *host, const k2s_plugin **plugin, k2s_error *error) {
    scope_ = PluginScope::of(host);
    std::unique_lock lock(mutex_);
    closing_ = false;
    failure_.reset();
    state_ = State::down;
    entering_ = wanted_ = true;
    ends_ = 0;
    keeper_ = std::jthread([this] { keep(); });
    news_.wait(lock, [this] { return state_ == State::up || failure_; });
    if (failure_) {
        const Error why = *failure_;
        lock.unlock();
        close();
        return report(error, why.code, "isolation", why.message);
    }
    descriptor_ = {sizeof(k2s_plugin),
                   0,
                   this,
                   to_abi(plan_.manifest->id),
                   to_abi(plan_.manifest->version),
                   [](void *, k2s_error *) -> int32_t { return K2S_OK; }, // the worker has done it
                   [](void *self) { static_cast<RemotePlugin *>(self)->destroy(); },
                   [](void *self, k2s_str id) -> const void * {
                       return static_cast<RemotePlugin *>(self)->offers(from_abi(id))
                                  ? remote_table(from_abi(id))
                                  : nullptr;
                   }};
    *plugin = &descriptor_;
    return K2S_OK;
}

bool RemotePlugin::offers(std::string_view id) const {
    if (id == K2S_RECONFIGURE_ID || id == K2S_HEALTH_ID) {
        return true; // for the log's threshold, and for how the worker does
    }
    const auto *found = std::ranges::find(k_offers, id);
    return found != std::end(k_offers) && (offered_ >> (found - k_offers) & 1) != 0;
}

void RemotePlugin::close() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        if (line_) {
            line_->process->kill();
        }
    }
    news_.notify_all();
    if (keeper_.joinable()) {
        keeper_.join();
    }
}

/// The keeper's thread: one round is one worker.
void RemotePlugin::keep() {
    name_this_thread("k2s-keeper");
    std::unique_lock lock(mutex_);
    for (;;) {
        news_.wait(lock, [this] { return closing_ || wanted_; });
        if (closing_) {
            return;
        }
        state_ = State::starting;
        lock.unlock();
        auto up = bring_up();
        lock.lock();
        std::shared_ptr<Line> now = up.value_or(nullptr);
        if (!up && entering_) {
            failure_ = up.error();
            wanted_ = false;
            state_ = State::down;
            news_.notify_all();
            continue;
        }
        if (up) {
            line_ = now;
            state_ = State::up;
            entering_ = false;
            news_.notify_all();
            lock.unlock();
            watch(*now);
            lock.lock();
            line_.reset();
        }
        if (closing_) {
            return;
        }
        lock.unlock();
        const auto pause = note_end(now.get(), up ? std::nullopt : std::optional(up.error()));
        up = now = nullptr;
        lock.lock();
        news_.notify_all();
        news_.wait_for(lock, pause, [this] { return closing_; });
        ++restarts_;
    }
}

Result<std::shared_ptr<RemotePlugin::Line>> RemotePlugin::bring_up() {
    auto pair = Channel::make();
    if (!pair) {
        return pass(pair);
    }
    auto process = WorkerProcess::start(plan_.program, *pair->there, plan_.file, plan_.limits);
    if (!process) {
        return pass(process);
    }
    pair->there.reset(); // so that the end of the worker is the end of the line
    auto line = std::make_shared<Line>(std::move(*process), std::move(pair->here), *scope_);
    {
        const std::lock_guard lock(mutex_);
        if (closing_) {
            return fail(K2S_E_CANCELLED, "the plugin is being ended");
        }
        line_ = line; // for close()
    }
    auto done = introduce(*line);
    if (done) {
        done = create(*line);
    }
    if (!done) {
        const std::lock_guard lock(mutex_);
        line_.reset();
        return pass(done);
    }
    restart_services(*line);
    return line;
}

Result<void> RemotePlugin::introduce(Line &line) {
    const Manifest &manifest = *plan_.manifest;
    const auto &services = scope_->services();
    Packer hello;
    hello.put(k_protocol).put(services.ports.version);
    hello.put(manifest.id).put(manifest.version).put(path_to_utf8(plan_.library));
    hello.put(static_cast<uint32_t>(manifest.provided_contracts.size()));
    for (const auto &contract : manifest.provided_contracts) {
        hello.put(contract.contract).put(contract.version);
    }
    hello.put(static_cast<uint32_t>(manifest.required_contracts.size()));
    for (const auto &contract : manifest.required_contracts) {
        hello.put(contract.contract).put(contract.version);
    }
    for (const uint32_t stream : {K2S_STREAM_IN, K2S_STREAM_OUT, K2S_STREAM_ERR}) {
        hello.put(Stdio::columns(stream));
    }
    const WorkerLimits &limits = plan_.limits;
    hello.put(limits.user).put(limits.memory_mb);
    hello.put<uint8_t>(limits.processes.has_value()).put(limits.processes.value_or(0));
    hello.put<uint8_t>(limits.read_only).put<uint8_t>(limits.admin_calls);
    line.pack_settings(hello);
    auto answer = line.connection.call(Kind::hello, hello.take(), {.deadline = k_hello});
    if (!answer) {
        return line.explain(std::move(answer.error()), "in its first words", manifest.id);
    }
    if (answer->status < 0) {
        return fail(answer->status, "{}", answer->message);
    }
    if (!answer->data.empty()) {
        services.log(
            K2S_LOG_WARN, scope_->id(),
            fmt::format("the worker is less restricted than it should be: {}", answer->data));
    }
    return {};
}

Result<void> RemotePlugin::create(Line &line) {
    auto answer = line.connection.call(Kind::create, {}, {.deadline = plan_.create_time()});
    if (!answer) {
        return line.explain(std::move(answer.error()), "while it was created", plan_.manifest->id);
    }
    if (answer->status < 0) {
        return fail(answer->status, "{}", answer->message);
    }
    offered_ = Unpacker(answer->data).get<uint32_t>();
    return {};
}

void RemotePlugin::restart_services(Line &line) {
    std::unique_lock lock(mutex_);
    for (const auto &[handle, wanted] : std::map(services_)) { // one may be stopped meanwhile
        Packer body;
        body.put(wanted.feature).put(wanted.instance).put(wanted.settings);
        lock.unlock();
        auto answer = line.connection.call(Kind::start, body.take(), {.deadline = k_start});
        lock.lock();
        const auto found = services_.find(handle);
        if (found == services_.end()) {
            continue;
        }
        Service &service = found->second;
        const bool good = answer && answer->status >= 0;
        service.there = good ? Unpacker(answer->data).get<uint64_t>() : 0;
        service.failure = good ? "" : answer ? answer->message : answer.error().message;
        if (!good) {
            scope_->services().log(K2S_LOG_ERROR, scope_->id(),
                                   fmt::format("service '{}' could not be started again: {}",
                                               service.instance, service.failure));
        }
    }
}

/// Until the worker has ended.
void RemotePlugin::watch(Line &line) {
    while (!line.process->watch_for(k_look)) {
        if (!line.connection.open()) {
            if (!line.process->wait_for(k_last_words)) {
                line.kill("it closed its line to the host and went on");
            }
            continue;
        }
        const uint64_t calls = started_;
        if (busy_ != 0) {
            continue; // each such call has its own deadline, or may take as long as it likes
        }
        const auto answer = line.connection.call(Kind::ping, {}, {.deadline = k_hang});
        if (!answer && answer.error().code == K2S_E_TIMEOUT && calls == started_ && busy_ == 0) {
            line.kill(fmt::format("a task of it has held its strand for {} s", k_hang.count()));
        }
    }
}

/// Writes down how it ended; the pause before the next start.
std::chrono::milliseconds RemotePlugin::note_end(const Line *line,
                                                 const std::optional<Error> &failed) {
    End end{std::chrono::system_clock::now(), failed ? failed->message : line->how(),
            line ? line->process->last_lines() : std::string()};
    std::unique_lock lock(mutex_);
    if (line && Clock::now() - line->since > k_well) {
        ends_ = 0;
    }
    const bool enough = ends_ == std::size(k_back_off);
    const auto pause = enough ? 0ms : k_back_off[ends_];
    ++ends_;
    last_end_ = end;
    const bool again = !services_.empty() && !enough;
    wanted_ = again;
    state_ = enough ? State::quarantined : again ? State::waiting : State::down;
    const unsigned ends = ends_;
    lock.unlock();

    const std::array fields{
        k2s_field{to_abi("how"), to_abi(end.how), 0, 0, K2S_FIELD_TEXT, 0},
        k2s_field{to_abi("printed"), to_abi(end.printed), 0, 0, K2S_FIELD_TEXT, 0},
        k2s_field{to_abi("restart_in_ms"), {}, pause.count(), 0, K2S_FIELD_INT, 0}};
    scope_->services().log(K2S_LOG_ERROR, scope_->id(),
                           enough  ? "the worker ended too often: the plugin is quarantined"
                           : again ? "the worker ended and is started again"
                                   : "the worker ended; the next call starts it again",
                           std::span(fields).first(again ? 3 : 2));
    if (enough && plan_.quarantine) {
        plan_.quarantine(fmt::format("its worker ended {} times in a row: {}", ends, end.how));
    }
    return pause;
}

nlohmann::ordered_json RemotePlugin::state() const {
    static constexpr const char *names[] = {"down", "starting", "running", "waiting",
                                            "quarantined"};
    const std::lock_guard lock(mutex_);
    nlohmann::ordered_json told{{"place", "process"},
                                {"state", names[static_cast<std::size_t>(state_)]},
                                {"restarts", restarts_}};
    if (state_ == State::up && line_) {
        told["pid"] = line_->process->id();
    }
    if (last_end_) {
        std::string time;
        append_time(time, std::chrono::duration_cast<std::chrono::microseconds>(
                              last_end_->time.time_since_epoch())
                              .count());
        told["last_end"] = {{"time", time}, {"how", last_end_->how}};
        if (!last_end_->printed.empty()) {
            told["last_end"]["printed"] = last_end_->printed;
        }
    }
    return told;
}

} // namespace k2s::core::isolation
