/* SPDX-License-Identifier: MIT */
/*
 * k2s.services, k2s.metrics, k2s.events and timers: the feature "ticker" counts up once a period.
 * Several instances may run at a time, each with its own settings.
 */
#include <stdatomic.h>
#include <string.h>

#include "host.h"

#define MOST_INSTANCES 8

/* All but `ticks` is touched on the strand only, so it needs no lock. */
typedef struct Ticker {
    int used;
    char name[64];
    uint64_t name_size;
    k2s_handle timer;
    int64_t sick_after;
    int64_t period_ms;
    atomic_llong ticks;
} Ticker;

static Ticker tickers[MOST_INSTANCES];
static k2s_handle ticks_metric;
static atomic_llong all_ticks;
static atomic_uint instances;
static atomic_int sick;

int64_t ticker_ticks(void) {
    return atomic_load(&all_ticks);
}
uint32_t ticker_instances(void) {
    return atomic_load(&instances);
}
int ticker_is_sick(void) {
    return atomic_load(&sick);
}

int32_t ticker_create(k2s_error *error) {
    const k2s_str none = {NULL, 0};
    memset(tickers, 0, sizeof tickers); /* the plugin may be created again after destroy */
    atomic_store(&sick, 0);
    return host.metrics->open(host.host, K2S_METRIC_COUNTER, str("example_ticks_total"),
                              str("Ticks of all tickers"), none, NULL, 0, &ticks_metric, error);
}

/* A task on the strand: it must not block. */
static void K2S_CALL tick(void *context) {
    Ticker *ticker = context;
    const int64_t count = atomic_fetch_add(&ticker->ticks, 1) + 1;
    atomic_fetch_add(&all_ticks, 1);
    host.metrics->add(host.host, ticks_metric, 1);
    if (ticker->sick_after > 0 && count >= ticker->sick_after) {
        atomic_store(&sick, 1);
    }
    Text notice = {0};
    text_add(&notice, str("{\"ticks\":"));
    text_add_number(&notice, count);
    text_add(&notice, str("}"));
    (void)host.events->publish(host.host, str("example.tick"), text_view(&notice), NULL);
}

/* Takes over checked settings; with `ticker->timer` 0 the ticker is not started yet. */
static int32_t apply(Ticker *ticker, k2s_str settings, k2s_error *error) {
    const int64_t period = json_integer(settings, "period_ms", 1000);
    k2s_handle timer = 0;
    const int32_t status =
        host.executor->timer(host.host, (uint64_t)period, (uint64_t)period, tick, ticker, &timer);
    if (status < 0) {
        return fail(error, status, "no timer for a period of %lld ms", (long long)period);
    }
    /* The new one is there: only now may the old one go. */
    if (ticker->timer != 0) {
        (void)host.executor->cancel(host.host, ticker->timer);
    }
    ticker->timer = timer;
    ticker->period_ms = period;
    ticker->sick_after = json_integer(settings, "sick_after", 0);
    return K2S_OK;
}

static int32_t K2S_CALL start(void *self, k2s_str feature, k2s_str instance, k2s_str settings,
                              k2s_handle *out, k2s_error *error) {
    (void)self;
    if (!same(feature, str("ticker"))) {
        return fail(error, K2S_E_NOT_FOUND, "no service '%.*s'", (int)feature.len, feature.ptr);
    }
    for (uint64_t i = 0; i < MOST_INSTANCES; ++i) {
        Ticker *ticker = &tickers[i];
        if (ticker->used) {
            continue;
        }
        memset(ticker, 0, sizeof *ticker);
        ticker->name_size = instance.len < sizeof ticker->name ? instance.len : 0;
        memcpy(ticker->name, instance.ptr, ticker->name_size);
        const int32_t status = apply(ticker, settings, error);
        if (status < 0) {
            return status;
        }
        ticker->used = 1;
        atomic_fetch_add(&instances, 1);
        log_number(K2S_LOG_INFO, "ticker started", "period_ms", ticker->period_ms);
        *out = i + 1; /* 0 is no handle */
        return K2S_OK;
    }
    return fail(error, K2S_E_NO_MEMORY, "%d tickers run already: stop one", MOST_INSTANCES);
}

static Ticker *find(k2s_handle service) {
    return service >= 1 && service <= MOST_INSTANCES && tickers[service - 1].used
               ? &tickers[service - 1]
               : NULL;
}

static int32_t K2S_CALL reload(void *self, k2s_handle service, k2s_str settings, k2s_error *error) {
    (void)self;
    Ticker *ticker = find(service);
    return ticker != NULL ? apply(ticker, settings, error)
                          : fail(error, K2S_E_NOT_FOUND, "no such ticker");
}

static int32_t K2S_CALL stop(void *self, k2s_handle service, uint64_t deadline_ms,
                             k2s_error *error) {
    (void)self;
    (void)deadline_ms; /* nothing here takes time */
    Ticker *ticker = find(service);
    if (ticker == NULL) {
        return fail(error, K2S_E_NOT_FOUND, "no such ticker");
    }
    (void)host.executor->cancel(host.host, ticker->timer);
    ticker->used = 0;
    atomic_fetch_sub(&instances, 1);
    log_number(K2S_LOG_INFO, "ticker stopped", "ticks", atomic_load(&ticker->ticks));
    return K2S_OK;
}

/* [any-thread]: reads only what does not change while the ticker runs, or is atomic. */
static int32_t K2S_CALL status(void *self, k2s_handle service, const k2s_sink *out,
                               k2s_error *error) {
    (void)self;
    const Ticker *ticker = find(service);
    if (ticker == NULL) {
        return fail(error, K2S_E_NOT_FOUND, "no such ticker");
    }
    const k2s_str name = {ticker->name, ticker->name_size};
    Text text = {0};
    text_add(&text, str("{\"name\":"));
    text_add_json(&text, name);
    text_add(&text, str(",\"ticks\":"));
    text_add_number(&text, atomic_load(&ticker->ticks));
    text_add(&text, str("}"));
    return text_send(&text, out);
}

const k2s_services example_services = {sizeof example_services, 0, start, reload, stop, status};
