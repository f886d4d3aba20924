/* SPDX-License-Identifier: MIT */
/*
 * Prints the layout of the plugin ABI as this compiler sees it, or compares it with the golden
 * file: `layout FILE`. layout.txt is what plugins in the field were built against: a line of it
 * never changes, new lines come with a new minor version (docs/abi/rules.md).
 */
#include <stdio.h>
#include <string.h>

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/config.h>
#include <k2s/abi/draft/drain.h>
#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/lifecycle.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/log.h>
#include <k2s/abi/metrics.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/process.h>
#include <k2s/abi/progress.h>
#include <k2s/abi/services.h>
#include <k2s/abi/stdio.h>

/* Each line of the layout goes through here. */
static void line(const char *text);

#define STRUCT(type)                                                                               \
    (snprintf(text, sizeof text, "%s size %zu align %zu", #type, sizeof(type), _Alignof(type)),    \
     line(text))
#define FIELD(type, field)                                                                         \
    (snprintf(text, sizeof text, "%s.%s offset %zu size %zu", #type, #field,                       \
              offsetof(type, field), sizeof(((type *)0)->field)),                                  \
     line(text))
#define NUMBER(name) (snprintf(text, sizeof text, "%s %lld", #name, (long long)(name)), line(text))
#define TEXT(name) (snprintf(text, sizeof text, "%s \"%s\"", #name, name), line(text))

static char text[256];

static void layout_base(void) {
    NUMBER(K2S_ABI_MAJOR);
    NUMBER(K2S_ABI_MINOR);
    NUMBER(K2S_OK);
    NUMBER(K2S_E_FAILED);
    NUMBER(K2S_E_USAGE);
    NUMBER(K2S_E_CONFIG);
    NUMBER(K2S_E_UNSUPPORTED);
    NUMBER(K2S_E_PERMISSION);
    NUMBER(K2S_E_NOT_FOUND);
    NUMBER(K2S_E_TIMEOUT);
    NUMBER(K2S_E_PARTIAL);
    NUMBER(K2S_E_CANCELLED);
    NUMBER(K2S_E_BUSY);
    NUMBER(K2S_E_EXISTS);
    NUMBER(K2S_E_NO_MEMORY);
    NUMBER(K2S_E_STATE);
    NUMBER(K2S_E_IO);
    STRUCT(k2s_str);
    FIELD(k2s_str, ptr);
    FIELD(k2s_str, len);
    STRUCT(k2s_bytes);
    FIELD(k2s_bytes, ptr);
    FIELD(k2s_bytes, len);
    STRUCT(k2s_error);
    FIELD(k2s_error, struct_size);
    FIELD(k2s_error, code);
    FIELD(k2s_error, domain);
    FIELD(k2s_error, message);
    STRUCT(k2s_sink);
    FIELD(k2s_sink, struct_size);
    FIELD(k2s_sink, reserved);
    FIELD(k2s_sink, context);
    FIELD(k2s_sink, write);
}

static void layout_host(void) {
    STRUCT(k2s_host);
    FIELD(k2s_host, struct_size);
    FIELD(k2s_host, abi_minor);
    FIELD(k2s_host, context);
    FIELD(k2s_host, version);
    FIELD(k2s_host, get);
}

static void layout_plugin(void) {
    TEXT(K2S_PLUGIN_ENTRY);
    STRUCT(k2s_plugin);
    FIELD(k2s_plugin, struct_size);
    FIELD(k2s_plugin, abi_minor);
    FIELD(k2s_plugin, self);
    FIELD(k2s_plugin, id);
    FIELD(k2s_plugin, version);
    FIELD(k2s_plugin, create);
    FIELD(k2s_plugin, destroy);
    FIELD(k2s_plugin, get);
}

static void layout_commands(void) {
    TEXT(K2S_COMMANDS_ID);
    NUMBER(K2S_VALUE_TEXT);
    NUMBER(K2S_VALUE_INT);
    NUMBER(K2S_VALUE_REAL);
    NUMBER(K2S_VALUE_BOOL);
    NUMBER(K2S_VALUE_LIST);
    NUMBER(K2S_FROM_DEFAULT);
    NUMBER(K2S_FROM_ENVIRONMENT);
    NUMBER(K2S_FROM_COMMAND_LINE);
    STRUCT(k2s_value);
    FIELD(k2s_value, name);
    FIELD(k2s_value, text);
    FIELD(k2s_value, integer);
    FIELD(k2s_value, real);
    FIELD(k2s_value, items);
    FIELD(k2s_value, item_count);
    FIELD(k2s_value, kind);
    FIELD(k2s_value, origin);
    STRUCT(k2s_invocation);
    FIELD(k2s_invocation, struct_size);
    FIELD(k2s_invocation, dry_run);
    FIELD(k2s_invocation, command);
    FIELD(k2s_invocation, values);
    FIELD(k2s_invocation, value_count);
    FIELD(k2s_invocation, value_stride);
    FIELD(k2s_invocation, out);
    FIELD(k2s_invocation, err);
    FIELD(k2s_invocation, data);
    STRUCT(k2s_commands);
    FIELD(k2s_commands, struct_size);
    FIELD(k2s_commands, reserved);
    FIELD(k2s_commands, run);
}

static void layout_config(void) {
    TEXT(K2S_CONFIG_ID);
    STRUCT(k2s_config);
    FIELD(k2s_config, struct_size);
    FIELD(k2s_config, reserved);
    FIELD(k2s_config, generation);
    FIELD(k2s_config, read);
}

static void layout_events(void) {
    TEXT(K2S_EVENTS_ID);
    STRUCT(k2s_events);
    FIELD(k2s_events, struct_size);
    FIELD(k2s_events, reserved);
    FIELD(k2s_events, publish);
    FIELD(k2s_events, subscribe);
    FIELD(k2s_events, unsubscribe);
}

static void layout_executor(void) {
    TEXT(K2S_EXECUTOR_ID);
    STRUCT(k2s_executor);
    FIELD(k2s_executor, struct_size);
    FIELD(k2s_executor, reserved);
    FIELD(k2s_executor, post);
    FIELD(k2s_executor, timer);
    FIELD(k2s_executor, cancel);
    FIELD(k2s_executor, offload);
    FIELD(k2s_executor, lend);
    FIELD(k2s_executor, join);
}

static void layout_lifecycle(void) {
    TEXT(K2S_DRAIN_ID);
    STRUCT(k2s_drain);
    FIELD(k2s_drain, struct_size);
    FIELD(k2s_drain, reserved);
    FIELD(k2s_drain, begin);
    TEXT(K2S_HEALTH_ID);
    TEXT(K2S_RECONFIGURE_ID);
    TEXT(K2S_LIFECYCLE_ID);
    TEXT(K2S_DIAGNOSTICS_ID);
    NUMBER(K2S_STEP_STARTED);
    NUMBER(K2S_STEP_STOPPING);
    NUMBER(K2S_STEP_SHUTDOWN);
    STRUCT(k2s_health);
    FIELD(k2s_health, struct_size);
    FIELD(k2s_health, reserved);
    FIELD(k2s_health, check);
    STRUCT(k2s_reconfigure);
    FIELD(k2s_reconfigure, struct_size);
    FIELD(k2s_reconfigure, reserved);
    FIELD(k2s_reconfigure, changed);
    STRUCT(k2s_lifecycle);
    FIELD(k2s_lifecycle, struct_size);
    FIELD(k2s_lifecycle, reserved);
    FIELD(k2s_lifecycle, step);
    STRUCT(k2s_diagnostics);
    FIELD(k2s_diagnostics, struct_size);
    FIELD(k2s_diagnostics, reserved);
    FIELD(k2s_diagnostics, dump);
}

static void layout_log(void) {
    TEXT(K2S_LOG_ID);
    NUMBER(K2S_LOG_DEBUG);
    NUMBER(K2S_LOG_INFO);
    NUMBER(K2S_LOG_WARN);
    NUMBER(K2S_LOG_ERROR);
    NUMBER(K2S_FIELD_TEXT);
    NUMBER(K2S_FIELD_INT);
    NUMBER(K2S_FIELD_REAL);
    NUMBER(K2S_FIELD_BOOL);
    NUMBER(K2S_FIELD_JSON);
    STRUCT(k2s_field);
    FIELD(k2s_field, key);
    FIELD(k2s_field, text);
    FIELD(k2s_field, integer);
    FIELD(k2s_field, real);
    FIELD(k2s_field, kind);
    FIELD(k2s_field, reserved);
    STRUCT(k2s_log);
    FIELD(k2s_log, struct_size);
    FIELD(k2s_log, reserved);
    FIELD(k2s_log, threshold);
    FIELD(k2s_log, write);
}

static void layout_metrics(void) {
    TEXT(K2S_METRICS_ID);
    NUMBER(K2S_METRIC_COUNTER);
    NUMBER(K2S_METRIC_GAUGE);
    NUMBER(K2S_METRIC_HISTOGRAM);
    STRUCT(k2s_metrics);
    FIELD(k2s_metrics, struct_size);
    FIELD(k2s_metrics, reserved);
    FIELD(k2s_metrics, open);
    FIELD(k2s_metrics, add);
    FIELD(k2s_metrics, set);
    FIELD(k2s_metrics, observe);
}

static void layout_process(void) {
    TEXT(K2S_PROCESS_ID);
    STRUCT(k2s_process_spec);
    FIELD(k2s_process_spec, struct_size);
    FIELD(k2s_process_spec, reserved);
    FIELD(k2s_process_spec, argv);
    FIELD(k2s_process_spec, argc);
    FIELD(k2s_process_spec, env);
    FIELD(k2s_process_spec, env_count);
    FIELD(k2s_process_spec, directory);
    FIELD(k2s_process_spec, input);
    FIELD(k2s_process_spec, out);
    FIELD(k2s_process_spec, err);
    FIELD(k2s_process_spec, output_limit);
    FIELD(k2s_process_spec, deadline_ms);
    STRUCT(k2s_process_result);
    FIELD(k2s_process_result, struct_size);
    FIELD(k2s_process_result, exit_code);
    FIELD(k2s_process_result, signal);
    FIELD(k2s_process_result, timed_out);
    STRUCT(k2s_process);
    FIELD(k2s_process, struct_size);
    FIELD(k2s_process, reserved);
    FIELD(k2s_process, run);
}

static void layout_progress(void) {
    TEXT(K2S_PROGRESS_ID);
    NUMBER(K2S_UNIT_ITEMS);
    NUMBER(K2S_UNIT_BYTES);
    STRUCT(k2s_progress);
    FIELD(k2s_progress, struct_size);
    FIELD(k2s_progress, reserved);
    FIELD(k2s_progress, begin);
    FIELD(k2s_progress, advance);
    FIELD(k2s_progress, end);
}

static void layout_registry(void) {
    TEXT(K2S_REGISTRY_ID);
    STRUCT(k2s_contract);
    FIELD(k2s_contract, table);
    FIELD(k2s_contract, self);
    STRUCT(k2s_registry);
    FIELD(k2s_registry, struct_size);
    FIELD(k2s_registry, reserved);
    FIELD(k2s_registry, provide);
    FIELD(k2s_registry, withdraw);
    FIELD(k2s_registry, acquire);
    FIELD(k2s_registry, release);
}

static void layout_services(void) {
    TEXT(K2S_SERVICES_ID);
    STRUCT(k2s_services);
    FIELD(k2s_services, struct_size);
    FIELD(k2s_services, reserved);
    FIELD(k2s_services, start);
    FIELD(k2s_services, reload);
    FIELD(k2s_services, stop);
    FIELD(k2s_services, status);
}

static void layout_stdio(void) {
    TEXT(K2S_STDIO_ID);
    NUMBER(K2S_STREAM_IN);
    NUMBER(K2S_STREAM_OUT);
    NUMBER(K2S_STREAM_ERR);
    STRUCT(k2s_stdio);
    FIELD(k2s_stdio, struct_size);
    FIELD(k2s_stdio, reserved);
    FIELD(k2s_stdio, read);
    FIELD(k2s_stdio, columns);
    FIELD(k2s_stdio, environment);
    FIELD(k2s_stdio, cancelled);
}

static FILE *golden;
static int wrong;

static void line(const char *have) {
    char want[256];
    if (golden == NULL) {
        puts(have);
        return;
    }
    if (fgets(want, sizeof want, golden) == NULL) {
        want[0] = '\0';
    }
    want[strcspn(want, "\r\n")] = '\0';
    if (strcmp(want, have) != 0) {
        printf("layout: the golden file has \"%s\", this compiler has \"%s\"\n", want, have);
        wrong = 1;
    }
}

int main(int argc, char **argv) {
    char rest[256];
    if (argc > 1 && (golden = fopen(argv[1], "r")) == NULL) {
        perror(argv[1]);
        return 1;
    }
    layout_base();
    layout_host();
    layout_plugin();
    layout_commands();
    layout_config();
    layout_events();
    layout_executor();
    layout_lifecycle();
    layout_log();
    layout_metrics();
    layout_process();
    layout_progress();
    layout_registry();
    layout_services();
    layout_stdio();
    if (golden != NULL && fgets(rest, sizeof rest, golden) != NULL) {
        printf("layout: the golden file has more: \"%s\"\n", rest);
        wrong = 1;
    }
    return wrong;
}
