/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooler.c - in and out of a tenant's spool.
 * Must never tell a caller that a call is safe before the disk has it.
 * Called by work.c on the threads of requests; the replay runs on a thread of its own.
 */
#include <apr_atomic.h>

#include "domain/call.h"
#include "spool/spool.h"
#include "store/db.h"
#include "util/clock.h"
#include "work/batch.h"
#include "work/replay.h"
#include "work/spooler.h"

#define TICK        apr_time_from_sec(1)    /* other processes' records are looked for so often */
#define AWAY_PAUSE  (250 * 1000)            /* between tries while the database is away */
#define KEEP_MOST   (250 * 1000)            /* a caller waits at most so long for its call to be replayed */
#define KEEP_STEP   5000
#define REFUSES_FOR apr_time_from_sec(5)    /* a spool that could not take one call is not counted on for so long */
#define PATIENCE    apr_time_from_sec(3)    /* for a place among those that share a sync; with the lock's two seconds Twilio can wait for it */
#define TELL_EVERY  apr_time_from_sec(10)   /* the same trouble is told once in this time */

struct twc_spooler_t {
    twc_thread_env_t env;
    twc_spool_t *spool;
    twc_batch_t *appends;
    twc_thread_t *thread;
    void (*wake)(void *, unsigned);
    void *wake_baton;
    volatile apr_uint32_t moving;       /* the thread's last round stored something */
    volatile apr_uint32_t failing;      /* it did not: the thread knows itself when to try again */
    volatile apr_uint64_t refuses_until;    /* ticks */
    volatile apr_uint64_t told_full, told_used;     /* ticks */
    bool stuck_told;                    /* of the replay; by its thread alone */
};

/* One caller's call on its way in. */
typedef struct entry_t {
    twc_spooler_t *spooler;
    twc_str_t payload;
    apr_uint64_t end;                   /* out: its position */
} entry_t;

/* ---- in -------------------------------------------------------------------------------------- */

/* Is it time to tell it again? */
static bool is_news(volatile apr_uint64_t *told_at)
{
    apr_uint64_t now = (apr_uint64_t)twc_clock_ticks(), before = apr_atomic_read64(told_at);

    return now - before >= TELL_EVERY && apr_atomic_cas64(told_at, now, before) == before;
}

static apr_status_t explain(twc_spooler_t *s, twc_ctx_t *ctx, apr_status_t rv)
{
    char words[120];

    if (rv == APR_ENOSPC)
        rv = twc_problem(ctx, APR_EAGAIN, "spool_full", "The database takes no calls now, and the spool is full.");
    else {
        apr_strerror(rv, words, sizeof(words));
        rv = twc_problem(ctx, APR_EAGAIN, "spool_unwritable",
                         "The database takes no calls now, and the spool cannot be written.");
        ctx->problem->internal = apr_pstrdup(ctx->pool, words);
    }
    apr_atomic_set64(&s->refuses_until, (apr_uint64_t)(twc_clock_ticks() + REFUSES_FOR));
    if (is_news(&s->told_full))
        twc_thread_log(&s->env, TWC_LOG_ERR, ctx, "TWC2601", "webhooks that the database does not take are refused");
    return rv;
}

static apr_status_t append(twc_ctx_t *ctx, void **items, int count)
{
    twc_spooler_t *s = ((entry_t *)items[0])->spooler;
    twc_str_t payloads[TWC_BATCH_MAX] = { { NULL, 0 } };
    apr_uint64_t end;
    apr_status_t rv;

    for (int i = 0; i < count; i++)
        payloads[i] = ((entry_t *)items[i])->payload;
    rv = twc_spool_append(s->spool, payloads, count, &end);
    if (rv != APR_SUCCESS)
        return explain(s, ctx, rv);
    for (int i = 0; i < count; i++)
        ((entry_t *)items[i])->end = end;
    if (is_news(&s->told_used))
        twc_thread_log(&s->env, TWC_LOG_WARNING, NULL, "TWC2602", "the database takes no webhooks: they go to the spool");
    return APR_SUCCESS;
}

/* Does somebody, here or in another process, move the backlog? Then give them a head start. */
static void keep_back(twc_spooler_t *s, apr_uint64_t end)
{
    apr_uint64_t before = twc_spool_replayed(s->spool);
    apr_time_t until = twc_clock_ticks() + KEEP_MOST;

    while (twc_spool_replayed(s->spool) < end && twc_clock_ticks() < until) {
        apr_sleep(KEEP_STEP);
        if (!apr_atomic_read32(&s->moving) && twc_spool_replayed(s->spool) == before)
            return;
    }
}

