/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Host host;

/* What a table has to be long enough for: an older host's may end before the slot. */
#define UP_TO(type, slot) (offsetof(type, slot) + sizeof(((type *)0)->slot))

/* NULL when the host does not have it, or not so much of it; the first such id is kept in *missing.
 */
static const void *find(const char *id, uint64_t size, const char **missing) {
    const void *table = host.host->get(host.host, str(id));
    if (table != NULL && *(const uint32_t *)table < size) {
        table = NULL;
    }
    if (table == NULL && *missing == NULL) {
        *missing = id;
    }
    return table;
}

int32_t host_find_all(k2s_error *error) {
    const char *missing = NULL;
    host.config = find(K2S_CONFIG_ID, UP_TO(k2s_config, read), &missing);
    host.events = find(K2S_EVENTS_ID, UP_TO(k2s_events, unsubscribe), &missing);
    host.executor = find(K2S_EXECUTOR_ID, UP_TO(k2s_executor, join), &missing);
    host.log = find(K2S_LOG_ID, UP_TO(k2s_log, write), &missing);
    host.metrics = find(K2S_METRICS_ID, UP_TO(k2s_metrics, observe), &missing);
    host.process = find(K2S_PROCESS_ID, UP_TO(k2s_process, run), &missing);
    host.progress = find(K2S_PROGRESS_ID, UP_TO(k2s_progress, end), &missing);
    host.registry = find(K2S_REGISTRY_ID, UP_TO(k2s_registry, release), &missing);
    host.stdio = find(K2S_STDIO_ID, UP_TO(k2s_stdio, cancelled), &missing);
    return missing == NULL ? K2S_OK
                           : fail(error, K2S_E_UNSUPPORTED, "this host does not offer %s", missing);
}

int32_t fail(k2s_error *error, int32_t code, const char *format, ...) {
    /* The host may be older than this header: ask before writing a field. */
    if (error != NULL && K2S_HAS(error, message)) {
        va_list values;
        va_start(values, format);
        error->code = code;
        snprintf(error->domain, sizeof error->domain, "example");
        vsnprintf(error->message, sizeof error->message, format, values);
        va_end(values);
    }
    return code;
}

k2s_str str(const char *text) {
    const k2s_str result = {text, strlen(text)};
    return result;
}

int same(k2s_str a, k2s_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

void text_add(Text *text, k2s_str piece) {
    if (piece.len > sizeof text->data - text->size) {
        text->cut = 1;
        return;
    }
    if (piece.len > 0) {
        memcpy(text->data + text->size, piece.ptr, piece.len);
        text->size += piece.len;
    }
}

void text_add_number(Text *text, int64_t number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    text_add(text, str(digits));
}

void text_add_json(Text *text, k2s_str piece) {
    text_add(text, str("\""));
    for (uint64_t i = 0; i < piece.len; ++i) {
        const unsigned char c = (unsigned char)piece.ptr[i];
        char escape[8];
        if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
            text_add(text, str(escape));
        } else if (c < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            text_add(text, str(escape));
        } else {
            const k2s_str one = {piece.ptr + i, 1};
            text_add(text, one);
        }
    }
    text_add(text, str("\""));
}

k2s_str text_view(const Text *text) {
    const k2s_str view = {text->data, text->size};
    return view;
}

static int32_t K2S_CALL append(void *context, k2s_bytes data) {
    Text *text = context;
    const k2s_str piece = {(const char *)data.ptr, data.len};
    text_add(text, piece);
    return text->cut ? K2S_E_NO_MEMORY : K2S_OK;
}

k2s_sink text_sink(Text *text) {
    const k2s_sink sink = {sizeof sink, 0, text, append};
    return sink;
}

int32_t text_send(const Text *text, const k2s_sink *sink) {
    const k2s_bytes data = {(const uint8_t *)text->data, text->size};
    return text->cut ? K2S_E_NO_MEMORY : sink->write(sink->context, data);
}

int64_t json_integer(k2s_str object, const char *key, int64_t otherwise) {
    /* The host checks settings against the schema of plugin.json and fills in the defaults, so a
     * flat object with known keys needs no parser. Take a JSON library for more than this. */
    char quoted[64];
    const int length = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    for (uint64_t at = 0; length > 0 && at + (uint64_t)length < object.len; ++at) {
        if (memcmp(object.ptr + at, quoted, (size_t)length) == 0) {
            int64_t value = 0;
            for (at += (uint64_t)length; at < object.len && object.ptr[at] >= '0' &&
                                         object.ptr[at] <= '9' && value < INT32_MAX;
                 ++at) {
                value = value * 10 + (object.ptr[at] - '0');
            }
            return value;
        }
    }
    return otherwise;
}

void log_number(int32_t level, const char *message, const char *key, int64_t value) {
    /* Below the threshold a record must not cost more than this compare. */
    if (level < *(const volatile int32_t *)host.log->threshold) {
        return;
    }
    k2s_field field;
    memset(&field, 0, sizeof field);
    field.key = str(key != NULL ? key : "");
    field.integer = value;
    field.kind = K2S_FIELD_INT;
    host.log->write(host.host, level, str(message), &field, key != NULL ? 1 : 0, sizeof field);
}
