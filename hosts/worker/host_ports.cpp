// SPDX-License-Identifier: MIT
#include "host_ports.hpp"

#include <algorithm>

#include "app/process_port.hpp"
#include "isolation/wire.hpp"
#include "services/tables/entry.hpp"
#include "services/tables/tables.hpp"

namespace k2s::worker {

namespace {

using core::fail;
using core::Result;
using core::isolation::k_piece;
using core::isolation::Packer;
using core::isolation::Unpacker;
using core::tables::Call;

// The tables get only a k2s_host, and this process has one plugin.
HostState *g_state = nullptr;

void write_record(HostState &state, int32_t level, std::string_view message,
                  std::span<const k2s_field> fields) {
    Packer out;
    out.put(level).put(message.substr(0, k_piece / 2)).put(static_cast<uint32_t>(fields.size()));
    std::size_t room = k_piece;
    for (const k2s_field &field : fields) {
        const auto text = from_abi(field.text).substr(0, room);
        room -= text.size();
        out.put(from_abi(field.key).substr(0, 128)).put(text).put(field.integer);
        out.put(field.real).put(field.kind);
    }
    state.line.send(Kind::log, 0, out.take());
}

Result<std::string> read_config(HostState &state, std::string_view pointer) {
    const auto answer = state.line.ask(Kind::config, 0, pointer);
    Unpacker in(answer);
    const auto status = in.get<int32_t>();
    std::string text(in.text());
    return status < 0 ? Result<std::string>(std::unexpected(Error{status, std::move(text)}))
                      : std::move(text);
}

// --- notices ---

int32_t K2S_CALL publish(const k2s_host *host, k2s_str topic, k2s_str json,
                         k2s_error *error) noexcept {
    return core::tables::entry(host, K2S_EVENTS_ID, "publish", error, [&](const Call &) -> Status {
        if (auto good = core::Events::check(from_abi(topic), from_abi(json)); !good) {
            return std::move(good.error());
        }
        g_state->line.send(Kind::publish, 0, Packer().put(topic).put(json).take());
        return K2S_OK;
    });
}

int32_t K2S_CALL subscribe(const k2s_host *host, k2s_str topic, k2s_event_fn deliver, void *context,
                           k2s_handle *out) noexcept {
    // The host sends all notices from then on; which of them the plugin wants is decided here.
    static const bool told = [] {
        g_state->line.send(Kind::subscribe, 0, {});
        return true;
    }();
    static_cast<void>(told);
    return core::tables::events.subscribe(host, topic, deliver, context, out);
}

int32_t K2S_CALL unsubscribe(const k2s_host *host, k2s_handle subscription) noexcept {
    return core::tables::events.unsubscribe(host, subscription);
}

constexpr k2s_events k_events{sizeof(k2s_events), 0, publish, subscribe, unsubscribe};

// --- bars: the host draws at most ten times a second, so more need not be told ---

constexpr auto k_bar_pause = std::chrono::milliseconds(50);
std::atomic<uint64_t> g_last_bar{0};
std::atomic<int64_t> g_next_bar_ms{0};

int32_t K2S_CALL begin(const k2s_host *host, k2s_str title, uint64_t total, uint32_t unit,
                       k2s_handle *out) noexcept {
    return core::tables::entry(
        host, K2S_PROGRESS_ID, "begin", nullptr, [&](const Call &call) -> Status {
            if (!core::tables::readable(title, 4096) || out == nullptr || unit > K2S_UNIT_BYTES) {
                return call.misuse("title or out is NULL, or there is no such unit");
            }
            *out = ++g_last_bar;
            g_state->line.send(Kind::bar_begin, 0,
                               Packer().put<uint64_t>(*out).put(total).put(unit).put(title).take());
            return K2S_OK;
        });
}

void K2S_CALL advance(const k2s_host *, k2s_handle bar, uint64_t done) noexcept {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::steady_clock::now().time_since_epoch())
                         .count();
    auto next = g_next_bar_ms.load(std::memory_order_relaxed);
    if (now >= next && g_next_bar_ms.compare_exchange_strong(next, now + k_bar_pause.count())) {
        g_state->line.send(Kind::bar_advance, 0, Packer().put<uint64_t>(bar).put(done).take());
    }
}

void K2S_CALL end(const k2s_host *, k2s_handle bar) noexcept {
    g_state->line.send(Kind::bar_end, 0, Packer().put<uint64_t>(bar).take());
}

constexpr k2s_progress k_progress{sizeof(k2s_progress), 0, begin, advance, end};

// --- the terminal ---

int64_t K2S_CALL read(const k2s_host *host, uint8_t *buffer, uint64_t size) noexcept {
    int64_t got = 0;
    const int32_t status =
        core::tables::entry(host, K2S_STDIO_ID, "read", nullptr, [&](const Call &call) -> Status {
            if (buffer == nullptr && size != 0) {
                return call.misuse("the buffer is NULL");
            }
            const uint32_t running = g_state->running;
            if (running == 0) {
                return K2S_E_STATE;
            }
            const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(size, k_piece));
            const auto answer =
                g_state->line.ask(Kind::input, running, Packer().put(wanted).take());
            Unpacker in(answer);
            const auto read_status = in.get<int32_t>();
            const auto data = in.text();
            std::copy_n(data.data(), std::min<std::size_t>(data.size(), wanted), buffer);
            got = static_cast<int64_t>(data.size());
            return read_status;
        });
    return status < 0 ? status : got;
}