apr_status_t twc_spooler_keep(twc_spooler_t *s, twc_ctx_t *ctx, const twc_call_t *call)
{
    entry_t entry = { .spooler = s, .payload = twc_call_encode(ctx->pool, call) };
    apr_status_t rv;

    if (!entry.payload.data)
        return twc_problem(ctx, APR_EGENERAL, "unencodable", "The call cannot be written down.");
    rv = twc_batch_do(s->appends, ctx, &entry);
    if (rv == APR_TIMEUP) {             /* a sync that takes so long */
        twc_problem_clear(ctx);
        return explain(s, ctx, rv);
    }
    TWC_TRY(rv);
    if (!apr_atomic_read32(&s->failing))
        twc_thread_wake(s->thread);
    keep_back(s, entry.end);
    return APR_SUCCESS;
}

static bool refuses(const twc_spooler_t *s)
{
    return apr_atomic_read64((volatile apr_uint64_t *)&s->refuses_until) > (apr_uint64_t)twc_clock_ticks();
}

bool twc_spooler_first(const twc_spooler_t *s)
{
    return s && twc_spool_pending(s->spool) && !refuses(s);
}

/* ---- out --------------------------------------------------------------------------------------- */

static void report(twc_spooler_t *s, const twc_replayed_t *done)
{
    if (done->failed)
        twc_thread_log(&s->env, TWC_LOG_ERR, NULL, "TWC2603", "%d webhooks from the spool were refused by the database; "
                       "the journal has them (twchatctl journal list --verdict failed)", done->failed);
    if (done->damaged)
        twc_thread_log(&s->env, TWC_LOG_ERR, NULL, "TWC2604", "%d stretches of the spool could not be read; "
                       "the segment they are in is kept there as damaged-* when the rest of it is stored", done->damaged);
}

static apr_status_t one_round(twc_spooler_t *s, twc_thread_t *thread, apr_int64_t *stored)
{
    twc_replayed_t done;
    twc_ctx_t ctx;
    apr_status_t rv;

    apr_pool_clear(twc_thread_scratch(thread));
    twc_ctx_init(&ctx, twc_thread_scratch(thread), s->env.db, s->env.conf);
    rv = twc_replay_some(&ctx, s->spool, &done);
    apr_atomic_set32(&s->moving, rv == APR_SUCCESS && done.stored > 0);
    apr_atomic_set32(&s->failing, rv != APR_SUCCESS);
    if (rv == APR_SUCCESS) {
        *stored += done.stored;
        s->stuck_told = false;
        report(s, &done);
        s->wake(s->wake_baton, ctx.wake);
    }
    else if (!twc_db_is_away(&ctx) && !s->stuck_told) {
        s->stuck_told = true;
        twc_thread_log(&s->env, TWC_LOG_ERR, &ctx, "TWC2605", "the spool cannot be replayed now; it is tried again");
    }
    return rv;
}

/* As long as it goes forward and nobody has passed us by. The claim is held. */
static apr_status_t drain(twc_spooler_t *s, twc_thread_t *thread)
{
    apr_int64_t stored = 0;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && twc_spool_pending(s->spool) && twc_spool_holds(s->spool) && !twc_thread_stopping(thread))
        rv = one_round(s, thread, &stored);
    apr_atomic_set32(&s->moving, 0);
    if (stored > 0)
        twc_thread_log(&s->env, TWC_LOG_INFO, NULL, "TWC2606", "%" APR_INT64_T_FMT " webhooks from the spool are in the database",
                       stored);
    return rv;
}

static void spooler_thr_main(twc_thread_t *thread, void *baton)
{
    twc_spooler_t *s = baton;

    while (!twc_thread_stopping(thread)) {
        apr_interval_time_t pause = TICK;

        twc_spool_tidy(s->spool);
        if (twc_spool_pending(s->spool)) {
            pause = AWAY_PAUSE;
            if (twc_spool_claim(s->spool) == APR_SUCCESS) {
                (void)drain(s, thread);
                twc_spool_release(s->spool);
            }
        }
        twc_thread_sleep(thread, pause);
    }
}

/* ---- life ---------------------------------------------------------------------------------------- */

apr_status_t twc_spooler_create(twc_spooler_t **spooler, apr_pool_t *pool, const twc_thread_env_t *env,
                                void (*wake)(void *, unsigned), void *wake_baton, const char **reason)
{
    twc_spooler_t *s = apr_pcalloc(pool, sizeof(*s));

    s->env = *env;
    s->wake = wake;
    s->wake_baton = wake_baton;
    *reason = "out of memory";
    TWC_TRY(twc_batch_create(&s->appends, pool, 1, append, NULL));
    twc_batch_set_patience(s->appends, PATIENCE);
    TWC_TRY(twc_thread_create(&s->thread, pool, "spool", spooler_thr_main, s));
    TWC_TRY(twc_spool_open(&s->spool, pool, env->conf->spool_dir, (apr_uint64_t)env->conf->spool_max, reason));
    *spooler = s;
    return APR_SUCCESS;
}

apr_status_t twc_spooler_start(twc_spooler_t *s)
{
    return twc_thread_start(s->thread);
}

twc_thread_t *twc_spooler_thread(twc_spooler_t *s)
{
    return s ? s->thread : NULL;
}
