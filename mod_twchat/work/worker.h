/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * worker.h - what the files of a sender share; nobody else includes it. A worker is two threads with a desk between them: sender.c
 * talks to Twilio and never waits for the database, ledger.c claims and writes down, and never waits for Twilio. results.c tells
 * people and writes results for the ledger, search.c looks for messages whose outcome is unknown, on both.
 */
#ifndef TWC_WORK_WORKER_H
#define TWC_WORK_WORKER_H

#include "work/desk.h"
#include "work/sender.h"

#define TWC_WORKER_POLL         apr_time_from_sec(1)
#define TWC_WORKER_PAUSE_MIN    apr_time_from_msec(100)     /* while the database fails us */
#define TWC_WORKER_DRAIN        apr_time_from_msec(2500)    /* for what is under way when we are stopped */

/** A sender of ours that Twilio has refused for what it is. */
typedef struct twc_refused_t {
    char sender[64];                    /* the key of its bucket, or the beginning of it */
    apr_time_t until;                   /* claims from before then do not know yet that it rests; by twc_clock_ticks */
} twc_refused_t;

#define TWC_REFUSED_MAX 16

typedef struct twc_worker_t {
    twc_sender_t *sender;
    twc_desk_t *desk;
    twc_thread_t *sending, *ledger;

    /* the sending thread's */
    apr_pool_t *pool;                   /* gone with it */
    twc_flight_t *flight;
    double window;                      /* requests at once Twilio seems to bear */
    apr_uint64_t halved_after;          /* the last request that had begun when window was halved */
    twc_refused_t refused[TWC_REFUSED_MAX];     /* the latest ones, in a ring */
    unsigned refusals;
    apr_time_t rest_until;              /* no requests before: Twilio asked for a pause */
    apr_time_t throttle_told_at;

    /* the ledger's */
    twc_slots_t free[2];                /* creates, searches */
    twc_slots_t results;                /* judged, not written down yet */
    apr_interval_time_t step;           /* next pause after a claim that found rows it could not take */
    bool queued;                        /* the last look saw something that waits */
    apr_time_t claim_at, claimed_at, promote_at, search_at, early_at, write_at;
    apr_time_t retry_at;                /* no claims before: the database failed us, or others are to have it first */
    apr_interval_time_t db_pause;       /* not 0: it still fails us */
    bool rests;                         /* one of the results makes a sender rest */
} twc_worker_t;

struct twc_sender_t {
    twc_thread_env_t env;
    twc_waiters_t *waiters;
    void (*wake)(void *, unsigned);
    void *wake_baton;
    apr_pool_t *pool;
    apr_thread_mutex_t *mutex;          /* guards flights against being woken while they are taken down, and stop_at */
    apr_int64_t cli;                    /* the message this is about: twc_outbox_claim; 0: all */
    apr_time_t stop_at;                 /* set before the threads are told */
    apr_uint32_t asking;                /* atomic: ledgers that are, or may be, at the database */
    twc_worker_t *workers;
    int count;
};

/* ---- ledger.c ---- */

/** The ledger's thread; baton: its worker. Ends when the desk is closed and what landed is written down, as far as that can be. */
void twc_ledger_main(twc_thread_t *thread, void *worker);
/** How long a claim is ours: for a request's time-out, and a margin that is longer than it may have waited for its request. */
apr_interval_time_t twc_ledger_lease(const twc_worker_t *worker);
/** A context for one statement, in the round's scratch pool. */
void twc_ledger_context(twc_worker_t *worker, twc_ctx_t *ctx);
/** A free slot of this kind with a copy of claim; NULL: there is none, or no memory. Then its lease brings the message back. */
twc_slot_t *twc_ledger_fill(twc_worker_t *worker, bool search, const twc_claim_t *claim);
/** Lay slots on the desk, and say so. */
void twc_ledger_hand_over(twc_worker_t *worker, twc_slots_t *ready);

/* ---- results.c ---- */

/** Log what was decided about an attempt, as far as somebody wants to know. Whoever judged it calls. */
void twc_worker_tell(twc_worker_t *worker, const twc_slot_t *slot);
/** A request that never left us: the message may be sent, or looked for, by anybody. */
void twc_worker_unsent(twc_slot_t *slot);

/* the ledger's: */

/** The database failed us: say so once, and wait longer each time. */
void twc_worker_tell_db(twc_worker_t *worker, const twc_ctx_t *ctx, const char *what);
/** It works (again). */
void twc_worker_db_works(twc_worker_t *worker);
/** Write down what there is; what the database does not take stays, and what there is no time for when we are stopped. */
void twc_worker_write(twc_worker_t *worker);
/** We are stopped, and the time for what was under way is over. */
bool twc_worker_is_out_of_time(const twc_worker_t *worker);

/* ---- search.c ---- */

/** The ledger: take messages whose outcome is unknown, when it is time, and have them looked for. */
void twc_search_start(twc_worker_t *worker, apr_time_t now);
/** The sender: a page of Twilio's list landed. @return false: another page is read, nothing to report yet */
bool twc_search_landed(twc_worker_t *worker, twc_slot_t *slot);
/** The ledger: judge what was read. */
void twc_search_judge(twc_worker_t *worker, twc_slot_t *slot);

#endif
