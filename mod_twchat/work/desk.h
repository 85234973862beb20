/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * desk.h - what passes between the two threads of a sender. A slot goes round: the ledger fills a free one with a claim -> ready ->
 * the sender sends it -> landed -> the ledger writes down how it ended, and it is free. Whoever took it from the desk holds
 * it. All functions are for any thread.
 */
#ifndef TWC_WORK_DESK_H
#define TWC_WORK_DESK_H

#include "work/flight.h"

typedef struct twc_desk_t twc_desk_t;

/** What the sender says of itself. */
typedef struct twc_air_t {
    int creating, searching;            /* requests under way */
    int window;                         /* so many creates at once Twilio seems to bear */
    apr_time_t rest_until;              /* Twilio asked for a pause; by twc_clock_ticks */
} twc_air_t;

/** What the ledger finds. */
typedef struct twc_news_t {
    twc_slots_t landed;                 /* in the order they were reported; now the caller's */
    twc_slots_t again;                  /* creates whose recipients' consent is to be looked up again; as well */
    twc_air_t air;
    int ready;                          /* creates nobody has fetched yet, or that came back in `again` */
    bool woken;                         /* something was queued */
    bool closed;                        /* nothing will land any more */
} twc_news_t;

/** So many results are worth a statement. */
#define TWC_DESK_BATCH 64

/** An empty desk: it can be woken and closed. Lives as long as pool. */
apr_status_t twc_desk_create(twc_desk_t **desk, apr_pool_t *pool);

/* ---- the ledger's side ---- */

/** Lay filled ones on it, to be fetched in this order. */
void twc_desk_put_ready(twc_desk_t *desk, twc_slots_t *slots);
/** The same for what came back in `again`: to be fetched before the others. */
void twc_desk_put_back(twc_desk_t *desk, twc_slots_t *slots);
/**
 * Wait until what landed is enough for a statement, or waits long enough, or nothing else is under way; until something came back,
 * the desk was woken or closed; at most until `until`. What had come before counts.
 */
void twc_desk_wait(twc_desk_t *desk, apr_time_t until, twc_news_t *news);

/* ---- the sender's side ---- */

/** All searches that are ready, up to `most` creates, and those that have waited too long. */
twc_slots_t twc_desk_fetch(twc_desk_t *desk, int most);
/** Give these creates back, for another look at their recipients' consent. */
void twc_desk_ask_again(twc_desk_t *desk, twc_slots_t *slots);
/** Hand over what landed, and say how things are. */
void twc_desk_report(twc_desk_t *desk, twc_slots_t *landed, const twc_air_t *air);
/** The last word. */
void twc_desk_close(twc_desk_t *desk);

/** Something was queued. */
void twc_desk_wake(twc_desk_t *desk);

#endif
