// SPDX-License-Identifier: MIT
/// \file
/// What the tables of an isolated plugin do: each function is one call into the worker.
#include <k2s/abi/draft/lifecycle.h>

#include "isolation/remote_line.hpp"
#include "manifest/json_text.hpp"

namespace k2s::core::isolation {

namespace {

using namespace std::chrono_literals;

// How long a call waits for a worker that is being started again.
constexpr auto k_wait_up = 3s;

constexpr auto k_change = 60s; // start, reload, changed: they open listeners, read files
constexpr auto k_beside = 5s;  // status, health, metrics: from what is known
constexpr auto k_diagnostics = 10s;
constexpr auto k_beyond = 5s; // what a deadline of the caller is given on top
constexpr auto k_after_cancel = 10s;

constexpr std::size_t k_max_state = 1024 * 1024;

Status to_status(Result<Reply> reply) {
    if (!reply) {
        return std::move(reply.error());
    }
    return reply->status < 0 ? Status(Error{reply->status, std::move(reply->message)})
                             : Status(reply->status);
}

Result<std::string> to_json_text(Result<Reply> reply) {
    if (!reply) {
        return pass(reply);
    }
    if (reply->status < 0) {
        return std::unexpected(Error{reply->status, std::move(reply->message)});
    }
    // The host parses it: nothing that is large, deep or no JSON gets so far.
    if (auto sound = parse_json(reply->data, "the worker's answer", {.bytes = k_max_state});
        !sound) {
        return pass(sound);
    }
    return std::move(reply->data);
}

/// Output and input of a running command.
class CommandStreams {
  public:
    CommandStreams(const k2s_invocation &call, Stdio &stdio)
        : sinks_{call.out, call.err, call.data}, stdio_(stdio) {}

    std::string serve(const Frame &frame) {
        Unpacker in(frame.body);
        if (frame.kind == Kind::input) {
            buffer_.resize(std::min(in.get<uint32_t>(), k_piece));
            const auto size =
                stdio_.read(reinterpret_cast<uint8_t *>(buffer_.data()), buffer_.size());
            const auto text = std::string_view(buffer_).substr(0, size > 0 ? size : 0);
            return Packer()
                .put<int32_t>(size < 0 ? static_cast<int32_t>(size) : 0)
                .put(text)
                .take();
        }
        const auto which = in.get<uint8_t>();
        const auto data = in.text();
        const k2s_sink *sink = which < std::size(sinks_) ? sinks_[which] : nullptr;
        const int32_t status = sink == nullptr || !in.complete()
                                   ? K2S_E_USAGE
                                   : sink->write(sink->context, to_bytes(data));
        return Packer().put(status).put("").take();
    }

  private:
    static k2s_bytes to_bytes(std::string_view data) {
        return {reinterpret_cast<const uint8_t *>(data.data()), data.size()};
    }

    const k2s_sink *sinks_[3];
    Stdio &stdio_;
    std::string buffer_;
};

void pack(Packer &out, const k2s_invocation &call) {
    out.put(call.command).put(call.dry_run);
    const bool sinks[] = {call.out != nullptr, call.err != nullptr, call.data != nullptr};
    for (const bool sink : sinks) {
        out.put<uint8_t>(sink);
    }
    out.put(static_cast<uint32_t>(call.value_count));
    const auto *next = reinterpret_cast<const char *>(call.values);
    for (uint64_t n = 0; n < call.value_count; ++n, next += call.value_stride) {
        const auto &value = *reinterpret_cast<const k2s_value *>(next);
        out.put(value.name).put(value.text).put(value.integer).put(value.real);
        out.put(value.kind).put(value.origin).put(static_cast<uint32_t>(value.item_count));
        for (uint64_t item = 0; item < value.item_count; ++item) {
            out.put(value.items[item]);
        }
    }
}

/// Counts a call that may hold the worker's strand.
class Busy {
  public:
    Busy(std::atomic<unsigned> &busy, std::atomic<uint64_t> &started) : busy_(busy) {
        ++busy_;
        ++started;
    }
    ~Busy() { --busy_; }
    Busy(const Busy &) = delete;
    Busy &operator=(const Busy &) = delete;

