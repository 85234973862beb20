/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * hasher.c - threads of low priority that check and make password hashes.
 * Must never keep a password, nor let a queue grow without bound.
 * Called by domain/ on the threads of requests; owned by a tenant.
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_thread_proc.h>

#include "util/clock.h"
#include "util/hasher.h"
#include "util/load.h"
#include "util/monitor.h"
#include "util/password.h"

#define THREADS_MAX 8
#define WAITING_MAX 16                  /* each holds a thread of a request, which others need for messages */
#define MAKING_MAX  4                   /* of these, for a hash to be made: a crowd that registers shuts nobody out */
#define LINGER_MAX  8                   /* of these, before they ask */
#define NICENESS    10
#define HASH_MAX    120
#define REST        3                   /* times as long as a hash took, where that took the time of something else */
#define REST_MAX    APR_USEC_PER_SEC

/* One caller's question; lives on its stack until it is answered. */
typedef struct item_t {
    struct item_t *next;
    const char *plain, *hash;           /* hash NULL with make false: nobody's */
    bool make;
    bool taken, done, matches;
    apr_status_t rv;
    char made[HASH_MAX];
} item_t;

struct twc_hasher_t {
    twc_monitor_t *monitor;
    apr_pool_t *pool;
    apr_thread_t *threads[THREADS_MAX];
    int wanted, started, running, cost;
    item_t *first, **end;
    int waiting, making, lingering;     /* making: of those that wait */
    bool stopping;
};

apr_status_t twc_hasher_create(twc_hasher_t **hasher, apr_pool_t *pool, int threads, int cost)
{
    twc_hasher_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_allocator_t *allocator;

    made->wanted = threads > THREADS_MAX ? THREADS_MAX : threads;
    made->cost = cost;
    made->end = &made->first;
    TWC_TRY(apr_allocator_create(&allocator));
    TWC_TRY(apr_pool_create_ex(&made->pool, pool, NULL, allocator));
    apr_allocator_owner_set(allocator, made->pool);
    TWC_TRY(twc_monitor_create(&made->monitor, pool));
    *hasher = made;
    return APR_SUCCESS;
}

/* ---- on a thread of its own -------------------------------------------------------------- */

static void work_on(item_t *item, int cost, apr_pool_t *pool)
{
    const char *made;

    if (!item->make) {
        item->matches = twc_password_matches(item->plain, item->hash, cost);
        item->rv = APR_SUCCESS;
        return;
    }
    item->rv = twc_password_hash(pool, item->plain, cost, &made);
    if (item->rv == APR_SUCCESS)
        apr_cpystrn(item->made, made, sizeof(item->made));
}

/* The monitor is held. A low priority is not enough: systems that divide the processors among groups of processes first (sessions,
 * containers) give this one a share although those that store messages are in others. */
static void rest(const twc_hasher_t *h, apr_interval_time_t took)
{
    apr_time_t until = twc_clock_ticks() + (took * REST < REST_MAX ? took * REST : REST_MAX);

    while (!h->stopping && twc_clock_ticks() < until)
        (void)twc_monitor_wait_until(h->monitor, until);
}

/* The monitor is held. */
static item_t *take(twc_hasher_t *h)
{
    item_t *item = h->first;

    h->first = item->next;
    if (!h->first)
        h->end = &h->first;
    h->waiting--;
    h->making -= item->make;
    item->taken = true;
    return item;
}

static void *APR_THREAD_FUNC hasher_thr_run(apr_thread_t *thread, void *baton)
{
    twc_hasher_t *h = baton;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, apr_thread_pool_get(thread));
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    twc_monitor_lock(h->monitor);
    while (!h->stopping) {
        item_t *item;
        twc_load_t before, after;
        apr_time_t began;
        if (!h->first) {
            twc_monitor_wait(h->monitor);
            continue;
        }
        item = take(h);
        twc_monitor_unlock(h->monitor);
        before = twc_load_now();
        began = twc_clock_ticks();
        work_on(item, h->cost, scratch);
        after = twc_load_now();
        apr_pool_clear(scratch);
        twc_monitor_lock(h->monitor);
        item->done = true;
        twc_monitor_broadcast(h->monitor);
        if (twc_load_is_high(&before, &after))
            rest(h, twc_clock_ticks() - began);
    }
    h->running--;
    twc_monitor_broadcast(h->monitor);
    twc_monitor_unlock(h->monitor);
    return NULL;
}

/* ---- callers -------------------------------------------------------------------------------- */

