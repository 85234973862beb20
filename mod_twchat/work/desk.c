/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * desk.c - hands slots from the ledger thread to the sender thread and back.
 * Must never hold its lock while anybody talks to PostgreSQL or to Twilio.
 * Called by ledger.c and sender.c.
 */
#include "util/clock.h"
#include "util/monitor.h"
#include "work/desk.h"

#define GATHER      apr_time_from_msec(5)   /* results wait so long for others */

struct twc_desk_t {
    twc_monitor_t *monitor;             /* guards all of it; the ledger waits here */
    twc_slots_t ready[2];               /* creates, searches */
    twc_slots_t landed, again;
    apr_time_t due_at;                  /* when what landed is to be taken, if anything did */
    twc_air_t air;
    bool woken, closed;
};

apr_status_t twc_desk_create(twc_desk_t **desk, apr_pool_t *pool)
{
    *desk = apr_pcalloc(pool, sizeof(**desk));
    return twc_monitor_create(&(*desk)->monitor, pool);
}

/* ---- the ledger's side -------------------------------------------------------------- */

void twc_desk_put_ready(twc_desk_t *d, twc_slots_t *slots)
{
    twc_slot_t *slot;

    twc_monitor_lock(d->monitor);
    while ((slot = twc_slots_take(slots)))
        twc_slots_add(&d->ready[slot->search], slot);
    twc_monitor_unlock(d->monitor);
}

void twc_desk_put_back(twc_desk_t *d, twc_slots_t *slots)
{
    twc_monitor_lock(d->monitor);
    twc_slots_move(slots, &d->ready[0]);
    twc_slots_move(&d->ready[0], slots);
    twc_monitor_unlock(d->monitor);
}

static bool is_due(const twc_desk_t *d)
{
    return d->landed.count > 0 && d->due_at <= twc_clock_ticks();
}

void twc_desk_wait(twc_desk_t *d, apr_time_t until, twc_news_t *news)
{
    twc_monitor_lock(d->monitor);
    while (!d->woken && !d->closed && !d->again.first && !is_due(d))
        if (!twc_monitor_wait_until(d->monitor, d->landed.count > 0 && d->due_at < until ? d->due_at : until)
            && twc_clock_ticks() >= until)
            break;
    *news = (twc_news_t){ .air = d->air, .ready = d->ready[0].count + d->again.count, .woken = d->woken, .closed = d->closed };
    if (d->closed || is_due(d))
        twc_slots_move(&news->landed, &d->landed);
    twc_slots_move(&news->again, &d->again);
    d->woken = false;
    twc_monitor_unlock(d->monitor);
}

/* ---- the sender's side ---------------------------------------------------------------- */

twc_slots_t twc_desk_fetch(twc_desk_t *d, int most)
{
    twc_slots_t fetched = { .count = 0 };

    twc_monitor_lock(d->monitor);
    /* They count as under way until the next report says so, so that nobody takes their places for free. */
    d->air.searching += d->ready[1].count;
    twc_slots_move(&fetched, &d->ready[1]);
    for (; d->ready[0].first && (most > 0 || twc_slot_is_late(d->ready[0].first)); most--, d->air.creating++)
        twc_slots_add(&fetched, twc_slots_take(&d->ready[0]));
    twc_monitor_unlock(d->monitor);
    return fetched;
}

void twc_desk_ask_again(twc_desk_t *d, twc_slots_t *slots)
{
    if (!slots->first)
        return;
    twc_monitor_lock(d->monitor);
    d->air.creating -= slots->count;    /* as they were fetched */
    twc_slots_move(&d->again, slots);
    twc_monitor_signal(d->monitor);
    twc_monitor_unlock(d->monitor);
}

/* With the lock held: when the ledger is to take what landed. */
static apr_time_t due(const twc_desk_t *d, bool is_first)
{
    if (d->landed.count >= TWC_DESK_BATCH || (d->air.creating == 0 && d->air.searching == 0))
        return twc_clock_ticks();
    return is_first ? twc_clock_ticks() + GATHER : d->due_at;
}

void twc_desk_report(twc_desk_t *d, twc_slots_t *landed, const twc_air_t *air)
{
    apr_time_t before;

    twc_monitor_lock(d->monitor);
    before = d->landed.count > 0 ? d->due_at : APR_INT64_MAX;
    twc_slots_move(&d->landed, landed);
    d->air = *air;
    if (d->landed.count > 0) {
        d->due_at = due(d, before == APR_INT64_MAX);
        if (d->due_at < before)         /* earlier than the ledger knows */
            twc_monitor_signal(d->monitor);
    }
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
