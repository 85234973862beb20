/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * waiters.c - a table of who waits for which message.
 * Must never hold a lock or a connection while somebody waits.
 * Called by work.c for requests and by work/results.c for results.
 */

#include "store/outbox.h"
#include "util/clock.h"
#include "util/monitor.h"
#include "work/waiters.h"

#define BUCKETS     64
#define RECENT      32
#define FIRST_LOOK  apr_time_from_msec(50)
#define LOOK_EVERY  apr_time_from_msec(250)

typedef struct waiter_t {
    apr_int64_t id;
    bool told;
    struct waiter_t *next;
} waiter_t;

/* The sender may be quicker than whoever asked: what it told lately is remembered. */
typedef struct bucket_t {
    twc_monitor_t *monitor;
    waiter_t *waiters;
    apr_int64_t recent[RECENT];
    unsigned recent_next;
    bool stopping;
} bucket_t;

struct twc_waiters_t {
    bucket_t bucket[BUCKETS];
};

apr_status_t twc_waiters_create(twc_waiters_t **waiters, apr_pool_t *pool)
{
    twc_waiters_t *w = apr_pcalloc(pool, sizeof(*w));

    for (int i = 0; i < BUCKETS; i++)
        TWC_TRY(twc_monitor_create(&w->bucket[i].monitor, pool));
    *waiters = w;
    return APR_SUCCESS;
}

static bucket_t *bucket_of(twc_waiters_t *w, apr_int64_t id)
{
    return &w->bucket[(apr_uint64_t)id % BUCKETS];
}

void twc_waiters_tell(twc_waiters_t *w, apr_int64_t id)
{
    bucket_t *b = bucket_of(w, id);
    bool any = false;

    twc_monitor_lock(b->monitor);
    b->recent[b->recent_next++ % RECENT] = id;
    for (waiter_t *one = b->waiters; one; one = one->next)
        if (one->id == id)
            any = one->told = true;
    if (any)
        twc_monitor_broadcast(b->monitor);
    twc_monitor_unlock(b->monitor);
}

void twc_waiters_stop(twc_waiters_t *w)
{
    for (int i = 0; i < BUCKETS; i++) {
        twc_monitor_lock(w->bucket[i].monitor);
        w->bucket[i].stopping = true;
        twc_monitor_broadcast(w->bucket[i].monitor);
        twc_monitor_unlock(w->bucket[i].monitor);
    }
}

static bool was_told(const bucket_t *b, apr_int64_t id)
{
    for (int i = 0; i < RECENT; i++)
        if (b->recent[i] == id)
            return true;
    return false;
}

/* In a pool of its own, because a wait may look many times. */
static bool look(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_ctx_t own;
    apr_pool_t *pool;
    bool pending = true;

    if (apr_pool_create(&pool, ctx->pool) != APR_SUCCESS)
        return false;
    twc_ctx_init(&own, pool, ctx->db, ctx->conf);
    if (twc_outbox_pending(&own, id, &pending) != APR_SUCCESS)
        pending = true;
    apr_pool_destroy(pool);
    return !pending;
}

static void join(bucket_t *b, waiter_t *self)
{
    self->told = was_told(b, self->id);
    self->next = b->waiters;
    b->waiters = self;
}

static void leave(bucket_t *b, const waiter_t *self)
{
    waiter_t **link = &b->waiters;

    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
}

apr_status_t twc_waiters_wait(twc_waiters_t *w, twc_ctx_t *ctx, apr_int64_t id, apr_interval_time_t patience, bool *done)
{
    bucket_t *b = bucket_of(w, id);
    waiter_t self = { .id = id };
    apr_time_t now = twc_clock_ticks(), until = now + patience, look_at = now + FIRST_LOOK;

    twc_monitor_lock(b->monitor);
    join(b, &self);
    while (!self.told && !b->stopping && (now = twc_clock_ticks()) < until) {
        if (now >= look_at) {
            bool gone;

            twc_monitor_unlock(b->monitor);
            gone = look(ctx, id);
            twc_monitor_lock(b->monitor);
            self.told = self.told || gone;
            look_at = twc_clock_ticks() + LOOK_EVERY;
            continue;
        }
        twc_monitor_wait_until(b->monitor, look_at < until ? look_at : until);
    }
    leave(b, &self);
    twc_monitor_unlock(b->monitor);
    *done = self.told;
    return APR_SUCCESS;
}
