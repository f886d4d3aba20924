/* SPDX-License-Identifier: MIT */
/*
 * Start reading here. This file is what a plugin has to have: one exported function that hands out
 * one descriptor. All else is fetched through that descriptor, by id.
 */
#include "host.h"

/* Discovered -> Created. From here on the host may be used; whatever is registered when this fails
 * is taken back by the host, so there is nothing to undo. */
static int32_t K2S_CALL create(void *self, k2s_error *error) {
    (void)self;
    int32_t status = host_find_all(error);
    if (status >= 0) {
        status = greeter_create(error);
    }
    if (status >= 0) {
        status = ticker_create(error);
    }
    if (status >= 0) {
        log_number(K2S_LOG_DEBUG, "created", NULL, 0);
    }
    return status;
}

/* Last call. Services are stopped, contracts withdrawn, timers and threads ended by now. */
static void K2S_CALL destroy(void *self) {
    (void)self;
    log_number(K2S_LOG_DEBUG, "destroyed after ticks", "ticks", ticker_ticks());
}

/* The interfaces of this plugin. NULL for what it does not have: an id of a later ABI is not an
 * error. */
static const void *K2S_CALL get(void *self, k2s_str id) {
    (void)self;
    const struct {
        const char *id;
        const void *table;
    } tables[] = {
        {K2S_COMMANDS_ID, &example_commands},   {K2S_SERVICES_ID, &example_services},
        {K2S_HEALTH_ID, &example_health},       {K2S_RECONFIGURE_ID, &example_reconfigure},
        {K2S_LIFECYCLE_ID, &example_lifecycle}, {K2S_DIAGNOSTICS_ID, &example_diagnostics},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; ++i) {
        if (same(id, str(tables[i].id))) {
            return tables[i].table;
        }
    }
    return NULL;
}

/* The texts have to be those of plugin.json: the host refuses a library from another build. */
static k2s_plugin descriptor = {
    .struct_size = sizeof(k2s_plugin),
    .abi_minor = 0, /* the lowest minor that has all this plugin uses, not K2S_ABI_MINOR */
    .create = create,
    .destroy = destroy,
    .get = get,
};

/* Called in a probe process, too, whose host offers nothing: only fill in the descriptor here. */
K2S_EXPORT int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *given, const k2s_plugin **plugin,
                                                k2s_error *error);
int32_t K2S_CALL k2s_plugin_entry_v1(const k2s_host *given, const k2s_plugin **plugin,
                                     k2s_error *error) {
    if (!K2S_HAS(given, get)) {
        return fail(error, K2S_E_UNSUPPORTED, "the host's description is incomplete");
    }
    host.host = given;
    descriptor.id = str("example");
    descriptor.version = str("1.0.0");
    *plugin = &descriptor;
    return K2S_OK;
}
