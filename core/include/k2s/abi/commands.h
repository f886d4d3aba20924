/* SPDX-License-Identifier: MIT */
/*
 * k2s.commands/1 (of the plugin): runs what plugin.json declares under "commands". The host has
 * parsed and checked the command line; the plugin gets typed values and sinks and never prints.
 */
#ifndef K2S_ABI_COMMANDS_H
#define K2S_ABI_COMMANDS_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_COMMANDS_ID "k2s.commands/1"

#define K2S_VALUE_TEXT 0 /* text; also paths, addresses, choices */
#define K2S_VALUE_INT 1  /* integer; durations in milliseconds, sizes in bytes */
#define K2S_VALUE_REAL 2 /* real */
#define K2S_VALUE_BOOL 3 /* integer, 0 or 1 */
#define K2S_VALUE_LIST 4 /* items, each a text */

#define K2S_FROM_DEFAULT 0
#define K2S_FROM_ENVIRONMENT 1
#define K2S_FROM_COMMAND_LINE 2

/* One option or argument. Options that have neither a value nor a default are left out. */
typedef struct k2s_value {
    k2s_str name;
    k2s_str text;
    int64_t integer;
    double real;
    const k2s_str *items;
    uint64_t item_count;
    uint32_t kind;   /* K2S_VALUE_* */
    uint32_t origin; /* K2S_FROM_* */
} k2s_value;

typedef struct k2s_invocation {
    uint32_t struct_size;
    uint32_t dry_run; /* 1: say what would be done, change nothing */
    k2s_str command;  /* the path of plugin.json joined with spaces */
    const k2s_value *values;
    uint64_t value_count;
    uint64_t value_stride;
    const k2s_sink *out;  /* raw bytes to standard output */
    const k2s_sink *err;  /* text for a person, to standard error */
    const k2s_sink *data; /* one JSON text, shown as --format says; "output": "data" */
} k2s_invocation;

typedef struct k2s_commands {
    uint32_t struct_size;
    uint32_t reserved;

    /* Returns the exit code (0..125), or a negative status with *error filled: the host prints the
     * message and exits as base.h says. [strand, may-block] */
    int32_t(K2S_CALL *run)(void *self, const k2s_invocation *call, k2s_error *error);
} k2s_commands;

#ifdef __cplusplus
}
#endif

#endif
