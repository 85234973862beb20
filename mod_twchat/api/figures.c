/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * figures.c - the counters of the dashboard, looked up once for all who ask at the same time.
 * Must never hold its mutex while the database is asked, nor tell what was true before an event the page has seen:
 * pages wait longer than FRESH before they ask (htdocs/assets/js/stats.js).
 * Called by native.c; made by glue/tenant.c.
 */
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "api/figures.h"
#include "store/list.h"

#define FRESH    apr_time_from_msec(500)
#define PATIENCE apr_time_from_sec(5)
#define JSON_MAX 1024

struct twc_figures_t {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *cond;
    char json[JSON_MAX];
    apr_time_t at;                      /* when the look began that brought json; 0: never */
    bool looking;
};

apr_status_t twc_figures_create(twc_figures_t **figures, apr_pool_t *pool)
{
    twc_figures_t *f = apr_pcalloc(pool, sizeof(*f));

    *figures = f;
    TWC_TRY(apr_thread_mutex_create(&f->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    return apr_thread_cond_create(&f->cond, pool);
}

/* @return NULL: the caller has to look, and to say so by told() */
static const char *recall(twc_figures_t *f, apr_pool_t *pool)
{
    apr_time_t asked = apr_time_now();
    const char *json = NULL;

    apr_thread_mutex_lock(f->mutex);
    while (f->looking && f->at < asked - FRESH)
        if (apr_thread_cond_timedwait(f->cond, f->mutex, PATIENCE) != APR_SUCCESS)
            break;
    if (f->at >= asked - FRESH)
        json = apr_pstrdup(pool, f->json);
    else
        f->looking = true;
    apr_thread_mutex_unlock(f->mutex);
    return json;
}

static void told(twc_figures_t *f, apr_time_t began, const char *json)
{
    apr_thread_mutex_lock(f->mutex);
    f->looking = false;
    if (json && strlen(json) < JSON_MAX && began > f->at) {
        apr_cpystrn(f->json, json, JSON_MAX);
        f->at = began;
    }
    apr_thread_cond_broadcast(f->cond);
    apr_thread_mutex_unlock(f->mutex);
}

apr_status_t twc_figures_get(twc_req_t *q, const char **json)
{
    twc_figures_t *f = q->tenant->figures;
    apr_time_t began;
    apr_status_t rv;

    *json = recall(f, q->r->pool);
    if (*json)
        return APR_SUCCESS;
    began = apr_time_now();
    rv = twc_list_stats(q->ctx, json);
    told(f, began, rv == APR_SUCCESS ? *json : NULL);
    return rv;
}
