// SPDX-License-Identifier: MIT
// One plugin library per defect: the build defines K2S_BAD_<DEFECT>. The id is always "bad", so
// that one plugin.json fits them all (test/integration/plugins.py writes it).
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/services.h>

#ifdef _WIN32
#define K2S_NULL_DEVICE "NUL"
#else
#define K2S_NULL_DEVICE "/dev/null"
#endif

namespace {

[[maybe_unused]] const k2s_host *g_host = nullptr;

k2s_str text(const char *value) {
    return {value, std::strlen(value)};
}

[[maybe_unused]] int32_t fail(k2s_error *error, int32_t code, const char *message) {
    error->code = code;
    std::strncpy(error->message, message, sizeof error->message - 1);
    return code;
}

[[maybe_unused]] void hang() {
    for (;;) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

[[maybe_unused]] void crash() {
    __builtin_trap();
}

#if defined(K2S_BAD_OFF_STRAND)
void K2S_CALL off_strand(void *) {
    const void *registry = g_host->get(g_host, text(K2S_REGISTRY_ID));
    static_cast<const k2s_registry *>(registry)->release(g_host, 1);
}
#elif defined(K2S_BAD_ONE_THREAD)
thread_local bool g_created_here = false;
#endif

#if defined(K2S_BAD_CREATE_HALF)
std::atomic<bool> g_stop{false};

template <class Table> const Table &find(const char *id) {
    return *static_cast<const Table *>(g_host->get(g_host, text(id)));
}
void K2S_CALL nothing(void *) {}
void K2S_CALL heard(void *, k2s_str, k2s_str) {}
void K2S_CALL loop(void *) {
    while (!g_stop) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}
void K2S_CALL interrupt(void *) {
    g_stop = true;
}

/// Registers one thing of each kind, then fails: the host has to take all of it back.
int32_t register_half(k2s_error *error) {
    static const uint32_t contract_table[2] = {sizeof contract_table, 0};
    k2s_handle handle = 0;
    const auto &executor = find<k2s_executor>(K2S_EXECUTOR_ID);
    const bool all =
        find<k2s_registry>(K2S_REGISTRY_ID)
                .provide(g_host, text("bad.contract"), {contract_table, nullptr}, &handle, error) ==
            K2S_OK &&
        find<k2s_metrics>(K2S_METRICS_ID)
                .open(g_host, K2S_METRIC_COUNTER, text("bad_total"), text("help"), {}, nullptr, 0,
                      &handle, error) == K2S_OK &&
        find<k2s_events>(K2S_EVENTS_ID).subscribe(g_host, {}, heard, nullptr, &handle) == K2S_OK &&
        executor.timer(g_host, 1, 1, nothing, nullptr, &handle) == K2S_OK &&
        executor.lend(g_host, text("bad-loop"), loop, interrupt, nullptr, &handle) == K2S_OK;
    return fail(error, K2S_E_FAILED, all ? "half of it was registered" : "nothing was registered");
}
#endif

int32_t K2S_CALL create(void *, [[maybe_unused]] k2s_error *error) {
#if defined(K2S_BAD_CREATE_FAILS)
    return fail(error, K2S_E_PERMISSION, "no licence on this machine");
#elif defined(K2S_BAD_CREATE_THROWS)
    throw std::runtime_error("thrown by create");
#elif defined(K2S_BAD_CREATE_HANGS)
    hang();
#elif defined(K2S_BAD_CREATE_HANGS_LATER)
    if (std::getenv("K2S_TEST_HANG") != nullptr) {
        hang();
    }
#elif defined(K2S_BAD_CREATE_CRASHES)
    crash();
#elif defined(K2S_BAD_CREATE_HALF)
    return register_half(error);
#elif defined(K2S_BAD_NEEDS_LOG)
    const auto *log = static_cast<const k2s_log *>(g_host->get(g_host, text(K2S_LOG_ID)));
    log->write(g_host, K2S_LOG_DEBUG, text("here"), nullptr, 0, 0);
#elif defined(K2S_BAD_IGNORES_TABLE_SIZE)
    const auto *log = static_cast<const k2s_log *>(g_host->get(g_host, text(K2S_LOG_ID)));
    if (log != nullptr) {
        log->write(g_host, K2S_LOG_DEBUG, text("here"), nullptr, 0, 0);
    }
#elif defined(K2S_BAD_IGNORES_ERROR_SIZE)
    const auto *log = static_cast<const k2s_log *>(g_host->get(g_host, text(K2S_LOG_ID)));
    if (log == nullptr || !K2S_HAS(log, write)) {
        return fail(error, K2S_E_UNSUPPORTED, "this host cannot log");
    }
#elif defined(K2S_BAD_WANTS_TODAYS_TABLES)
    const auto *log = static_cast<const k2s_log *>(g_host->get(g_host, text(K2S_LOG_ID)));
    if (log != nullptr && log->struct_size != sizeof *log) {
        return fail(error, K2S_E_UNSUPPORTED, "this host is too new");
    }
#elif defined(K2S_BAD_OFF_STRAND)
    const void *executor = g_host->get(g_host, text(K2S_EXECUTOR_ID));
    static_cast<const k2s_executor *>(executor)->offload(g_host, off_strand, nullptr);
#elif defined(K2S_BAD_ONE_THREAD)
    g_created_here = true;
#elif defined(K2S_BAD_SILENT)
    return g_host->get(g_host, text(K2S_EVENTS_ID)) == nullptr ? K2S_E_STATE : K2S_OK;
#elif defined(K2S_BAD_READS_BEYOND)
    if (g_host->struct_size > sizeof(k2s_host)) {
        void (*later)();
        std::memcpy(&later, g_host + 1, sizeof later);
        later();
    }
#elif defined(K2S_BAD_LEAKS_THREADS)
    std::thread(hang).detach();
#elif defined(K2S_BAD_LEAKS_FILES)
    if (std::fopen(K2S_NULL_DEVICE, "r") == nullptr) {
        return fail(error, K2S_E_IO, "there is no null device");
    }
#elif defined(K2S_BAD_LEAKS_MEMORY)
    [[maybe_unused]] static void *volatile left;
    left = std::malloc(4096);
#endif
    return K2S_OK;
}

void K2S_CALL destroy(void *) {}

[[maybe_unused]] int32_t K2S_CALL run(void *, [[maybe_unused]] const k2s_invocation *call,
                                      k2s_error *) {
#if defined(K2S_BAD_RUN_THROWS)
    throw std::runtime_error("thrown by run");
#elif defined(K2S_BAD_RUN_CRASHES)
    for (uint64_t i = 0; i < call->value_count; ++i) {
        if (call->values[i].text.len > 1000) {
            crash();
        }
    }
#endif
    return 0;
}

// --- a service, with what can be wrong in one ---

[[maybe_unused]] int32_t K2S_CALL service_start(void *, k2s_str, k2s_str,
                                                [[maybe_unused]] k2s_str settings, k2s_handle *out,
                                                [[maybe_unused]] k2s_error *error) {
#if defined(K2S_BAD_STARTS_ONCE)
    static bool started = false;
    if (std::exchange(started, true)) {
        return fail(error, K2S_E_STATE, "it has run already");
    }
#elif defined(K2S_BAD_ONE_THREAD)
    if (!g_created_here) {
        return fail(error, K2S_E_STATE, "this is not the thread that created it");
    }
#elif defined(K2S_BAD_TRUSTS_SETTINGS)
    if (settings.len == 0 || settings.ptr[0] != '{') {
        crash();
    }
#endif
    *out = 1;
    return K2S_OK;
}

[[maybe_unused]] int32_t K2S_CALL service_reload(void *, k2s_handle, k2s_str, k2s_error *) {
    return K2S_OK;
}

std::atomic<bool> g_stopping{false};

[[maybe_unused]] int32_t K2S_CALL service_stop(void *, k2s_handle, uint64_t, k2s_error *) {
#if defined(K2S_BAD_STATUS_IN_STOP)
    g_stopping = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    g_stopping = false;
#endif
    return K2S_OK;
}

[[maybe_unused]] int32_t K2S_CALL service_status(void *, [[maybe_unused]] k2s_handle service,
                                                 const k2s_sink *,
                                                 [[maybe_unused]] k2s_error *error) {
#if defined(K2S_BAD_TRUSTS_HANDLES)
    if (service != 1) {
        crash();
    }
#endif
    if (g_stopping) {
        crash();
    }
    return K2S_OK;
}

const void *K2S_CALL get([[maybe_unused]] void *self, [[maybe_unused]] k2s_str id) {
#if !defined(K2S_BAD_CREATE_HANGS_LATER) // which must not get to running one
    static const k2s_services services{
        sizeof services, 0, service_start, service_reload, service_stop, service_status};
    if (id.len == std::strlen(K2S_SERVICES_ID) &&
        std::memcmp(id.ptr, K2S_SERVICES_ID, id.len) == 0) {
        return &services;
    }
#endif
#if !defined(K2S_BAD_NO_COMMANDS)
#if defined(K2S_BAD_NULL_SLOT)
    static const k2s_commands commands{sizeof commands, 0, nullptr};
#else
    static const k2s_commands commands{sizeof commands, 0, run};
#endif
#if defined(K2S_BAD_OFFERS_ANYTHING)
    return &commands;
#endif
    if (id.len == std::strlen(K2S_COMMANDS_ID) &&
        std::memcmp(id.ptr, K2S_COMMANDS_ID, id.len) == 0) {
        return &commands;
    }
#endif
    return nullptr;
}

k2s_plugin descriptor = {sizeof(k2s_plugin), 0,      nullptr, text("bad"),
                         text("1.0.0"),      create, destroy, get};

#if defined(K2S_BAD_LOAD_CRASHES)
const int at_load = (crash(), 0);
#endif

} // namespace

#if defined(K2S_BAD_EXPORTS_MORE)
extern "C" K2S_EXPORT int bad_helper();
int bad_helper() {
    return 1;
}
#endif

#if defined(K2S_BAD_ENTRY_MISSING)
extern "C" K2S_EXPORT const k2s_plugin *something_else();
const k2s_plugin *something_else() {
    return &descriptor;
}
#elif defined(K2S_BAD_ABI_2)
extern "C" K2S_EXPORT const k2s_plugin *k2s_plugin_entry_v2();
const k2s_plugin *k2s_plugin_entry_v2() {
    return &descriptor;
}
#else
extern "C" K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *host,
                                                           const k2s_plugin **plugin,
                                                           [[maybe_unused]] k2s_error *error) {
    g_host = host;
    *plugin = &descriptor;
#if defined(K2S_BAD_ENTRY_FAILS)
    return fail(error, K2S_E_FAILED, "the entry does not want to");
#elif defined(K2S_BAD_ENTRY_THROWS)
    throw std::runtime_error("thrown by the entry");
#elif defined(K2S_BAD_ENTRY_HANGS)
    hang();
#elif defined(K2S_BAD_ENTRY_CRASHES)
    crash();
#elif defined(K2S_BAD_WRONG_ID)
    descriptor.id = text("somebody-else");
#elif defined(K2S_BAD_WRONG_VERSION)
    descriptor.version = text("9.9.9");
#elif defined(K2S_BAD_NEW_MINOR)
    descriptor.abi_minor = K2S_ABI_MINOR + 1;
#elif defined(K2S_BAD_SMALL_STRUCT)
    descriptor.struct_size = 24;
#elif defined(K2S_BAD_NO_DESCRIPTOR)
    *plugin = nullptr;
#endif
    return K2S_OK;
}
#endif
