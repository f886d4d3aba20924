/* SPDX-License-Identifier: MIT */
/*
 * Registry and configuration: provides the contract example.greeter, whose first word comes from
 * the settings.
 */
#include "greeter.h"

#include "host.h"

/* The setting as JSON text, quotes and escapes included, so that it goes into JSON as it is. */
static Text greeting;

int32_t greeter_load_greeting(k2s_error *error) {
    Text fresh = {0};
    const k2s_sink sink = text_sink(&fresh);
    const int32_t status = host.config->read(host.host, str("/example/greeting"), &sink, error);
    if (status >= 0) {
        greeting = fresh;
    }
    return status;
}

/* Writes the JSON string "<greeting>, <name>!". */
static int32_t K2S_CALL greet(void *self, k2s_str name, const k2s_sink *out) {
    const Text *first = self;
    Text whole = {0};
    Text rest = {0};
    if (first->size < 2) {
        return K2S_E_STATE;
    }
    const k2s_str open_string = {first->data, first->size - 1}; /* without the closing quote */
    text_add(&whole, open_string);
    text_add(&whole, str(", "));
    text_add_json(&rest, name);
    const k2s_str escaped = {rest.data + 1, rest.size >= 2 ? rest.size - 2 : 0};
    text_add(&whole, escaped);
    text_add(&whole, str("!\""));
    whole.cut |= rest.cut;
    return text_send(&whole, out);
}

static const example_greeter greeter = {sizeof greeter, 0, greet};

int32_t greeter_create(k2s_error *error) {
    const int32_t status = greeter_load_greeting(error);
    if (status < 0) {
        return status;
    }
    /* Not kept: the host withdraws it before destroy. */
    k2s_handle provided = 0;
    const k2s_contract contract = {&greeter, &greeting};
    return host.registry->provide(host.host, str(EXAMPLE_GREETER), contract, &provided, error);
}
