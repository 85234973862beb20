/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * figures.c - the counters of the dashboard, looked up once for all who ask at the same time.
 * Must never hold its lock while the database is asked, nor tell what was true before an event the page has seen:
 * pages wait longer than FRESH before they ask (htdocs/assets/js/stats.js).
 * Called by native.c; made by glue/tenant.c.
 */
#include "api/figures.h"
#include "store/list.h"
#include "util/clock.h"
#include "util/monitor.h"

#define FRESH    apr_time_from_msec(500)
#define PATIENCE apr_time_from_sec(5)
#define JSON_MAX 1024

struct twc_figures_t {
    twc_monitor_t *monitor;
    char json[JSON_MAX];                /* "": nobody has looked yet */
    apr_time_t at;                      /* ticks when the look began that brought it */
    bool looking;
};

apr_status_t twc_figures_create(twc_figures_t **figures, apr_pool_t *pool)
{
    *figures = apr_pcalloc(pool, sizeof(**figures));
    return twc_monitor_create(&(*figures)->monitor, pool);
}

static bool is_fresh(const twc_figures_t *f, apr_time_t asked)
{
    return *f->json && f->at >= asked - FRESH;
}

/* @return NULL: the caller has to look, and to say so by told() */
static const char *recall(twc_figures_t *f, apr_pool_t *pool)
{
    apr_time_t asked = twc_clock_ticks();
    const char *json = NULL;

    twc_monitor_lock(f->monitor);
    while (f->looking && !is_fresh(f, asked))
        if (!twc_monitor_wait_until(f->monitor, asked + PATIENCE))
            break;
    if (is_fresh(f, asked))
        json = apr_pstrdup(pool, f->json);
    else
        f->looking = true;
    twc_monitor_unlock(f->monitor);
    return json;
}

static void told(twc_figures_t *f, apr_time_t began, const char *json)
{
    twc_monitor_lock(f->monitor);
    f->looking = false;
    if (json && strlen(json) < JSON_MAX && began > f->at) {
        apr_cpystrn(f->json, json, JSON_MAX);
        f->at = began;
    }
    twc_monitor_broadcast(f->monitor);
    twc_monitor_unlock(f->monitor);
}

apr_status_t twc_figures_get(twc_req_t *q, const char **json)
{
    twc_figures_t *f = q->tenant->figures;
    apr_time_t began;
    apr_status_t rv;

    *json = recall(f, q->r->pool);
    if (*json)
        return APR_SUCCESS;
    began = twc_clock_ticks();
    rv = twc_list_stats(q->ctx, json);
    told(f, began, rv == APR_SUCCESS ? *json : NULL);
    return rv;
}