  private:
    std::atomic<unsigned> &busy_;
};

} // namespace

/// The present worker; waits a little for one that is on its way up.
Result<std::shared_ptr<RemotePlugin::Line>> RemotePlugin::line() {
    std::unique_lock lock(mutex_);
    if (state_ == State::down) {
        wanted_ = true; // nobody needed it since its end
        state_ = State::starting;
        news_.notify_all();
    }
    news_.wait_for(lock, k_wait_up, [this] {
        return closing_ || state_ == State::up || state_ == State::quarantined ||
               state_ == State::down;
    });
    if (state_ == State::up && line_) {
        return line_;
    }
    return std::unexpected(absence());
}

/// Why there is no worker at the moment; under the lock.
Error RemotePlugin::absence() const {
    return {K2S_E_STATE,
            fmt::format("the worker of the isolated plugin '{}' {}: {}", plan_.manifest->id,
                        last_end_ ? last_end_->how : "is being started",
                        state_ == State::quarantined
                            ? fmt::format("it is quarantined until `k2s plugin enable {}`",
                                          plan_.manifest->id)
                            : "it is started again; try later")};
}

/// The present worker, without waiting for one.
Result<std::shared_ptr<RemotePlugin::Line>> RemotePlugin::line_now() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::up ? Result<std::shared_ptr<Line>>(line_) : std::unexpected(absence());
}

Result<Reply> RemotePlugin::ask_on(const std::shared_ptr<Line> &line, Kind kind, Packer body,
                                   Connection::Options options) {
    auto reply = line->connection.call(kind, body.take(), options);
    if (!reply) {
        return line->explain(std::move(reply.error()), "during a call", plan_.manifest->id);
    }
    return reply;
}

Result<Reply> RemotePlugin::ask(Kind kind, Packer body, Connection::Options options) {
    auto present = line();
    return present ? ask_on(*present, kind, std::move(body), std::move(options)) : pass(present);
}

std::function<bool()> RemotePlugin::cancelled() const {
    return [&cancellation = scope_->services().cancellation] { return cancellation.requested(); };
}

Status RemotePlugin::run(const k2s_invocation &call) {
    const Busy busy(busy_, started_);
    Packer body;
    pack(body, call);
    CommandStreams streams(call, scope_->services().stdio);
    return to_status(ask(Kind::run, std::move(body),
                         {.serve = [&](const Frame &frame) { return streams.serve(frame); },
                          .cancelled = cancelled()}));
}

Status RemotePlugin::start(std::string_view feature, std::string_view instance,
                           std::string_view settings, k2s_handle &service) {
    const Busy busy(busy_, started_);
    Packer body;
    body.put(feature).put(instance).put(settings);
    auto reply = ask(Kind::start, std::move(body), {.deadline = k_change});
    if (reply && reply->status >= 0) {
        const std::lock_guard lock(mutex_);
        service = ++last_service_;
        services_[service] = {std::string(feature),
                              std::string(instance),
                              std::string(settings),
                              Unpacker(reply->data).get<uint64_t>(),
                              {}};
    }
    return to_status(std::move(reply));
}

Result<RemotePlugin::Service> RemotePlugin::find(k2s_handle service) const {
    const std::lock_guard lock(mutex_);
    const auto found = services_.find(service);
    if (found == services_.end()) {
        return fail(K2S_E_NOT_FOUND, "there is no such service");
    }
    return found->second;
}

Status RemotePlugin::reload(k2s_handle service, std::string_view settings) {
    const Busy busy(busy_, started_);
    auto present = line();
    auto known = find(service);
    if (!known) {
        return std::move(known.error());
    }
    if (!present) { // what the next start takes: perhaps the old settings are why it ended
        const std::lock_guard lock(mutex_);
        services_[service].settings = settings;
        return K2S_OK;
    }
    if (known->there == 0) { // it could not be started with the old settings after a crash
        return K2S_E_UNSUPPORTED;
    }
    Packer body;
    body.put(known->there).put(settings);
    auto reply = ask_on(*present, Kind::reload, std::move(body), {.deadline = k_change});
    if (reply && reply->status >= 0) {
        const std::lock_guard lock(mutex_);
        services_[service].settings = settings;
    }
    return to_status(std::move(reply));
}

Status RemotePlugin::begin_drain(k2s_handle service, std::chrono::milliseconds deadline) {
    const Busy busy(busy_, started_);
    auto present = line_now();
    auto known = present ? find(service) : pass(present);
    if (!known) {
        return std::move(known.error());
    }
    if (known->there == 0) {
        return K2S_OK;
    }
    Packer body;
    body.put(known->there).put<uint64_t>(static_cast<uint64_t>(deadline.count()));
    return to_status(ask_on(*present, Kind::drain, std::move(body), {.deadline = k_beside}));
}

Status RemotePlugin::stop(k2s_handle service, std::chrono::milliseconds deadline) {
    const Busy busy(busy_, started_);
    auto known = find(service);
    if (!known) {
        return std::move(known.error());
    }
    const auto present = line_now().value_or(nullptr);
    Result<Reply> reply = Reply{};
    if (present && known->there != 0) {
        Packer body;
        body.put(known->there).put<uint64_t>(static_cast<uint64_t>(deadline.count()));
        reply = ask_on(present, Kind::stop, std::move(body), {.deadline = deadline + k_beyond});
    }
    // A worker that ended meanwhile has taken the service along.
    const bool gone = !reply || reply->status >= 0 || reply->status == K2S_E_PARTIAL;
    const std::lock_guard lock(mutex_);
    if (gone) {
        services_.erase(service);
        wanted_ = wanted_ && !services_.empty();
    }
    return reply ? to_status(std::move(reply))
                 : Status(Error{K2S_E_PARTIAL, reply.error().message});
}

