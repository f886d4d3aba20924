/* SPDX-License-Identifier: MIT */
/*
 * k2s.commands: the host has parsed the command line as plugin.json declares it. A command gets
 * typed values, writes to sinks and never to the C library's stdout.
 */
#include <string.h>

#include "greeter.h"
#include "host.h"

/* The array has the stride of the host's k2s_value, which may be larger than ours. */
static const k2s_value *value(const k2s_invocation *call, const char *name) {
    const char *at = (const char *)call->values;
    for (uint64_t i = 0; i < call->value_count; ++i, at += call->value_stride) {
        const k2s_value *each = (const void *)at;
        if (same(each->name, str(name))) {
            return each;
        }
    }
    return NULL;
}

static int64_t integer(const k2s_invocation *call, const char *name, int64_t otherwise) {
    const k2s_value *found = value(call, name);
    return found != NULL ? found->integer : otherwise;
}

/* A lease keeps the provider from going away in the middle of a call. This one is given back within
 * the command; who keeps a lease stops using the table when this was called. */
static void K2S_CALL revoked(void *context) {
    *(int *)context = 1;
}

/* `k2s example greet NAME`: a contract, progress, a dry run and a result that the host renders. */
static int32_t greet(const k2s_invocation *call, k2s_error *error) {
    const k2s_value *name = value(call, "name");
    const int64_t times = integer(call, "times", 1);
    if (name == NULL || times < 1 || times > 1000) {
        return fail(error, K2S_E_USAGE, "--times %lld: give a number from 1 to 1000",
                    (long long)times);
    }
    if (call->dry_run) {
        Text plan = {0};
        text_add(&plan, str("{\"would\":\"greet\",\"name\":"));
        text_add_json(&plan, name->text);
        text_add(&plan, str("}"));
        return text_send(&plan, call->data);
    }

    k2s_contract contract;
    k2s_handle lease = 0;
    int gone = 0;
    int32_t status = host.registry->acquire(host.host, str(EXAMPLE_GREETER), revoked, &gone,
                                            &contract, &lease, error);
    if (status < 0) {
        return status;
    }
    const example_greeter *greeter = contract.table;

    k2s_handle bar = 0; /* stays 0 when there is no room for a bar; the functions ignore that */
    (void)host.progress->begin(host.host, str("greeting"), (uint64_t)times, K2S_UNIT_ITEMS, &bar);
    Text message = {0};
    const k2s_sink sink = text_sink(&message);
    for (int64_t i = 0; i < times && status >= 0; ++i) {
        if (host.stdio->cancelled(host.host) != 0) {
            status = fail(error, K2S_E_CANCELLED, "stopped after %lld greetings", (long long)i);
            break;
        }
        message.size = 0;
        status = greeter->greet(contract.self, name->text, &sink);
        host.progress->advance(host.host, bar, (uint64_t)i + 1);
    }
    host.progress->end(host.host, bar);
    (void)host.registry->release(host.host, lease);
    if (status < 0) {
        return status != K2S_E_NO_MEMORY ? status
                                         : fail(error, status,
                                                "the name is too long: use fewer "
                                                "than 4000 bytes");
    }

    Text result = {0};
    text_add(&result, str("{\"message\":"));
    text_add(&result, text_view(&message));
    text_add(&result, str(",\"times\":"));
    text_add_number(&result, times);
    text_add(&result, str("}"));
    log_number(K2S_LOG_INFO, "greeted", "times", times);
    return text_send(&result, call->data);
}

/* `k2s example copy`: raw input and output, and an exit code of its own. */
static int32_t copy(const k2s_invocation *call, k2s_error *error) {
    uint8_t buffer[65536];
    uint64_t total = 0;
    for (;;) {
        const int64_t got = host.stdio->read(host.host, buffer, sizeof buffer);
        if (got < 0) {
            return fail(error, (int32_t)got, "standard input cannot be read");
        }
        if (got == 0) {
            return total == 0 ? 9 : 0; /* not negative: the exit code */
        }
        const k2s_bytes data = {buffer, (uint64_t)got};
        if (call->out->write(call->out->context, data) < 0) {
            return fail(error, K2S_E_IO, "standard output was closed after %llu bytes",
                        (unsigned long long)total);
        }
        total += (uint64_t)got;
    }
}

/* `k2s example run PROGRAM [ARGUMENT…]`: a child process with a deadline and bounded output. */
static int32_t run_program(const k2s_invocation *call, k2s_error *error) {
    const k2s_value *program = value(call, "program");
    const k2s_value *rest = value(call, "argument");
    const uint64_t more = rest != NULL ? rest->item_count : 0;
    k2s_str argv[17];
    if (program == NULL || more > 16) {
        return fail(error, K2S_E_USAGE, "give a program and at most 16 arguments");
    }
    argv[0] = program->text;
    for (uint64_t i = 0; i < more; ++i) {
        argv[1 + i] = rest->items[i];
    }

    Text output = {0};
    const k2s_sink sink = text_sink(&output);
    k2s_process_spec spec;
    memset(&spec, 0, sizeof spec); /* 0 is the default of every field */
    spec.struct_size = sizeof spec;
    spec.argv = argv;
    spec.argc = 1 + more;
    spec.out = &sink;
    spec.output_limit = 3000;
    spec.deadline_ms = (uint64_t)integer(call, "deadline", 10000);
    k2s_process_result ended;
    memset(&ended, 0, sizeof ended);
    ended.struct_size = sizeof ended;
    const int32_t status = host.process->run(host.host, &spec, &ended, error);
    if (status < 0 && status != K2S_E_TIMEOUT) {
        return status;
    }

    Text result = {0};
    text_add(&result, str("{\"exit_code\":"));
    text_add_number(&result, ended.exit_code);
    text_add(&result, str(",\"timed_out\":"));
    text_add(&result, str(ended.timed_out ? "true" : "false"));
    text_add(&result, str(",\"output\":"));
    text_add_json(&result, text_view(&output));
    text_add(&result, str("}"));
    return text_send(&result, call->data);
}

static int32_t K2S_CALL run(void *self, const k2s_invocation *call, k2s_error *error) {
    (void)self;
    const struct {
        const char *path; /* of plugin.json, joined with spaces */
        int32_t (*run)(const k2s_invocation *call, k2s_error *error);
    } all[] = {
        {"example greet", greet},
        {"example copy", copy},
        {"example threads", run_threads},
        {"example run", run_program},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        if (same(call->command, str(all[i].path))) {
            return all[i].run(call, error);
        }
    }
    return fail(error, K2S_E_UNSUPPORTED, "unknown command '%.*s'", (int)call->command.len,
                call->command.ptr);
}

const k2s_commands example_commands = {sizeof example_commands, 0, run};
