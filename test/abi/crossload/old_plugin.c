/* SPDX-License-Identifier: MIT */
/*
 * A plugin as it was built when an ABI was released: compiled with the headers of history/1.N
 * alone. It uses each frozen interface once, so that today's host shows that it still keeps its
 * word.
 */
#include <stdio.h>
#include <string.h>

#include <k2s/abi/commands.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/reconfigure.h>
#include <k2s/abi/services.h>
#include <k2s/abi/stdio.h>

static const k2s_host *host;
static k2s_handle counter;
static char running[64];

static k2s_str str(const char *text) {
    const k2s_str result = {text, strlen(text)};
    return result;
}

static int32_t fail(k2s_error *error, int32_t code, const char *message) {
    if (K2S_HAS(error, message)) {
        snprintf(error->message, sizeof error->message, "%s", message);
    }
    return code;
}

static const void *find(const char *id) {
    return host->get(host, str(id));
}

static int32_t put(const k2s_sink *sink, const char *text) {
    const k2s_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return sink->write(sink->context, bytes);
}

static int32_t K2S_CALL to_text(void *context, k2s_bytes data) {
    if (data.len >= 64) {
        return K2S_E_NO_MEMORY;
    }
    memcpy(context, data.ptr, data.len);
    ((char *)context)[data.len] = '\0';
    return K2S_OK;
}

static void K2S_CALL nothing(void *context) {
    (void)context;
}

/* Each frozen host interface once; the name of the one that failed, or NULL. */
static const char *use_all(const k2s_value *program) {
    const k2s_log *log = find(K2S_LOG_ID);
    const k2s_executor *executor = find(K2S_EXECUTOR_ID);
    const k2s_metrics *metrics = find(K2S_METRICS_ID);
    const k2s_process *process = find(K2S_PROCESS_ID);
    const k2s_progress *progress = find(K2S_PROGRESS_ID);
    const k2s_stdio *io = find(K2S_STDIO_ID);
    const k2s_field field = {str("number"), {NULL, 0}, 5, 0, K2S_FIELD_INT, 0};
    char value[64] = "";
    const k2s_sink sink = {sizeof sink, 0, value, to_text};
    k2s_handle handle = 0;
    k2s_process_spec spec;
    k2s_process_result ended;
    k2s_error error;
    if (log == NULL || *log->threshold > K2S_LOG_ERROR) {
        return "log";
    }
    log->write(host, K2S_LOG_WARN, str("an old record"), &field, 1, sizeof field);
    if (executor == NULL || executor->timer(host, 60000, 0, nothing, NULL, &handle) < 0 ||
        executor->cancel(host, handle) < 0 || executor->post(host, nothing, NULL) < 0 ||
        executor->offload(host, nothing, NULL) < 0 ||
        executor->lend(host, str("old"), nothing, nothing, NULL, &handle) < 0 ||
        executor->join(host, handle, 10000) < 0) {
        return "executor";
    }
    if (metrics == NULL) {
        return "metrics";
    }
    metrics->add(host, counter, 1);
    if (progress == NULL || progress->begin(host, str("old"), 2, K2S_UNIT_ITEMS, &handle) < 0) {
        return "progress";
    }
    progress->advance(host, handle, 1);
    progress->end(host, handle);
    if (io == NULL || io->environment(host, str("K2S_OLD"), &sink) < 0 ||
        strcmp(value, "set") != 0 || io->cancelled(host) != 0 ||
        io->columns(host, K2S_STREAM_OUT) != 0) {
        return "stdio";
    }
    memset(&spec, 0, sizeof spec);
    memset(&ended, 0, sizeof ended);
    memset(&error, 0, sizeof error);
    spec.struct_size = sizeof spec;
    ended.struct_size = sizeof ended;
    error.struct_size = sizeof error;
    spec.argv = &program->text;
    spec.argc = 1;
    if (process == NULL || process->run(host, &spec, &ended, &error) < 0 || ended.timed_out != 0) {
        return "process";
    }
    return NULL;
}