Result<std::string> RemotePlugin::status(k2s_handle service) {
    auto present = line_now();
    auto known = present ? find(service) : pass(present);
    if (!known) {
        return pass(known);
    }
    if (known->there == 0) {
        return fail(K2S_E_FAILED, "{}", known->failure);
    }
    return to_json_text(ask_on(*present, Kind::status, std::move(Packer().put(known->there)),
                               {.deadline = k_beside}));
}

Status RemotePlugin::health() {
    auto present = line_now();
    {
        const std::lock_guard lock(mutex_);
        if (!present) { // without services nobody waits for a worker that is down
            return state_ == State::down ? Status(K2S_OK) : Status(std::move(present.error()));
        }
        for (const auto &[handle, service] : services_) {
            if (!service.failure.empty()) {
                return Error{K2S_E_FAILED, service.failure};
            }
        }
    }
    constexpr uint32_t k_health_bit = 1U << 2;
    static_assert(k_offers[2] == K2S_HEALTH_ID);
    return (offered_ & k_health_bit) == 0
               ? Status(K2S_OK)
               : to_status(ask_on(*present, Kind::health, {}, {.deadline = k_beside}));
}

Status RemotePlugin::changed() {
    const Busy busy(busy_, started_);
    {
        const std::lock_guard lock(mutex_);
        if (state_ == State::quarantined) {
            if (!plan_.lifted || !plan_.lifted()) {
                return K2S_OK;
            }
            ends_ = 0;
            wanted_ = true;
            state_ = State::starting;
            news_.notify_all();
        }
    }
    auto present = line();
    if (!present) {
        return std::move(present.error());
    }
    Packer body;
    (*present)->pack_settings(body);
    return to_status(ask_on(*present, Kind::changed, std::move(body), {.deadline = k_change}));
}

Status RemotePlugin::step(uint32_t step, std::chrono::milliseconds deadline) {
    Packer body;
    body.put(step).put<uint64_t>(static_cast<uint64_t>(deadline.count()));
    Connection::Options options;
    options.deadline = deadline.count() > 0 ? deadline + k_beyond : deadline;
    if (step == K2S_STEP_STARTED) {
        options.cancelled = cancelled();
        options.grace = k_after_cancel;
    }
    return to_status(ask(Kind::step, std::move(body), std::move(options)));
}

Result<std::string> RemotePlugin::diagnostics() {
    return to_json_text(ask(Kind::diagnostics, {}, {.deadline = k_diagnostics}));
}

void RemotePlugin::collect_metrics() {
    auto present = line_now();
    auto reply =
        present ? ask_on(*present, Kind::metrics, {}, {.deadline = k_beside}) : pass(present);
    if (!reply) {
        return;
    }
    Unpacker in(reply->data);
    for (auto left = in.get<uint32_t>(); left > 0 && in.good(); --left) {
        Metrics::Sample sample;
        sample.kind =
            static_cast<MetricKind>(std::min<uint32_t>(in.get<uint32_t>(), K2S_METRIC_HISTOGRAM));
        sample.name = in.text();
        sample.help = in.text();
        sample.labels = in.text();
        sample.value = in.get<int64_t>();
        for (auto count = in.get<uint32_t>(); count > 0 && in.good(); --count) {
            sample.bounds.push_back(in.get<double>());
        }
        for (auto count = in.get<uint32_t>(); count > 0 && in.good(); --count) {
            sample.buckets.push_back(in.get<uint64_t>());
        }
        sample.sum = in.get<double>();
        const std::lock_guard held(scope_->opening());
        if (in.good() && !scope_->closed()) {
            static_cast<void>(scope_->services().metrics.show(scope_->id(), sample));
        }
    }
}

void RemotePlugin::destroy() {
    const auto present = line_now().value_or(nullptr);
    {
        const std::lock_guard lock(mutex_);
        services_.clear();
        wanted_ = false;
    }
    if (present) {
        const Busy busy(busy_, started_);
        const auto answer =
            present->connection.call(Kind::destroy, {}, {.deadline = k_diagnostics});
        if (answer && answer->status < 0) {
            scope_->services().log(K2S_LOG_WARN, scope_->id(), answer->message);
        }
    }
    close();
}

} // namespace k2s::core::isolation
