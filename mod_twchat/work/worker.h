/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * worker.h - what the files of a sender thread share; nobody else includes it. sender.c is the loop and the life of the
 * threads, results.c writes down how attempts ended, search.c looks for messages whose outcome is unknown.
 */
#ifndef TWC_WORK_WORKER_H
#define TWC_WORK_WORKER_H

#include "work/flight.h"
#include "work/sender.h"

#define TWC_WORKER_POLL         apr_time_from_sec(1)
#define TWC_WORKER_PAUSE_MIN    apr_time_from_msec(100)     /* while the database fails us */

typedef struct twc_worker_t {
    twc_sender_t *sender;
    twc_thread_t *thread;
    apr_pool_t *pool;                   /* of the thread; gone with it */
    twc_flight_t *flight;
    volatile apr_uint32_t woken;
    twc_slot_t *results;                /* judged, not written down yet */
    twc_slot_t **results_end;
    double window;                      /* requests at once Twilio seems to bear */
    apr_uint64_t halved_after;          /* the last request that had begun when window was halved */
    apr_interval_time_t step;           /* next pause after a claim that found rows it could not take */
    bool queued;                        /* the last look saw something that waits */
    apr_time_t claim_at, claimed_at, promote_at, search_at, early_at, write_at;
    apr_time_t rest_until;              /* no claims before: Twilio or the database asked for a pause */
    apr_interval_time_t db_pause;       /* not 0: the database fails us */
    apr_time_t throttle_told_at;
} twc_worker_t;

struct twc_sender_t {
    twc_thread_env_t env;
    twc_waiters_t *waiters;
    void (*wake)(void *, unsigned);
    void *wake_baton;
    apr_pool_t *pool;
    apr_thread_mutex_t *mutex;          /* guards workers against being woken while they are taken down, and stop_at */
    apr_time_t stop_at;                 /* set before the threads are told */
    twc_worker_t *workers;
    int count;
};

/** A context for one statement, in the round's scratch pool. */
void twc_worker_context(twc_worker_t *worker, twc_ctx_t *ctx);

/** How long a claim is ours. */
apr_interval_time_t twc_worker_lease(const twc_worker_t *worker);

/* ---- results.c ---- */

/** The database failed us: say so once, and wait longer each time. */
void twc_worker_tell_db(twc_worker_t *worker, const twc_ctx_t *ctx, const char *what);
/** It works (again). */
void twc_worker_db_works(twc_worker_t *worker);
/** Log what was decided about an attempt, as far as somebody wants to know. */
void twc_worker_tell(twc_worker_t *worker, const twc_slot_t *slot);
/** Its settle is complete: write it down with the next batch. */
void twc_worker_add(twc_worker_t *worker, twc_slot_t *slot);
/** Write down what there is; what the database does not take stays. */
void twc_worker_write(twc_worker_t *worker);

/* ---- search.c ---- */

/** Begin to look for messages whose outcome is unknown, when it is time. */
void twc_search_start(twc_worker_t *worker, apr_time_t now);
/** Judge a page of Twilio's list. @return false: another page is read, there is no result yet */
bool twc_search_judge(twc_worker_t *worker, twc_slot_t *slot);

#endif
