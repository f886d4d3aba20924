/* SPDX-License-Identifier: MIT */
/*
 * short_host LIBRARY…: loads today's plugins as hosts of other minors would: with tables that are
 * shorter or longer than the plugin's headers know, with interfaces missing, with a smaller
 * k2s_error. Creating the plugin may fail then, with a message; it must not touch what is not
 * there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/stdio.h>

#ifdef _WIN32
#include <windows.h>
static void *load(const char *path) {
    return (void *)LoadLibraryA(path);
}
static void *symbol(void *library, const char *name) {
    return (void *)(size_t)GetProcAddress((HMODULE)library, name);
}
#else
#include <dlfcn.h>
static void *load(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}
static void *symbol(void *library, const char *name) {
    return dlsym(library, name);
}
#endif

/* Any slot that a create may call, with success and nothing more. What is beyond struct_size is
 * NULL: a call of it is a crash, which the test sees. */
static int32_t K2S_CALL read_config(const k2s_host *host, k2s_str at, const k2s_sink *out,
                                    k2s_error *error) {
    const k2s_bytes nothing = {(const uint8_t *)"\"x\"", 3};
    (void)host, (void)at, (void)error;
    return out->write(out->context, nothing);
}
static uint64_t K2S_CALL generation(const k2s_host *host) {
    (void)host;
    return 1;
}
static int32_t K2S_CALL open_metric(const k2s_host *host, uint32_t kind, k2s_str name, k2s_str help,
                                    k2s_str labels, const double *bounds, uint64_t count,
                                    k2s_handle *out, k2s_error *error) {
    (void)host, (void)kind, (void)name, (void)help, (void)labels, (void)bounds, (void)count,
        (void)error;
    *out = 1;
    return K2S_OK;
}
static void K2S_CALL add(const k2s_host *host, k2s_handle metric, int64_t delta) {
    (void)host, (void)metric, (void)delta;
}
static void K2S_CALL observe(const k2s_host *host, k2s_handle metric, double value) {
    (void)host, (void)metric, (void)value;
}
static int32_t K2S_CALL provide(const k2s_host *host, k2s_str contract, k2s_contract value,
                                k2s_handle *out, k2s_error *error) {
    (void)host, (void)contract, (void)value, (void)error;
    *out = 1;
    return K2S_OK;
}
static int32_t K2S_CALL acquire(const k2s_host *host, k2s_str contract,
                                void(K2S_CALL *revoked)(void *), void *context, k2s_contract *value,
                                k2s_handle *lease, k2s_error *error) {
    (void)host, (void)contract, (void)revoked, (void)context, (void)value, (void)lease, (void)error;
    return K2S_E_NOT_FOUND;
}
static int32_t K2S_CALL give_back(const k2s_host *host, k2s_handle handle) {
    (void)host, (void)handle;
    return K2S_OK;
}
static int32_t K2S_CALL publish(const k2s_host *host, k2s_str topic, k2s_str json,
                                k2s_error *error) {
    (void)host, (void)topic, (void)json, (void)error;
    return K2S_OK;
}
static int32_t K2S_CALL subscribe(const k2s_host *host, k2s_str topic, k2s_event_fn deliver,
                                  void *context, k2s_handle *out) {
    (void)host, (void)topic, (void)deliver, (void)context;
    *out = 1;
    return K2S_OK;
}
static void K2S_CALL write_log(const k2s_host *host, int32_t level, k2s_str message,
                               const k2s_field *fields, uint64_t count, uint64_t stride) {
    (void)host, (void)level, (void)message, (void)fields, (void)count, (void)stride;
}

static const int32_t threshold = K2S_LOG_DEBUG;
static const k2s_log log_table = {sizeof log_table, 0, &threshold, write_log};
static const k2s_config config_table = {sizeof config_table, 0, generation, read_config};
static const k2s_events events_table = {sizeof events_table, 0, publish, subscribe, give_back};
static const k2s_executor executor_table = {
    sizeof executor_table, 0, NULL, NULL, give_back, NULL, NULL, NULL};
static const k2s_metrics metrics_table = {sizeof metrics_table, 0, open_metric, add, add, observe};
static const k2s_process process_table = {sizeof process_table, 0, NULL};
static const k2s_progress progress_table = {sizeof progress_table, 0, NULL, NULL, NULL};
static const k2s_registry registry_table = {
    sizeof registry_table, 0, provide, give_back, acquire, give_back};
