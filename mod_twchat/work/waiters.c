/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * waiters.c - a table of who waits for which message.
 * Must never hold a lock or a connection while somebody waits.
 * Called by work.c for requests and by work/sender.c for results.
 */
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "store/outbox.h"
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
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *cond;
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

    for (int i = 0; i < BUCKETS; i++) {
        TWC_TRY(apr_thread_mutex_create(&w->bucket[i].mutex, APR_THREAD_MUTEX_DEFAULT, pool));
        TWC_TRY(apr_thread_cond_create(&w->bucket[i].cond, pool));
    }
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

    apr_thread_mutex_lock(b->mutex);
    b->recent[b->recent_next++ % RECENT] = id;
    for (waiter_t *one = b->waiters; one; one = one->next)
        if (one->id == id)
            any = one->told = true;
    if (any)
        apr_thread_cond_broadcast(b->cond);
    apr_thread_mutex_unlock(b->mutex);
}

void twc_waiters_stop(twc_waiters_t *w)
{
    for (int i = 0; i < BUCKETS; i++) {
        apr_thread_mutex_lock(w->bucket[i].mutex);
        w->bucket[i].stopping = true;
        apr_thread_cond_broadcast(w->bucket[i].cond);
        apr_thread_mutex_unlock(w->bucket[i].mutex);
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
    apr_time_t now = apr_time_now(), until = now + patience, look_at = now + FIRST_LOOK;

    apr_thread_mutex_lock(b->mutex);
    join(b, &self);
    while (!self.told && !b->stopping && (now = apr_time_now()) < until) {
        if (now >= look_at) {
            bool gone;

            apr_thread_mutex_unlock(b->mutex);
            gone = look(ctx, id);
            apr_thread_mutex_lock(b->mutex);
            self.told = self.told || gone;
            look_at = apr_time_now() + LOOK_EVERY;
            continue;
        }
        apr_thread_cond_timedwait(b->cond, b->mutex, (look_at < until ? look_at : until) - now);
    }
    leave(b, &self);
    apr_thread_mutex_unlock(b->mutex);
    *done = self.told;
    return APR_SUCCESS;
}
