/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * batch.c - leader and followers over one queue of items.
 * Must never let a caller return before its own item is done, nor let one
 * caller's bad data fail another's item.
 * Called by work.c on the threads of requests.
 */
#include "util/clock.h"
#include "util/monitor.h"
#include "work/batch.h"

/* One waiting caller; lives on its stack. How its item went is left here: its context is its own thread's alone, which may be
 * leading others with it at that moment. */
typedef struct slot_t {
    struct slot_t *next;
    void *item;
    apr_status_t rv;
    twc_problem_t problem;              /* constants only: the leader's pool may die first */
    unsigned wake;
    bool taken;                         /* in a batch: its leader will say how it went */
    bool done;
    bool alone;                         /* a batch with it failed: do it by itself */
} slot_t;

struct twc_batch_t {
    twc_monitor_t *monitor;             /* a batch was done, or leadership is free */
    apr_status_t (*run)(twc_ctx_t *ctx, void **items, int count);
    bool (*same)(const void *a, const void *b);
    slot_t *first, **end;
    int leaders, leaders_max;
    apr_interval_time_t patience;
};

apr_status_t twc_batch_create(twc_batch_t **batch, apr_pool_t *pool, int leaders,
                              apr_status_t (*run)(twc_ctx_t *ctx, void **items, int count),
                              bool (*same)(const void *a, const void *b))
{
    twc_batch_t *b = apr_pcalloc(pool, sizeof(*b));

    b->run = run;
    b->same = same;
    b->end = &b->first;
    b->leaders_max = leaders;
    TWC_TRY(twc_monitor_create(&b->monitor, pool));
    *batch = b;
    return APR_SUCCESS;
}

void twc_batch_set_patience(twc_batch_t *b, apr_interval_time_t patience)
{
    b->patience = patience;
}

static bool clashes(const twc_batch_t *b, slot_t *const *taken, int count, const slot_t *s)
{
    for (int i = 0; b->same && i < count; i++)
        if (b->same(taken[i]->item, s->item))
            return true;
    return false;
}

static void find_end(twc_batch_t *b)
{
    for (b->end = &b->first; *b->end; b->end = &(*b->end)->next)
        ;
}

/* Take what may go together off the queue; the mutex is held. */
static int take(twc_batch_t *b, slot_t **taken)
{
    slot_t **link = &b->first;
    int count = 0;

    while (*link && count < TWC_BATCH_MAX) {
        slot_t *s = *link;
        if (clashes(b, taken, count, s)) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        s->taken = true;
        taken[count++] = s;
    }
    find_end(b);
    return count;
}

/* A failure that lies in the data harms one item; one that lies in the database harms them all alike. */
static bool blames_data(apr_status_t rv)
{
    return rv == APR_EINVAL || rv == APR_EEXIST || rv == APR_ENOENT || rv == APR_EGENERAL;
}

static void finish(const twc_ctx_t *leader, slot_t **taken, int count, apr_status_t rv)
{
    bool split = count > 1 && blames_data(rv);

    for (int i = 0; i < count; i++) {
        slot_t *s = taken[i];
        s->rv = rv;
        s->alone = split;
        s->wake = rv == APR_SUCCESS ? leader->wake : 0;
        s->problem = *leader->problem;
        s->problem.detail = NULL;
        s->problem.internal = NULL;
        s->done = true;
    }
}

/* Lead one batch; the mutex is held on entry and exit. */
static void lead(twc_batch_t *b, const slot_t *self, twc_ctx_t *ctx)
{
    slot_t *taken[TWC_BATCH_MAX];
    void *items[TWC_BATCH_MAX];
    int count = take(b, taken);
    bool own = false;
    apr_status_t rv;

    for (int i = 0; i < count; i++) {
        items[i] = taken[i]->item;
        own = own || taken[i] == self;
    }
    b->leaders++;
    twc_monitor_unlock(b->monitor);
    rv = b->run(ctx, items, count);
    twc_monitor_lock(b->monitor);
    b->leaders--;
    finish(ctx, taken, count, rv);
    if (!own)                           /* it led for others only: how that ended is no matter of its own */
        twc_problem_clear(ctx);
    twc_monitor_broadcast(b->monitor);
}

/* Off the queue again; the mutex is held. */
static void withdraw(twc_batch_t *b, const slot_t *self)
{
    slot_t **link = &b->first;

    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    find_end(b);
}

/* Wait for a batch to end. False: nobody has taken self for too long. */
static bool wait_turn(twc_batch_t *b, const slot_t *self, apr_time_t until)
{
    if (self->taken || !b->patience) {
        twc_monitor_wait(b->monitor);
        return true;
    }
    return twc_monitor_wait_until(b->monitor, until) || self->taken || b->leaders < b->leaders_max;
}

/* Done: tell its caller. A leader's own problem is still in its context, with all words. */
static apr_status_t conclude(twc_batch_t *b, twc_ctx_t *ctx, slot_t *self)
{
    if (self->alone) {
        twc_problem_clear(ctx);
        return b->run(ctx, &self->item, 1);
    }
    ctx->wake |= self->wake;
    if (self->rv != APR_SUCCESS && ctx->problem->status == APR_SUCCESS)
        *ctx->problem = self->problem;
    if (self->rv != APR_SUCCESS && !ctx->problem->detail)
        ctx->problem->detail = "The database could not take this right now.";
    return self->rv;
}

apr_status_t twc_batch_do(twc_batch_t *b, twc_ctx_t *ctx, void *item)
{
    slot_t self = { .item = item };
    apr_time_t until = twc_clock_ticks() + b->patience;

    twc_monitor_lock(b->monitor);
    *b->end = &self;
    b->end = &self.next;
    while (!self.done) {
        if (!self.taken && b->leaders < b->leaders_max)
            lead(b, &self, ctx);        /* takes self with it, unless more than a batch waits before it */
        else if (!wait_turn(b, &self, until)) {
            withdraw(b, &self);
            twc_monitor_unlock(b->monitor);
            return twc_problem(ctx, APR_TIMEUP, "busy", "Too many calls are waiting for the database.");
        }
    }
    twc_monitor_unlock(b->monitor);
    return conclude(b, ctx, &self);
}
