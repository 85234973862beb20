/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * thread.c - background threads.
 * Must never be detached: whoever starts one joins it.
 * Called by work/.
 */
#include <stdarg.h>

#include <apr_thread_proc.h>

#include "util/clock.h"
#include "util/monitor.h"
#include "work/thread.h"

struct twc_thread_t {
    apr_thread_t *thread;
    apr_pool_t *own;                    /* allocator of its own; the thread's scratch is a child of it */
    apr_pool_t *scratch;
    const char *name;
    void (*main)(twc_thread_t *, void *);
    void *baton;
    twc_monitor_t *monitor;
    bool started, stopping, woken, ended, joined;
};

apr_status_t twc_thread_pool(apr_pool_t **pool)
{
    apr_allocator_t *allocator;
    apr_status_t rv;

    TWC_TRY(apr_allocator_create(&allocator));
    apr_allocator_max_free_set(allocator, 1024 * 1024);
    rv = apr_pool_create_ex(pool, NULL, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

static void *APR_THREAD_FUNC run(apr_thread_t *unused, void *baton)
{
    twc_thread_t *t = baton;

    (void)unused;
    t->main(t, t->baton);
    twc_monitor_lock(t->monitor);
    t->ended = true;
    twc_monitor_broadcast(t->monitor);
    twc_monitor_unlock(t->monitor);
    return NULL;
}

apr_status_t twc_thread_create(twc_thread_t **thread, apr_pool_t *pool, const char *name,
                               void (*main)(twc_thread_t *, void *), void *baton)
{
    twc_thread_t *t = apr_pcalloc(pool, sizeof(*t));

    t->name = name;
    t->main = main;
    t->baton = baton;
    TWC_TRY(twc_monitor_create(&t->monitor, pool));
    *thread = t;
    return APR_SUCCESS;
}

static apr_status_t launch(twc_thread_t *t)
{
    if (!t->own)
        TWC_TRY(twc_thread_pool(&t->own));
    if (!t->scratch)
        TWC_TRY(apr_pool_create(&t->scratch, t->own));
    return apr_thread_create(&t->thread, NULL, run, t, t->own);
}

apr_status_t twc_thread_start(twc_thread_t *t)
{
    apr_status_t rv = APR_SUCCESS;

    twc_monitor_lock(t->monitor);       /* which its end takes too: whoever sees that sees what is written here */
    if (!t->started) {
        rv = launch(t);
        t->started = rv == APR_SUCCESS;
    }
    twc_monitor_unlock(t->monitor);
    return rv;
}

void twc_thread_stop(twc_thread_t *t)
{
    if (!t)
        return;
    twc_monitor_lock(t->monitor);
    t->stopping = true;
    twc_monitor_broadcast(t->monitor);
    twc_monitor_unlock(t->monitor);
}

void twc_thread_wake(twc_thread_t *t)
{
    if (!t)
        return;
    twc_monitor_lock(t->monitor);
    t->woken = true;
    twc_monitor_broadcast(t->monitor);
    twc_monitor_unlock(t->monitor);
}

bool twc_thread_join(twc_thread_t *t, apr_time_t deadline)
{
    apr_status_t rv;

    if (!t || t->joined)
        return true;
    twc_monitor_lock(t->monitor);
    while (t->started && !t->ended && twc_monitor_wait_until(t->monitor, deadline))
        ;
    t->joined = t->ended;
    rv = t->started && !t->ended ? APR_TIMEUP : APR_SUCCESS;
    twc_monitor_unlock(t->monitor);
    if (!t->joined)
        return rv == APR_SUCCESS;       /* where it is late its pool stays: it is still using it */
    apr_thread_join(&rv, t->thread);
    apr_pool_destroy(t->own);
    return true;
}

const char *twc_thread_name(const twc_thread_t *t)
{
    return t->name;
}

bool twc_thread_stopping(twc_thread_t *t)
{
    bool stopping;

    twc_monitor_lock(t->monitor);
    stopping = t->stopping;
    twc_monitor_unlock(t->monitor);
    return stopping;
}

void twc_thread_sleep(twc_thread_t *t, apr_interval_time_t most)
{
    apr_time_t until = twc_clock_ticks() + most;

    twc_monitor_lock(t->monitor);
    while (!t->stopping && !t->woken && twc_monitor_wait_until(t->monitor, until))
        ;
    t->woken = false;
    twc_monitor_unlock(t->monitor);
}

apr_pool_t *twc_thread_scratch(twc_thread_t *t)
{
    return t->scratch;
}

void twc_thread_log(const twc_thread_env_t *env, int level, const twc_ctx_t *ctx, const char *tag,
                    const char *format, ...)
{
    char text[1024];
    apr_size_t len;
    va_list args;

    va_start(args, format);
    len = (apr_size_t)apr_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (ctx && ctx->problem->status != APR_SUCCESS && len < sizeof(text) - 1)
        apr_snprintf(text + len, sizeof(text) - len, ": %s%s%s", ctx->problem->detail ? ctx->problem->detail : "failed",
                     ctx->problem->internal ? " - " : "", ctx->problem->internal ? ctx->problem->internal : "");
    env->log(env->log_baton, level, ctx ? ctx->problem->status : APR_SUCCESS, tag, text);
}
