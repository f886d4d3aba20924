/* SPDX-License-Identifier: MIT */
/*
 * The optional interfaces around a plugin's life: health, reconfigure, lifecycle and diagnostics.
 */
#include "host.h"

/* Answers from what is known; never by trying something that takes time. */
static int32_t K2S_CALL check(void *self, k2s_error *error) {
    (void)self;
    return ticker_is_sick() ? fail(error, K2S_E_FAILED, "a ticker passed its setting sick_after")
                            : K2S_OK;
}

const k2s_health example_health = {sizeof example_health, 0, check};

/* A service hears of its own settings through reload; this is for what no service owns. */
static int32_t K2S_CALL changed(void *self, k2s_error *error) {
    (void)self;
    const int32_t status = greeter_load_greeting(error);
    if (status >= 0) {
        log_number(K2S_LOG_INFO, "settings taken over", "generation",
                   (int64_t)host.config->generation(host.host));
    }
    return status;
}

const k2s_reconfigure example_reconfigure = {sizeof example_reconfigure, 0, changed};

/* What belongs beside the services when the host has started or is about to stop. It has a thread
 * of its own, so it may take its time; this plugin only leaves a log record. */
static int32_t K2S_CALL step(void *self, uint32_t step, uint64_t deadline_ms, k2s_error *error) {
    (void)self;
    (void)deadline_ms;
    switch (step) {
    case K2S_STEP_STARTED:
        log_number(K2S_LOG_INFO, "the host has started", "tickers", ticker_instances());
        return K2S_OK;
    case K2S_STEP_STOPPING:
    case K2S_STEP_SHUTDOWN:
        log_number(K2S_LOG_INFO, "the host is about to stop", "tickers", ticker_instances());
        return K2S_OK;
    default:
        return fail(error, K2S_E_UNSUPPORTED, "step %u is not known", (unsigned)step);
    }
}

const k2s_lifecycle example_lifecycle = {sizeof example_lifecycle, 0, step};

/* What helps to find a fault. No secrets: the text ends up in bug reports. `k2s doctor` shows the
 * "findings", of any running host. */
static int32_t K2S_CALL dump(void *self, const k2s_sink *out, k2s_error *error) {
    (void)self;
    (void)error;
    Text text = {0};
    text_add(&text, str("{\"ticks\":"));
    text_add_number(&text, ticker_ticks());
    text_add(&text, str(",\"tickers\":"));
    text_add_number(&text, ticker_instances());
    text_add(&text, str(",\"findings\":[{\"check\":\"tickers\",\"state\":"));
    text_add(&text, ticker_instances() > 0 ? str("\"ok\",\"text\":\"they tick\"}]}")
                                           : str("\"warn\",\"text\":\"none is running\",\"remedy\":"
                                                 "\"k2s feature enable ticker\"}]}"));
    return text_send(&text, out);
}

const k2s_diagnostics example_diagnostics = {sizeof example_diagnostics, 0, dump};