static const k2s_stdio stdio_table = {sizeof stdio_table, 0, NULL, NULL, NULL, NULL};

static const struct {
    const char *id;
    const void *table;
} tables[] = {
    {K2S_LOG_ID, &log_table},           {K2S_CONFIG_ID, &config_table},
    {K2S_EVENTS_ID, &events_table},     {K2S_EXECUTOR_ID, &executor_table},
    {K2S_METRICS_ID, &metrics_table},   {K2S_PROCESS_ID, &process_table},
    {K2S_PROGRESS_ID, &progress_table}, {K2S_REGISTRY_ID, &registry_table},
    {K2S_STDIO_ID, &stdio_table},
};
enum { TABLES = sizeof tables / sizeof *tables };

/* How the one table that differs is offered. */
typedef enum { IS_WHOLE, IS_ABSENT, IS_SHORT, IS_LONG } Way;
static int different = -1; /* -1: all of them */
static Way way = IS_WHOLE;
static union {
    uint32_t struct_size;
    char bytes[512];
    void *align;
} offered[TABLES];

static const void *K2S_CALL get(const k2s_host *host, k2s_str id) {
    (void)host;
    for (int n = 0; n < TABLES; ++n) {
        if (id.len != strlen(tables[n].id) || memcmp(id.ptr, tables[n].id, id.len) != 0) {
            continue;
        }
        const uint32_t size = *(const uint32_t *)tables[n].table;
        const Way how = different < 0 || different == n ? way : IS_WHOLE;
        if (how == IS_ABSENT) {
            return NULL;
        }
        memset(&offered[n], 0, sizeof offered[n]);
        memcpy(&offered[n], tables[n].table, how == IS_SHORT ? 8 : size);
        offered[n].struct_size = how == IS_SHORT ? 8 : how == IS_LONG ? size + 64 : size;
        return &offered[n];
    }
    return NULL;
}

/* Creates and destroys the plugin once; its status. Ends the program when it breaks a rule. */
static int32_t create_once(const char *path, k2s_plugin_entry_v1_fn entry, uint32_t error_size) {
    static const k2s_host host = {sizeof host, K2S_ABI_MINOR, NULL, {"0.0.0", 5}, get};
    const k2s_plugin *plugin = NULL;
    k2s_error error;
    memset(&error, 0x55, sizeof error);
    error.struct_size = error_size;
    int32_t status = entry(&host, &plugin, &error);
    if (status < 0 || plugin == NULL || !K2S_HAS(plugin, get)) {
        printf("%s: its entry failed: %d\n", path, status);
        exit(1);
    }
    status = plugin->create(plugin->self, &error);
    for (size_t n = error_size; n < sizeof error; ++n) {
        if (((const unsigned char *)&error)[n] != 0x55) {
            printf("%s: wrote beyond a k2s_error of %u bytes\n", path, error_size);
            exit(1);
        }
    }
    if (status >= 0) {
        plugin->destroy(plugin->self);
    } else if (error_size == sizeof error && error.message[0] == 0x55) {
        printf("%s: create failed without a message\n", path);
        exit(1);
    }
    return status;
}

int main(int argc, char **argv) {
    int refused = 0;
    for (int n = 1; n < argc; ++n) {
        void *library = load(argv[n]);
        const k2s_plugin_entry_v1_fn entry =
            library != NULL ? (k2s_plugin_entry_v1_fn)(size_t)symbol(library, K2S_PLUGIN_ENTRY)
                            : NULL;
        if (entry == NULL) {
            printf("%s: cannot be loaded\n", argv[n]);
            return 1;
        }
        for (different = -1; different < TABLES; ++different) {
            for (way = IS_WHOLE; way <= IS_LONG; ++way) {
                fflush(stdout);
                const int32_t status = create_once(argv[n], entry, sizeof(k2s_error));
                create_once(argv[n], entry, 8);
                if ((way == IS_WHOLE || way == IS_LONG) && status < 0) {
                    printf("%s: does not start in a host that has all: %d\n", argv[n], status);
                    return 1;
                }
                refused += status < 0;
            }
        }
    }
    printf("%d plugins, %d hosts refused\n", argc - 1, refused);
    return argc < 2 || refused == 0; /* the example needs everything, so some have to be */
}