static int32_t K2S_CALL run(void *self, const k2s_invocation *call, k2s_error *error) {
    (void)self;
    const char *bytes = (const char *)call->values;
    const k2s_value *program = NULL;
    for (uint64_t n = 0; n < call->value_count; ++n) {
        const k2s_value *value = (const k2s_value *)(bytes + n * call->value_stride);
        if (value->name.len == 7 && memcmp(value->name.ptr, "program", 7) == 0) {
            program = value;
        }
    }
    if (program == NULL || program->kind != K2S_VALUE_TEXT) {
        return fail(error, K2S_E_USAGE, "no program");
    }
    const char *broken = use_all(program);
    if (broken != NULL) {
        return fail(error, K2S_E_FAILED, broken);
    }
    return put(call->out, "all is as it was\n") < 0 ? K2S_E_IO : 7;
}
static const k2s_commands commands = {sizeof commands, 0, run};

static int32_t K2S_CALL start(void *self, k2s_str feature, k2s_str instance, k2s_str settings,
                              k2s_handle *out, k2s_error *error) {
    (void)self, (void)feature, (void)settings, (void)error;
    snprintf(running, sizeof running, "%.*s", (int)instance.len, instance.ptr);
    *out = 1;
    return K2S_OK;
}
static int32_t K2S_CALL reload(void *self, k2s_handle service, k2s_str settings, k2s_error *error) {
    (void)self, (void)service, (void)settings, (void)error;
    return K2S_E_UNSUPPORTED;
}
static int32_t K2S_CALL stop(void *self, k2s_handle service, uint64_t deadline_ms,
                             k2s_error *error) {
    (void)self, (void)service, (void)deadline_ms, (void)error;
    return K2S_OK;
}
static int32_t K2S_CALL status(void *self, k2s_handle service, const k2s_sink *out,
                               k2s_error *error) {
    (void)self, (void)service, (void)error;
    char text[128];
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"abi_minor\":%d}", running, K2S_ABI_MINOR);
    return put(out, text);
}
static const k2s_services services = {sizeof services, 0, start, reload, stop, status};

static int32_t K2S_CALL changed(void *self, k2s_error *error) {
    (void)self, (void)error;
    return K2S_OK;
}
static const k2s_reconfigure reconfigure = {sizeof reconfigure, 0, changed};

static int32_t K2S_CALL create(void *self, k2s_error *error) {
    (void)self;
    const k2s_metrics *metrics = find(K2S_METRICS_ID);
    const k2s_str none = {NULL, 0};
    return metrics == NULL ? fail(error, K2S_E_UNSUPPORTED, "no metrics")
                           : metrics->open(host, K2S_METRIC_COUNTER, str("old_calls_total"),
                                           str("Calls"), none, NULL, 0, &counter, error);
}
static void K2S_CALL destroy(void *self) {
    (void)self;
}
static const void *K2S_CALL get(void *self, k2s_str id) {
    (void)self;
    return id.len == sizeof K2S_COMMANDS_ID - 1 && memcmp(id.ptr, K2S_COMMANDS_ID, id.len) == 0
               ? (const void *)&commands
           : id.len == sizeof K2S_SERVICES_ID - 1 && memcmp(id.ptr, K2S_SERVICES_ID, id.len) == 0
               ? (const void *)&services
           : id.len == sizeof K2S_RECONFIGURE_ID - 1 &&
                   memcmp(id.ptr, K2S_RECONFIGURE_ID, id.len) == 0
               ? (const void *)&reconfigure
               : NULL;
}

K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *given, const k2s_plugin **plugin,
                                                k2s_error *error);
int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *given, const k2s_plugin **plugin,
                                     k2s_error *error) {
    static k2s_plugin self = {sizeof(k2s_plugin), K2S_ABI_MINOR, NULL,    {"old", 3},
                              {"1.0.0", 5},       create,        destroy, get};
    (void)error;
    host = given;
    *plugin = &self;
    return K2S_OK;
}
