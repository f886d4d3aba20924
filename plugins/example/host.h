/* SPDX-License-Identifier: MIT */
/*
 * What every file of this plugin shares: the host's interfaces and a few helpers for the ABI's
 * types.
 */
#ifndef EXAMPLE_HOST_H
#define EXAMPLE_HOST_H

#include <k2s/abi/commands.h>
#include <k2s/abi/draft/config.h>
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

/* The host and those of its interfaces that are looked up once, in create. */
typedef struct Host {
    const k2s_host *host;
    const k2s_config *config;
    const k2s_events *events;
    const k2s_executor *executor;
    const k2s_log *log;
    const k2s_metrics *metrics;
    const k2s_process *process;
    const k2s_progress *progress;
    const k2s_registry *registry;
    const k2s_stdio *stdio;
} Host;

/* One copy per process: a library is loaded once and its create is not called twice at a time. */
extern Host host;

/* Finds every interface; K2S_E_UNSUPPORTED with the id of the first that this host does not have.
 */
int32_t host_find_all(k2s_error *error);

/* Fills *error, which may be NULL or older than this header, and returns `code`. */
int32_t fail(k2s_error *error, int32_t code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* A text literal or a NUL-terminated text as k2s_str. */
k2s_str str(const char *text);

/* 1 when both are the same bytes. */
int same(k2s_str a, k2s_str b);

/* A text of bounded size that is built piece by piece; it says when something did not fit. */
typedef struct Text {
    char data[4096];
    uint64_t size;
    int cut;
} Text;

void text_add(Text *text, k2s_str piece);
void text_add_number(Text *text, int64_t number);
/* As a JSON string, with quotes. */
void text_add_json(Text *text, k2s_str piece);
k2s_str text_view(const Text *text);
/* A sink that appends to `text`. */
k2s_sink text_sink(Text *text);
/* Hands the text to a sink; K2S_E_NO_MEMORY when it had been cut. */
int32_t text_send(const Text *text, const k2s_sink *sink);

/* The integer at `key` of a flat JSON object that the host has checked, or `otherwise`. */
int64_t json_integer(k2s_str object, const char *key, int64_t otherwise);

/* Writes a record; `value` is shown under `key` when `key` is not NULL. */
void log_number(int32_t level, const char *message, const char *key, int64_t value);

/* What the other files offer to example.c, which hands it to the host. */
extern const k2s_commands example_commands;
extern const k2s_services example_services;
extern const k2s_health example_health;
extern const k2s_reconfigure example_reconfigure;
extern const k2s_lifecycle example_lifecycle;
extern const k2s_diagnostics example_diagnostics;

int32_t greeter_create(k2s_error *error);
int32_t greeter_load_greeting(k2s_error *error);
int32_t ticker_create(k2s_error *error);
int64_t ticker_ticks(void);
uint32_t ticker_instances(void);
/* 1 once a ticker passed its setting sick_after. */
int ticker_is_sick(void);
int32_t run_threads(const k2s_invocation *call, k2s_error *error);

#endif
