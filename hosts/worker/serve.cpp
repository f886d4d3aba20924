// SPDX-License-Identifier: MIT
#include "serve.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include <k2s/abi/draft/lifecycle.h>
#include <k2s/sdk/host.hpp>

#include "host_ports.hpp"
#include "isolation/remote_plugin.hpp"
#include "lifecycle/plugin.hpp"
#include "restrict.hpp"
#include "util/path.hpp"
#include "version.h"

namespace k2s::worker {

namespace {

using core::fail;
using core::isolation::k_offers;
using core::isolation::k_protocol;
using core::isolation::Packer;
using core::isolation::Unpacker;
using std::chrono::milliseconds;

constexpr auto k_end = std::chrono::seconds(5);
constexpr int k_max_threads = 12; // the host has fewer calls under way at a time

struct Answer {
    int32_t status = K2S_OK;
    std::string message;
    std::string data;

    Answer() = default;
    Answer(const Error &error) : status(error.code), message(error.message) {}
};

template <class T> Answer answer_of(const core::Result<T> &done) {
    return done ? Answer() : Answer(done.error());
}

Answer answer_of(const core::Result<std::string> &text) {
    Answer answer;
    if (!text) {
        return text.error();
    }
    answer.data = *text;
    return answer;
}

/// A command line as the host has packed it.
class Arguments {
  public:
    Arguments(Unpacker &in, HostState &state, uint32_t call)
        : sinks_{{state, call, 0}, {state, call, 1}, {state, call, 2}} {
        call_.struct_size = sizeof call_;
        call_.command = to_abi(in.text());
        call_.dry_run = in.get<uint32_t>();
        for (std::size_t n = 0; n < std::size(sinks_); ++n) {
            tables_[n] = sinks_[n].table();
        }
        call_.out = in.get<uint8_t>() != 0 ? &tables_[0] : nullptr;
        call_.err = in.get<uint8_t>() != 0 ? &tables_[1] : nullptr;
        call_.data = in.get<uint8_t>() != 0 ? &tables_[2] : nullptr;
        for (auto left = in.get<uint32_t>(); left > 0 && in.good(); --left) {
            k2s_value value{};
            value.name = to_abi(in.text());
            value.text = to_abi(in.text());
            value.integer = in.get<int64_t>();
            value.real = in.get<double>();
            value.kind = in.get<uint32_t>();
            value.origin = in.get<uint32_t>();
            auto &items = items_.emplace_back();
            for (auto more = in.get<uint32_t>(); more > 0 && in.good(); --more) {
                items.push_back(to_abi(in.text()));
            }
            value.items = items.data();
            value.item_count = items.size();
            values_.push_back(value);
        }
        call_.values = values_.data();
        call_.value_count = values_.size();
        call_.value_stride = sizeof(k2s_value);
    }
    Arguments(const Arguments &) = delete;
    Arguments &operator=(const Arguments &) = delete;

    const k2s_invocation &call() const { return call_; }

  private:
    RemoteSink sinks_[3];
    k2s_sink tables_[3]{};
    std::deque<std::vector<k2s_str>> items_;
    std::vector<k2s_value> values_;
    k2s_invocation call_{};
};

class Worker {
  public:
    Worker(Inherited line, Inherited file)
        : line_(reinterpret_or_cast(line)), state_{line_, {}}, file_(file) {}

    [[noreturn]] void run() {
        Frame frame;
        if (!line_.receive(frame) || frame.kind != Kind::hello) {
            leave(2);
        }
        const Answer answer = greet(Unpacker(frame.body));
        reply(frame.id, answer);
        if (answer.status < 0) {
            leave(0);
        }
        read();
    }

  private:
    static core::isolation::Channel::Native reinterpret_or_cast(Inherited number) {
#ifdef _WIN32
        return reinterpret_cast<void *>(number);
#else
        return static_cast<int>(number);
#endif
    }

