/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sender.c - the threads that send, and their loop: claim, send, judge, write down.
 * Must never start a request before its claim is committed.
 * Started by work.c.
 */
#include <apr_atomic.h>
#include <apr_thread_mutex.h>

#include "util/clock.h"
#include "work/verdict.h"
#include "work/worker.h"

#define THREADS_MAX     8
#define SEARCHES        8               /* searches in Twilio's list at once, per thread */
#define LEASE_MARGIN    apr_time_from_sec(15)
#define CLAIM_MAX       250
#define CLAIM_GAP       apr_time_from_msec(4)   /* gather free slots for so long, unless many are free */
#define STEP_MIN        apr_time_from_msec(20)
#define STEP_MAX        apr_time_from_msec(500)
#define EARLY_EVERY     apr_time_from_sec(10)
#define DRAIN           apr_time_from_sec(3)

/* ---- what the files of a worker share ----------------------------------------------------- */

void twc_worker_context(twc_worker_t *w, twc_ctx_t *ctx)
{
    twc_ctx_init(ctx, twc_thread_scratch(w->thread), w->sender->env.db, w->sender->env.conf);
}

apr_interval_time_t twc_worker_lease(const twc_worker_t *w)
{
    return w->sender->env.conf->send_timeout + LEASE_MARGIN;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Twilio bears so many requests at once and says 429 beyond: halve, once for all that were under way then, and feel
 * the way up again. */
static void adapt(twc_worker_t *w, const twc_slot_t *slot)
{
    apr_time_t now = twc_clock_ticks();

    if (slot->outcome.http_status == 429) {
        apr_interval_time_t rest = slot->outcome.retry_after ? slot->outcome.retry_after : twc_backoff(1) / 4;

        if (slot->number > w->halved_after) {
            w->window = w->window > 2 ? w->window / 2 : 1;
            w->halved_after = twc_flight_started(w->flight);
        }
        w->rest_until = now + rest;
    }
    else if (slot->outcome.sid && w->window < w->sender->env.conf->in_flight)
        w->window += 0.1;
}

static void judge(twc_worker_t *w, twc_slot_t *slot)
{
    adapt(w, slot);
    if (slot->search) {
        if (!twc_search_judge(w, slot))
            return;
    }
    else
        twc_verdict_create(&slot->claim, &slot->outcome, slot->claim.attempted_at - slot->claim.due_at,
                           w->sender->env.conf, &slot->settle);
    twc_worker_tell(w, slot);
    twc_worker_add(w, slot);
}

static void judge_all(twc_worker_t *w, twc_slot_t *landed)
{
    while (landed) {
        twc_slot_t *next = landed->next;

        judge(w, landed);
        landed = next;
    }
}

/* ---- work ------------------------------------------------------------------------------------ */

/* From here on the row says "sending". A process that slept through half its lease does not write the request any more:
 * when the other half is over somebody else looks for the message, and sends it again. */
static void send_one(twc_worker_t *w, const twc_claim_t *claim, const twc_since_t *claimed)
{
    twc_slot_t *slot = twc_flight_take(w->flight, claim, false);

    if (!slot)
        return;                         /* no memory: its lease brings it back */
    slot->since = *claimed;
    slot->within = twc_worker_lease(w) / 2;
    if (claim->opted_out)
        twc_verdict_opted_out(&slot->claim, &slot->settle);
    else if (twc_flight_start(w->flight, slot) != APR_SUCCESS)
        twc_verdict_unsent(&slot->claim, &slot->settle);
    else
        return;
    twc_worker_tell(w, slot);
    twc_worker_add(w, slot);
}

static int room(const twc_worker_t *w)
{
    int window = (int)w->window - twc_flight_flying(w->flight), free_slots = twc_flight_free(w->flight, false);
    int n = window < free_slots ? window : free_slots;

    return n < CLAIM_MAX ? n : CLAIM_MAX;
}

/* Nothing, or not all we asked for: when is it worth asking again? */
static void plan_next_claim(twc_worker_t *w, twc_ctx_t *ctx, int count)
{
    apr_interval_time_t wait = TWC_WORKER_POLL;

    if (count > 0)
        w->step = STEP_MIN;
    if (twc_outbox_outlook(ctx, TWC_WORKER_POLL, &wait) != APR_SUCCESS)
        wait = TWC_WORKER_POLL;
    w->queued = wait < TWC_WORKER_POLL;
    if (wait < w->step && w->queued) {
        wait = w->step;                 /* something holds it back that time alone does not end */
        w->step = w->step * 2 < STEP_MAX ? w->step * 2 : STEP_MAX;
    }
    w->claim_at = twc_clock_ticks() + wait;
}

static void claim(twc_worker_t *w, int limit)
{
    twc_claim_t *claims;
    twc_ctx_t ctx;
    int count;
    twc_since_t asked = twc_clock_mark();

    twc_worker_context(w, &ctx);
    if (twc_outbox_claim(&ctx, limit, twc_worker_lease(w), &claims, &count) != APR_SUCCESS) {
        twc_worker_tell_db(w, &ctx, "nothing can be claimed");
        w->rest_until = twc_clock_ticks() + w->db_pause;
        return;
    }
    twc_worker_db_works(w);
    w->claimed_at = asked.ticks;
    for (int i = 0; i < count; i++)
        send_one(w, &claims[i], &asked);
    judge_all(w, twc_flight_run(w->flight, 0));     /* off with them: Twilio works while we ask and write */
    if (count < limit)
        plan_next_claim(w, &ctx, count);
}

static void maybe_claim(twc_worker_t *w)
{
    apr_time_t now = twc_clock_ticks();
    int n = room(w);

    if (apr_atomic_xchg32(&w->woken, 0)) {
        w->claim_at = 0;
        w->step = STEP_MIN;
    }
    if (n <= 0 || now < w->claim_at || now < w->rest_until || (w->results && w->db_pause))
        return;
    if (n < (int)w->window / 8 && now - w->claimed_at < CLAIM_GAP)
        return;
    claim(w, n);
}

static void chores(twc_worker_t *w)
{
    apr_time_t now = twc_clock_ticks();
    twc_ctx_t ctx;
    int count = 0;

    if (w->db_pause != 0)
        return;
    if (now >= w->promote_at) {
        w->promote_at = now + TWC_WORKER_POLL;
        twc_worker_context(w, &ctx);
        if (twc_outbox_promote(&ctx, &count) == APR_SUCCESS && count > 0) {
            w->claim_at = w->claim_at < now ? w->claim_at : now;
            w->promote_at = count < TWC_PROMOTE_MAX ? w->promote_at : now;
            w->sender->wake(w->sender->wake_baton, ctx.wake);
        }
    }
    if (now >= w->early_at) {
        w->early_at = now + EARLY_EVERY;
        twc_worker_context(w, &ctx);
        if (twc_outbox_early(&ctx) == APR_SUCCESS && ctx.wake)
            w->sender->wake(w->sender->wake_baton, ctx.wake);
    }
    twc_search_start(w, now);
}

/* ---- the loop --------------------------------------------------------------------------------- */

static apr_time_t next_claim(const twc_worker_t *w)
{
    apr_time_t at = w->claim_at > w->rest_until ? w->claim_at : w->rest_until, gathered = w->claimed_at + CLAIM_GAP;

    return at > gathered ? at : gathered;
}

static apr_interval_time_t sleep_time(const twc_worker_t *w)
{
    apr_time_t now = twc_clock_ticks(), until = now + TWC_WORKER_POLL;

    if (w->results && w->write_at < until)
        until = w->write_at;
    if (!(w->results && w->db_pause) && room(w) > 0 && next_claim(w) < until)
        until = next_claim(w);
    if (w->db_pause == 0 && w->search_at < until && twc_flight_free(w->flight, true) > 0)
        until = w->search_at;
    return until > now ? until - now : 0;
}

static void round_trip(twc_worker_t *w)
{
    apr_pool_clear(twc_thread_scratch(w->thread));
    chores(w);
    judge_all(w, twc_flight_run(w->flight, sleep_time(w)));
    maybe_claim(w);
    twc_worker_write(w);
}

/* Cut off what is still under way: what never left us is queued again, the rest is looked for. */
static void cut_off(twc_worker_t *w)
{
    twc_slot_t *slot = twc_flight_abort(w->flight), *next;

    for (; slot; slot = next) {
        next = slot->next;
        if (slot->search)
            twc_verdict_unread(&slot->claim, &slot->outcome, &slot->settle);
        else if (slot->outcome.sent)
            twc_verdict_cut(&slot->claim, &slot->settle);
        else
            twc_verdict_unsent(&slot->claim, &slot->settle);
        twc_worker_tell(w, slot);
        twc_worker_add(w, slot);
    }
}

static void drain(twc_worker_t *w)
{
    apr_time_t until = w->sender->stop_at + DRAIN;

    while (twc_clock_ticks() < until && (twc_flight_flying(w->flight) > 0 || w->results)) {
        apr_pool_clear(twc_thread_scratch(w->thread));
        judge_all(w, twc_flight_run(w->flight, w->results ? TWC_WORKER_PAUSE_MIN : until - twc_clock_ticks()));
        twc_worker_write(w);
    }
    cut_off(w);
    w->write_at = 0;
    twc_worker_write(w);
}

static void sender_thr_main(twc_thread_t *thread, void *baton)
{
    twc_worker_t *w = baton;

    while (!twc_thread_stopping(thread))
        round_trip(w);
    drain(w);
}

/* ---- life -------------------------------------------------------------------------------------- */

static int thread_count(const twc_conf_t *conf)
{
    return conf->senders < 1 ? 1 : conf->senders > THREADS_MAX ? THREADS_MAX : conf->senders;
}

/* More than requests: a result that waits to be written must not keep a place in the air. */
static int create_slots(const twc_conf_t *conf)
{
    return conf->in_flight * 3 / 2 + 8;
}

int twc_sender_descriptors(const twc_conf_t *conf)
{
    return conf->account_sid ? thread_count(conf) * (create_slots(conf) + SEARCHES) : 0;
}

static apr_status_t create_worker(twc_sender_t *s, twc_worker_t *w, int number)
{
    w->sender = s;
    w->results_end = &w->results;
    w->window = s->env.conf->in_flight;
    w->step = STEP_MIN;
    return twc_thread_create(&w->thread, s->pool, apr_psprintf(s->pool, "sender %d", number), sender_thr_main, w);
}

apr_status_t twc_sender_create(twc_sender_t **sender, apr_pool_t *pool, const twc_thread_env_t *env,
                               twc_waiters_t *waiters, void (*wake)(void *baton, unsigned what), void *wake_baton)
{
    twc_sender_t *s = apr_pcalloc(pool, sizeof(*s));
    int threads = thread_count(env->conf);

    *s = (twc_sender_t){ .env = *env, .waiters = waiters, .wake = wake, .wake_baton = wake_baton, .pool = pool };
    s->workers = apr_pcalloc(pool, threads * sizeof(*s->workers));
    s->count = threads;
    TWC_TRY(apr_thread_mutex_create(&s->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    for (int i = 0; i < threads; i++)
        TWC_TRY(create_worker(s, &s->workers[i], i + 1));
    *sender = s;
    return APR_SUCCESS;
}

static apr_status_t start_worker(const twc_sender_t *s, twc_worker_t *w)
{
    if (!w->pool)
        TWC_TRY(twc_thread_pool(&w->pool));
    if (!w->flight)
        TWC_TRY(twc_flight_create(&w->flight, w->pool, s->env.conf, create_slots(s->env.conf), SEARCHES));
    return twc_thread_start(w->thread);
}

apr_status_t twc_sender_start(twc_sender_t *s)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(s->mutex);
    for (int i = 0; i < s->count && rv == APR_SUCCESS; i++)
        rv = start_worker(s, &s->workers[i]);
    apr_thread_mutex_unlock(s->mutex);
    return rv;
}

void twc_sender_wake(twc_sender_t *s)
{
    apr_thread_mutex_lock(s->mutex);
    for (int i = 0; i < s->count; i++) {
        twc_worker_t *w = &s->workers[i];

        if (w->flight && apr_atomic_xchg32(&w->woken, 1) == 0)
            twc_flight_wake(w->flight);
    }
    apr_thread_mutex_unlock(s->mutex);
}

void twc_sender_stop(twc_sender_t *s)
{
    apr_thread_mutex_lock(s->mutex);
    if (!s->stop_at)
        s->stop_at = twc_clock_ticks();
    for (int i = 0; i < s->count; i++) {
        twc_thread_stop(s->workers[i].thread);
        if (s->workers[i].flight)
            twc_flight_wake(s->workers[i].flight);
    }
    apr_thread_mutex_unlock(s->mutex);
}

void twc_sender_join(twc_sender_t *s, apr_time_t deadline)
{
    twc_sender_stop(s);
    for (int i = 0; i < s->count; i++) {
        twc_worker_t *w = &s->workers[i];
        apr_pool_t *pool = w->pool;

        if (!twc_thread_join(w->thread, deadline)) {
            twc_thread_log(&s->env, TWC_LOG_WARNING, NULL, "TWC3010", "%s did not end in time", twc_thread_name(w->thread));
            continue;
        }
        apr_thread_mutex_lock(s->mutex);
        w->flight = NULL;
        w->pool = NULL;
        apr_thread_mutex_unlock(s->mutex);
        if (pool)
            apr_pool_destroy(pool);
    }
}