uint32_t K2S_CALL columns(const k2s_host *host, uint32_t stream) noexcept {
    return host == nullptr || stream >= g_state->columns.size() ? 0 : g_state->columns[stream];
}

int32_t K2S_CALL environment(const k2s_host *host, k2s_str name, const k2s_sink *out) noexcept {
    return core::tables::stdio.environment(host, name, out);
}

uint32_t K2S_CALL cancelled(const k2s_host *host) noexcept {
    return core::tables::stdio.cancelled(host);
}

constexpr k2s_stdio k_stdio{sizeof(k2s_stdio), 0, read, columns, environment, cancelled};

int32_t K2S_CALL write_sink(void *context, k2s_bytes data) {
    const auto &sink = *static_cast<const RemoteSink *>(context);
    std::string_view rest(reinterpret_cast<const char *>(data.ptr), data.len);
    do {
        const auto piece = rest.substr(0, k_piece);
        rest.remove_prefix(piece.size());
        const auto answer = sink.state.line.ask(Kind::output, sink.call,
                                                Packer().put(sink.which).put(piece).take());
        if (const auto status = Unpacker(answer).get<int32_t>(); status < 0) {
            return status;
        }
    } while (!rest.empty());
    return K2S_OK;
}

} // namespace

core::Ports make_host_ports(HostState &state) {
    g_state = &state;
    core::Ports ports;
    ports.version = state.version;
    ports.log_threshold = &state.log_threshold;
    ports.log = [&state](int32_t level, std::string_view, std::string_view message,
                         std::span<const k2s_field> fields) {
        write_record(state, level, message, fields);
    };
    ports.config = [&state](std::string_view, std::string_view pointer) {
        return read_config(state, pointer);
    };
    ports.config_generation = [&state](std::string_view) { return state.generation.load(); };
    ports.process = [](std::string_view, const core::ProcessRequest &request) {
        return core::run_process(request);
    };
    ports.replaced = [](std::string_view id) -> const void * {
        if (id == K2S_EVENTS_ID) {
            return &k_events;
        }
        if (id == K2S_PROGRESS_ID) {
            return &k_progress;
        }
        return id == K2S_STDIO_ID ? &k_stdio : nullptr;
    };
    return ports;
}

k2s_sink RemoteSink::table() {
    return {sizeof(k2s_sink), 0, this, write_sink};
}

} // namespace k2s::worker