    void reply(uint32_t id, const Answer &answer) {
        line_.send(Kind::reply, id,
                   Packer().put(answer.status).put(answer.message).put(answer.data).take());
    }

    /// Whoever has a turn reads the next frame and serves it, while another one reads on: so a call
    /// costs no hand-over between threads.
    [[noreturn]] void read() {
        for (;;) {
            Frame frame;
            {
                ++spare_;
                const std::lock_guard turn(reading_);
                do {
                    if (!line_.receive(frame)) {
                        leave(0); // the host is gone
                    }
                } while (took(frame));
                --spare_;
            }
            if (spare_ == 0 && threads_ < k_max_threads) {
                ++threads_;
                std::thread([this] { read(); }).detach(); // ends with the process
            }
            if (frame.kind == Kind::destroy) {
                reply(frame.id, answer_of(plugin_->deactivate(k_end)));
                leave(0);
            }
            reply(frame.id, serve(frame));
        }
    }

    /// What needs no answer is done in the order of its coming.
    bool took(Frame &frame) {
        switch (frame.kind) {
        case Kind::answer:
            line_.take_answer(frame);
            return true;
        case Kind::cancel:
            services_->cancellation.request();
            return true;
        case Kind::notice: {
            Unpacker in(frame.body);
            const auto topic = in.text();
            static_cast<void>(services_->events.publish(topic, in.text()));
            return true;
        }
        default:
            return false;
        }
    }

    Answer greet(Unpacker in) {
        const auto protocol = in.get<uint32_t>();
        state_.version = in.text();
        if (protocol != k_protocol || state_.version != k2s_version) {
            return Error{K2S_E_STATE,
                         fmt::format("the host is of version {} (line {}), its k2s-worker of {} "
                                     "(line {}): install both from one build",
                                     state_.version, protocol, k2s_version, k_protocol)};
        }
        manifest_.id = in.text();
        manifest_.version = in.text();
        library_ = in.text();
        for (auto left = in.get<uint32_t>(); left > 0 && in.good(); --left) {
            const std::string name(in.text());
            manifest_.provided_contracts.push_back({name, std::string(in.text())});
        }
        for (auto left = in.get<uint32_t>(); left > 0 && in.good(); --left) {
            core::RequiredContract contract;
            contract.contract = in.text();
            contract.version = in.text();
            manifest_.required_contracts.push_back(std::move(contract));
        }
        for (auto &columns : state_.columns) {
            columns = in.get<uint32_t>();
        }
        core::isolation::WorkerLimits limits;
        limits.user = in.text();
        limits.memory_mb = in.get<uint64_t>();
        const bool limited = in.get<uint8_t>() != 0;
        const auto processes = in.get<uint32_t>();
        limits.processes = limited ? std::optional(processes) : std::nullopt;
        limits.read_only = in.get<uint8_t>() != 0;
        limits.admin_calls = in.get<uint8_t>() != 0;
        take_settings(in);
        if (!in.complete()) {
            return Error{K2S_E_STATE, "the host's first words make no sense"};
        }
        const auto missing = restrict_self(limits);
        if (!missing) {
            return missing.error();
        }
        services_ = std::make_unique<core::Services>(make_host_ports(state_));
        state_.services = services_.get();
        const auto file = core::path_from_utf8(library_);
        manifest_.library = core::path_to_utf8(file.stem());
        plugin_ = std::make_unique<core::PluginInstance>(manifest_, file.parent_path(), *services_);
        Answer answer;
        answer.data = fmt::format("{}", fmt::join(*missing, "; "));
        return answer;
    }

    void take_settings(Unpacker &in) {
        const auto threshold = in.get<int32_t>();
        std::atomic_ref(state_.log_threshold).store(threshold, std::memory_order_relaxed);
        state_.generation = in.get<uint64_t>();
    }

