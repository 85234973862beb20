/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * desk.c - hands slots from the ledger thread to the sender thread and back.
 * Must never hold its lock while anybody talks to PostgreSQL or to Twilio.
 * Called by ledger.c and sender.c.
 */
#include "util/clock.h"
#include "util/monitor.h"
#include "work/desk.h"

#define ENOUGH      64                  /* results for a statement */
#define GATHER      apr_time_from_msec(5)   /* or for so long */

/* A queue of slots. */
typedef struct row_t {
    twc_slot_t *first, **last;
    int count;
} row_t;

struct twc_desk_t {
    twc_monitor_t *monitor;             /* guards all of it; the ledger waits here */
    row_t free[2], ready[2];            /* creates, searches */
    row_t landed;
    apr_time_t due_at;                  /* when what landed is to be taken, if anything did */
    twc_air_t air;
    bool woken, closed;
};

static void row_init(row_t *row)
{
    *row = (row_t){ .last = &row->first };
}

static void append(row_t *row, twc_slot_t *slot)
{
    slot->next = NULL;
    *row->last = slot;
    row->last = &slot->next;
    row->count++;
}

static twc_slot_t *take(row_t *row)
{
    twc_slot_t *slot = row->first;

    if (!slot)
        return NULL;
    row->first = slot->next;
    if (!row->first)
        row->last = &row->first;
    row->count--;
    return slot;
}

apr_status_t twc_desk_create(twc_desk_t **desk, apr_pool_t *pool)
{
    twc_desk_t *d = apr_pcalloc(pool, sizeof(*d));

    for (int kind = 0; kind < 2; kind++) {
        row_init(&d->free[kind]);
        row_init(&d->ready[kind]);
    }
    row_init(&d->landed);
    TWC_TRY(twc_monitor_create(&d->monitor, pool));
    *desk = d;
    return APR_SUCCESS;
}

/* ---- the ledger's side -------------------------------------------------------------- */

void twc_desk_put_free(twc_desk_t *d, twc_slot_t *slot)
{
    twc_monitor_lock(d->monitor);
    append(&d->free[slot->search], slot);
    twc_monitor_unlock(d->monitor);
}

twc_slot_t *twc_desk_take_free(twc_desk_t *d, bool search)
{
    twc_slot_t *slot;

    twc_monitor_lock(d->monitor);
    slot = take(&d->free[search]);
    twc_monitor_unlock(d->monitor);
    return slot;
}

int twc_desk_count_free(twc_desk_t *d, bool search)
{
    int count;

    twc_monitor_lock(d->monitor);
    count = d->free[search].count;
    twc_monitor_unlock(d->monitor);
    return count;
}

void twc_desk_put_ready(twc_desk_t *d, twc_slot_t *slots)
{
    twc_monitor_lock(d->monitor);
    while (slots) {
        twc_slot_t *next = slots->next;

        append(&d->ready[slots->search], slots);
        slots = next;
    }
    twc_monitor_unlock(d->monitor);
}

static bool is_due(const twc_desk_t *d)
{
    return d->landed.count > 0 && d->due_at <= twc_clock_ticks();
}

void twc_desk_wait(twc_desk_t *d, apr_time_t until, twc_news_t *news)
{
    twc_monitor_lock(d->monitor);
    while (!d->woken && !d->closed && !is_due(d))
        if (!twc_monitor_wait_until(d->monitor, d->landed.count > 0 && d->due_at < until ? d->due_at : until)
            && twc_clock_ticks() >= until)
            break;
    *news = (twc_news_t){ .air = d->air, .ready = d->ready[0].count, .woken = d->woken, .closed = d->closed };
    if (d->closed || is_due(d)) {
        news->landed = d->landed.first;
        row_init(&d->landed);
    }
    d->woken = false;
    twc_monitor_unlock(d->monitor);
}

/* ---- the sender's side ---------------------------------------------------------------- */

twc_slot_t *twc_desk_fetch(twc_desk_t *d, int most)
{
    row_t fetched;
    twc_slot_t *slot;

    row_init(&fetched);
    twc_monitor_lock(d->monitor);
    /* They count as under way until the next report says so, so that nobody takes their places for free. */
    for (; (slot = take(&d->ready[1])); d->air.searching++)
        append(&fetched, slot);
    for (; d->ready[0].first && (most > 0 || twc_slot_is_late(d->ready[0].first)); most--, d->air.creating++)
        append(&fetched, take(&d->ready[0]));
    twc_monitor_unlock(d->monitor);
    return fetched.first;
}

/* With the lock held: when the ledger is to take what landed. @return true: earlier than it knows */
static bool set_due(twc_desk_t *d, int before)
{
    apr_time_t now = twc_clock_ticks();

    if (d->landed.count >= ENOUGH || (d->air.creating == 0 && d->air.searching == 0)) {
        bool news = before == 0 || d->due_at > now;
        d->due_at = now;
        return news;
    }
    if (before == 0)
        d->due_at = now + GATHER;
    return before == 0;
}

void twc_desk_report(twc_desk_t *d, twc_slot_t *landed, const twc_air_t *air)
{
    int before;

    twc_monitor_lock(d->monitor);
    before = d->landed.count;
    while (landed) {
        twc_slot_t *next = landed->next;

        append(&d->landed, landed);
        landed = next;
    }
    d->air = *air;
    if (d->landed.count > 0 && set_due(d, before))
        twc_monitor_signal(d->monitor);
    twc_monitor_unlock(d->monitor);
}

void twc_desk_close(twc_desk_t *d)
{
    twc_monitor_lock(d->monitor);
    d->closed = true;
    twc_monitor_signal(d->monitor);
    twc_monitor_unlock(d->monitor);
}

void twc_desk_wake(twc_desk_t *d)
{
    twc_monitor_lock(d->monitor);
    d->woken = true;
    twc_monitor_signal(d->monitor);
    twc_monitor_unlock(d->monitor);
}
