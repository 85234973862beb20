/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * event.c - a ring of the last things that happened, and who waits for the next.
 * Must never take box->lock: writers hold it.
 * Called by the API, the walk and the postman (push) and the control resource (read).
 */
#include <apr_thread_cond.h>

#include "event.h"

#define RING 4096
#define WAITERS_MAX 32

struct sb_events_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *more;
    sb_event_t ring[RING];              /* id n lives at n % RING */
    apr_uint64_t base, last;            /* base: the last id before the first event */
    int waiters;
    bool stopped;
};

sb_events_t *sb_events_create(apr_pool_t *pool)
{
    sb_events_t *events = apr_pcalloc(pool, sizeof(*events));

    apr_thread_mutex_create(&events->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    apr_thread_cond_create(&events->more, pool);
    /* Ids go on rising over a restart, so that an open page notices and does not wait for ever. */
    events->base = events->last = (apr_uint64_t)apr_time_as_msec(apr_time_now());
    return events;
}

void sb_events_push(sb_events_t *events, sb_event_e type, const char *sid)
{
    sb_event_t *event;

    apr_thread_mutex_lock(events->lock);
    event = &events->ring[++events->last % RING];
    event->id = events->last;
    event->type = type;
    apr_cpystrn(event->sid, sid, sizeof(event->sid));
    if (events->waiters)
        apr_thread_cond_broadcast(events->more);
    apr_thread_mutex_unlock(events->lock);
}

void sb_events_stop(sb_events_t *events)
{
    apr_thread_mutex_lock(events->lock);
    events->stopped = true;
    apr_thread_cond_broadcast(events->more);
    apr_thread_mutex_unlock(events->lock);
}

static void wait_for_more(sb_events_t *events, apr_uint64_t after, apr_interval_time_t wait)
{
    apr_time_t until = apr_time_now() + wait;

    if (events->waiters >= WAITERS_MAX)
        return;
    events->waiters++;
    while (events->last == after && !events->stopped && apr_time_now() < until)
        apr_thread_cond_timedwait(events->more, events->lock, until - apr_time_now());
    events->waiters--;
}

int sb_events_read(sb_events_t *events, apr_uint64_t after, apr_interval_time_t wait,
                   sb_event_t *out, int max, apr_uint64_t *last, bool *lost)
{
    int count = 0;

    apr_thread_mutex_lock(events->lock);
    if (wait > 0)
        wait_for_more(events, after, wait);
    *lost = after > events->last || after < events->base || events->last - after > RING;
    for (apr_uint64_t id = after + 1; !*lost && id <= events->last && count < max; id++)
        out[count++] = events->ring[id % RING];
    *last = count == max && max > 0 ? out[count - 1].id : events->last;
    apr_thread_mutex_unlock(events->lock);
    return count;
}