    Answer create() {
        const auto where = [this](const core::Manifest &,
                                  [[maybe_unused]] const core::fs::path &file) {
            core::VerifiedLibrary library;
#ifdef _WIN32
            library.path = file; // the host's open file keeps it from being changed
#else
            library.path = "/proc/self/fd/" + std::to_string(file_);
#endif
            return core::Result<core::VerifiedLibrary>(std::move(library));
        };
        if (auto created = plugin_->activate(where); !created) {
            return created.error();
        }
        uint32_t offered = 0;
        for (std::size_t n = 0; n < std::size(k_offers); ++n) {
            offered |= plugin_->find<void>(k_offers[n]) ? 1U << n : 0;
        }
        Answer answer;
        answer.data = Packer().put(offered).take();
        return answer;
    }

    Answer run_command(Unpacker in, uint32_t id) {
        const Arguments arguments(in, state_, id);
        if (!in.complete()) {
            return Error{K2S_E_USAGE, "the host's command makes no sense"};
        }
        state_.running = id;
        const auto code = plugin_->run(arguments.call());
        state_.running = 0;
        Answer answer = answer_of(code);
        answer.status = code ? *code : answer.status;
        return answer;
    }

    Answer count() {
        const auto samples = services_->metrics.samples();
        Packer out;
        out.put(static_cast<uint32_t>(samples.size()));
        for (const auto &sample : samples) {
            out.put(static_cast<uint32_t>(sample.kind));
            out.put(sample.name).put(sample.help).put(sample.labels).put(sample.value);
            out.put(static_cast<uint32_t>(sample.bounds.size()));
            for (const double bound : sample.bounds) {
                out.put(bound);
            }
            out.put(static_cast<uint32_t>(sample.buckets.size()));
            for (const uint64_t bucket : sample.buckets) {
                out.put(bucket);
            }
            out.put(sample.sum);
        }
        Answer answer;
        answer.data = out.take();
        return answer;
    }

    Answer serve(const Frame &frame) {
        Unpacker in(frame.body);
        switch (frame.kind) {
        case Kind::create:
            return create();
        case Kind::run:
            return run_command(in, frame.id);
        case Kind::start: {
            const auto feature = in.text();
            const auto instance = in.text();
            const auto service = plugin_->start_service(feature, instance, in.text());
            Answer answer = answer_of(service);
            answer.data = Packer().put<uint64_t>(service.value_or(0)).take();
            return answer;
        }
        case Kind::reload: {
            const auto service = in.get<uint64_t>();
            return answer_of(plugin_->reload_service(service, in.text()));
        }
        case Kind::drain: {
            const auto service = in.get<uint64_t>();
            plugin_->begin_drain(service, milliseconds(in.get<uint64_t>()));
            return {};
        }
        case Kind::stop: {
            const auto service = in.get<uint64_t>();
            return answer_of(plugin_->stop_service(service, milliseconds(in.get<uint64_t>())));
        }
        case Kind::status:
            return answer_of(plugin_->service_status(in.get<uint64_t>()));
        case Kind::health: {
            const auto sick = plugin_->unhealthy();
            return sick ? Answer(*sick) : Answer();
        }
        case Kind::changed:
            take_settings(in);
            return answer_of(plugin_->reconfigure());
        case Kind::step: {
            const auto step = in.get<uint32_t>();
            return answer_of(plugin_->step(step, milliseconds(in.get<uint64_t>())));
        }
        case Kind::diagnostics:
            return answer_of(plugin_->diagnostics());
        case Kind::metrics:
            return count();
        case Kind::ping:
            plugin_->touch();
            return {};
        default:
            return Error{K2S_E_UNSUPPORTED, "the host's call is not known"};
        }
    }

    HostLine line_;
    HostState state_;
    const Inherited file_;
    std::string library_;
    core::Manifest manifest_;
    std::unique_ptr<core::Services> services_;
    std::unique_ptr<core::PluginInstance> plugin_;
    std::mutex reading_;
    std::atomic<int> spare_{0};
    std::atomic<int> threads_{1};
};

} // namespace

void serve(Inherited line, Inherited file) {
    (new Worker(line, file))->run();
}

} // namespace k2s::worker
