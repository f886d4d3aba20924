// SPDX-License-Identifier: MIT
// One plugin library per way to behave: the build defines K2S_FIXTURE_<WAY>.
#include <stdexcept>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <k2s/abi/plugin.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace {

void hang() {
    for (;;) {
#ifdef _WIN32
        ::Sleep(1000);
#else
        ::pause();
#endif
    }
}

k2s_str text(const char *value) {
    return {value, std::strlen(value)};
}

int32_t K2S_CALL create(void *, k2s_error *) {
    return K2S_OK;
}
void K2S_CALL destroy(void *) {}
const void *K2S_CALL get(void *, k2s_str) {
    return nullptr;
}

k2s_plugin descriptor = {sizeof(k2s_plugin), 0,      nullptr, text("fixture"),
                         text("1.2.3"),      create, destroy, get};

#if defined(K2S_FIXTURE_HANG_AT_LOAD)
const int at_load = (hang(), 0);
#elif defined(K2S_FIXTURE_EXIT_AT_LOAD)
const int at_load = (std::exit(0), 0);
#elif defined(K2S_FIXTURE_NOISY)
const int at_load = std::puts("{\"ok\":true}\nnoise on standard output");
#endif

} // namespace

#if defined(K2S_FIXTURE_NO_ENTRY)
extern "C" K2S_EXPORT int32_t something_else();
int32_t something_else() {
    return descriptor.create == create ? 0 : 1;
}
#elif defined(K2S_FIXTURE_ABI_2)
extern "C" K2S_EXPORT int32_t k2s_plugin_entry_v2();
int32_t k2s_plugin_entry_v2() {
    return descriptor.create == create ? 0 : 1;
}
#else
extern "C" K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *host,
                                                           const k2s_plugin **plugin,
                                                           k2s_error *error) {
    *plugin = &descriptor;
    if (host->get(host, text("k2s.log/1")) != nullptr || error->struct_size != sizeof *error) {
        return K2S_E_STATE; // not the host that a probe has to be
    }
#if defined(K2S_FIXTURE_THROW)
    throw std::runtime_error("thrown on purpose");
#elif defined(K2S_FIXTURE_CRASH)
#ifdef _WIN32
    ::RaiseException(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_NONCONTINUABLE, 0, nullptr);
#else
    std::raise(SIGABRT); // not SIGSEGV, which a sanitizer turns into an exit code
#endif
#elif defined(K2S_FIXTURE_HANG)
    hang();
#elif defined(K2S_FIXTURE_FAIL)
    std::strcpy(error->message, "no licence \xff found");
    return K2S_E_PERMISSION;
#elif defined(K2S_FIXTURE_WRONG_ID)
    descriptor.id = text("somebody");
#elif defined(K2S_FIXTURE_NEW_MINOR)
    descriptor.abi_minor = K2S_ABI_MINOR + 1;
#elif defined(K2S_FIXTURE_SHORT)
    descriptor.struct_size = 16;
#elif defined(K2S_FIXTURE_NOTHING)
    *plugin = nullptr;
#endif
    return K2S_OK;
}
#endif
