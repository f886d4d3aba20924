/* @NAME@: one command, one service and one contract. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/services.h>

#define MOST_SERVICES 16

/* The contract @NAME@.greeter: what other plugins may call. It may grow at its end. */
typedef struct @IDENT@_greeter {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t(K2S_CALL *greet)(void *self, k2s_str name, const k2s_sink *out);
} @IDENT@_greeter;

static const k2s_host *host;
static const k2s_config *config;
static atomic_llong started[MOST_SERVICES]; /* 0: free. Status may be asked from any thread. */

static k2s_str str(const char *text) { return (k2s_str){text, strlen(text)}; }
static int same(k2s_str a, const char *b) {
    return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}
static int32_t put(const k2s_sink *to, const char *data, uint64_t size) {
    return to->write(to->context, (k2s_bytes){(const uint8_t *)data, size});
}
static int32_t fail(k2s_error *error, int32_t code, const char *message) {
    if (error != NULL && K2S_HAS(error, message)) {
        error->code = code;
        snprintf(error->domain, sizeof error->domain, "@NAME@");
        snprintf(error->message, sizeof error->message, "%s", message);
    }
    return code;
}

/* A text of bounded size; the settings' schema and the check of names keep within it. */
typedef struct Text {
    char data[512];
    uint64_t size;
} Text;
static int32_t K2S_CALL append(void *context, k2s_bytes data) {
    Text *text = context;
    if (data.len > sizeof text->data - text->size) {
        return K2S_E_NO_MEMORY;
    }
    memcpy(text->data + text->size, data.ptr, data.len);
    text->size += data.len;
    return K2S_OK;
}

/* Writes the JSON string "<greeting>, <name>". */
static int32_t K2S_CALL greet(void *self, k2s_str name, const k2s_sink *out) {
    (void)self;
    Text text = {{0}, 0};
    const k2s_sink sink = {sizeof sink, 0, &text, append};
    for (uint64_t i = 0; i < name.len; ++i) {
        if (name.ptr[i] == '"' || name.ptr[i] == '\\' || (unsigned char)name.ptr[i] < ' ') {
            return K2S_E_USAGE;
        }
    }
    const int32_t status = config->read(host, str("/@NAME@/greeting"), &sink, NULL);
    if (status < 0 || text.size < 2) {
        return status < 0 ? status : K2S_E_CONFIG;
    }
    --text.size; /* the closing quote */
    if (append(&text, (k2s_bytes){(const uint8_t *)", ", 2}) < 0 ||
        append(&text, (k2s_bytes){(const uint8_t *)name.ptr, name.len}) < 0 ||
        append(&text, (k2s_bytes){(const uint8_t *)"\"", 1}) < 0) {
        return K2S_E_USAGE;
    }
    return put(out, text.data, text.size);
}

/* The host has parsed the command line and checked the settings. */
static int32_t K2S_CALL run(void *self, const k2s_invocation *call, k2s_error *error) {
    const char *at = (const char *)call->values;
    for (uint64_t i = 0; i < call->value_count; ++i, at += call->value_stride) {
        const k2s_value *value = (const void *)at;
        if (!same(value->name, "name")) {
            continue;
        }
        Text text = {{0}, 0};
        const k2s_sink sink = {sizeof sink, 0, &text, append};
        const int32_t status = greet(self, value->text, &sink);
        if (status < 0) {
            return fail(error, status,
                        status == K2S_E_USAGE ? "a name has up to 400 bytes without quotes"
                                              : "the settings of this plugin are wrong");
        }
        put(call->data, "{\"message\": ", 12);
        put(call->data, text.data, text.size);
        return put(call->data, "}", 1);
    }
    return fail(error, K2S_E_USAGE, "there is no name");
}
static const k2s_commands commands = {sizeof commands, 0, run};

static int32_t K2S_CALL start(void *self, k2s_str feature, k2s_str instance, k2s_str settings,
                              k2s_handle *out, k2s_error *error) {
    (void)self, (void)feature, (void)instance, (void)settings;
    for (int n = 0; n < MOST_SERVICES; ++n) {
        if (atomic_load(&started[n]) == 0) {
            atomic_store(&started[n], (long long)time(NULL));
            *out = (k2s_handle)n + 1;
            return K2S_OK;
        }
    }
    return fail(error, K2S_E_BUSY, "no more than 16 instances run at a time");
}
static int32_t K2S_CALL reload(void *self, k2s_handle service, k2s_str settings, k2s_error *error) {
    (void)self, (void)service, (void)settings, (void)error;
    return K2S_OK;
}
static int32_t K2S_CALL stop(void *self, k2s_handle service, uint64_t deadline_ms, k2s_error *error) {
    (void)self, (void)deadline_ms;
    if (service == 0 || service > MOST_SERVICES) {
        return fail(error, K2S_E_NOT_FOUND, "no such service");
    }
    atomic_store(&started[service - 1], 0);
    return K2S_OK;
}
static int32_t K2S_CALL status(void *self, k2s_handle service, const k2s_sink *out,
                               k2s_error *error) {
    (void)self;
    if (service == 0 || service > MOST_SERVICES || atomic_load(&started[service - 1]) == 0) {
        return fail(error, K2S_E_NOT_FOUND, "no such service");
    }
    char text[64];
    const int size = snprintf(text, sizeof text, "{\"seconds\": %lld}",
                              (long long)time(NULL) - atomic_load(&started[service - 1]));
    return put(out, text, (uint64_t)size);
}
static const k2s_services services = {sizeof services, 0, start, reload, stop, status};

static int32_t K2S_CALL create(void *self, k2s_error *error) {
    static const @IDENT@_greeter greeter = {sizeof greeter, 0, greet};
    const k2s_registry *registry = host->get(host, str(K2S_REGISTRY_ID));
    config = host->get(host, str(K2S_CONFIG_ID));
    if (registry == NULL || config == NULL || !K2S_HAS(registry, provide) ||
        !K2S_HAS(config, read)) { /* NULL or short: an older host */
        return fail(error, K2S_E_UNSUPPORTED, "this host lacks its registry or configuration");
    }
    k2s_handle provided = 0; /* the host withdraws it before destroy */
    return registry->provide(host, str("@NAME@.greeter"), (k2s_contract){&greeter, self}, &provided,
                             error);
}
static void K2S_CALL destroy(void *self) { (void)self; }
static const void *K2S_CALL get(void *self, k2s_str id) {
    (void)self;
    return same(id, K2S_COMMANDS_ID)   ? (const void *)&commands
           : same(id, K2S_SERVICES_ID) ? (const void *)&services
                                       : NULL;
}

K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *given, const k2s_plugin **plugin,
                                                k2s_error *error) {
    static k2s_plugin self;
    (void)error;
    host = given;
    self = (k2s_plugin){sizeof self, 0, NULL, str("@NAME@"), str("0.1.0"), create, destroy, get};
    *plugin = &self;
    return K2S_OK;
}