/* The monitor is held. One more while there is more to do than there are threads. */
static apr_status_t start_one(twc_hasher_t *h)
{
    apr_status_t rv;

    if (h->started == h->wanted || (h->started && h->waiting <= h->started))
        return APR_SUCCESS;
    h->running++;
    rv = apr_thread_create(&h->threads[h->started], NULL, hasher_thr_run, h, h->pool);
    if (rv == APR_SUCCESS)
        h->started++;
    else
        h->running--;
    return h->started ? APR_SUCCESS : rv;
}

/* The monitor is held. */
static void withdraw(twc_hasher_t *h, const item_t *item)
{
    item_t **link = &h->first;

    while (*link != item)
        link = &(*link)->next;
    *link = item->next;
    for (h->end = &h->first; *h->end; h->end = &(*h->end)->next)
        ;
    h->waiting--;
    h->making -= item->make;
}

static apr_status_t busy(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_EAGAIN, "busy", "Too many people are signing in at once; try again in a moment.");
}

/* The monitor is held. */
static bool has_room(const twc_hasher_t *h, const item_t *item)
{
    return !h->stopping && h->waiting + h->lingering < WAITING_MAX && (!item->make || h->making < MAKING_MAX);
}

static apr_status_t ask(twc_hasher_t *h, twc_ctx_t *ctx, item_t *item)
{
    apr_status_t rv = APR_EAGAIN;

    twc_monitor_lock(h->monitor);
    if (has_room(h, item)) {
        *h->end = item;
        h->end = &item->next;
        h->waiting++;
        h->making += item->make;
        rv = start_one(h);
        twc_monitor_broadcast(h->monitor);
        while (rv == APR_SUCCESS && !item->done && (item->taken || !h->stopping))
            twc_monitor_wait(h->monitor);
        if (!item->taken) {
            withdraw(h, item);
            rv = APR_EAGAIN;
        }
    }
    twc_monitor_unlock(h->monitor);
    return rv == APR_SUCCESS ? item->rv : busy(ctx);
}

static int cost_of(const twc_hasher_t *h, const twc_ctx_t *ctx)
{
    return h ? h->cost : ctx->conf->password_cost;
}

apr_status_t twc_hasher_check(twc_hasher_t *h, twc_ctx_t *ctx, const char *plain, const char *hash, bool *matches)
{
    item_t item = { .plain = plain, .hash = hash };

    if (!h) {
        *matches = twc_password_matches(plain, hash, cost_of(h, ctx));
        return APR_SUCCESS;
    }
    TWC_TRY(ask(h, ctx, &item));
    *matches = item.matches;
    return APR_SUCCESS;
}

apr_status_t twc_hasher_hash(twc_hasher_t *h, twc_ctx_t *ctx, const char *plain, const char **hash)
{
    item_t item = { .plain = plain, .make = true };

    if (!h)
        return twc_password_hash(ctx->pool, plain, cost_of(h, ctx), hash);
    TWC_TRY(ask(h, ctx, &item));
    *hash = apr_pstrdup(ctx->pool, item.made);
    return APR_SUCCESS;
}

apr_status_t twc_hasher_linger(twc_hasher_t *h, twc_ctx_t *ctx, apr_interval_time_t pause)
{
    apr_time_t until = twc_clock_ticks() + pause;
    bool waited = false;

    if (!h)
        return busy(ctx);
    twc_monitor_lock(h->monitor);
    if (!h->stopping && h->lingering < LINGER_MAX && h->waiting + h->lingering < WAITING_MAX) {
        h->lingering++;
        while (!h->stopping && twc_monitor_wait_until(h->monitor, until))
            ;
        h->lingering--;
        waited = !h->stopping;
    }
    twc_monitor_unlock(h->monitor);
    return waited ? APR_SUCCESS : busy(ctx);
}

/* ---- the end ---------------------------------------------------------------------------------- */

void twc_hasher_stop(twc_hasher_t *h)
{
    twc_monitor_lock(h->monitor);
    h->stopping = true;
    twc_monitor_broadcast(h->monitor);
    twc_monitor_unlock(h->monitor);
}

bool twc_hasher_join(twc_hasher_t *h, apr_time_t deadline)
{
    apr_status_t rv;
    bool ended;

    twc_monitor_lock(h->monitor);
    while (h->running && twc_monitor_wait_until(h->monitor, deadline))
        ;
    ended = h->running == 0;
    twc_monitor_unlock(h->monitor);
    for (int i = 0; ended && i < h->started; i++)
        apr_thread_join(&rv, h->threads[i]);
    h->started = ended ? 0 : h->started;
    return ended;
}
