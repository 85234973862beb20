/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sender.c - the loop of a sender thread: claim, send, judge, write down.
 * Must never start a request before its claim is committed, nor forget a result while the database is away.
 * Started by work.c.
 */
#include <stdlib.h>

#include <apr_atomic.h>
#include <apr_thread_mutex.h>

#include "twilio/error.h"
#include "util/clock.h"
#include "util/mask.h"
#include "work/flight.h"
#include "work/sender.h"
#include "work/verdict.h"

#define THREADS_MAX     8
#define SEARCHES        8               /* searches in Twilio's list at once, per thread */
#define SEARCH_PAGES    10
#define LEASE_MARGIN    apr_time_from_sec(15)
#define BATCH_MAX       64              /* results per statement */
#define CLAIM_MAX       250
#define CLAIM_GAP       apr_time_from_msec(4)   /* gather free slots for so long, unless many are free */
#define POLL            apr_time_from_sec(1)
#define STEP_MIN        apr_time_from_msec(20)
#define STEP_MAX        apr_time_from_msec(500)
#define EARLY_EVERY     apr_time_from_sec(10)
#define DB_PAUSE_MIN    apr_time_from_msec(100)
#define DB_PAUSE_MAX    apr_time_from_sec(2)
#define DRAIN           apr_time_from_sec(3)
#define TELL_EVERY      apr_time_from_sec(10)

typedef struct worker_t {
    twc_sender_t *sender;
    twc_thread_t *thread;               /* for those who stop and join it */
    twc_thread_t *self;                 /* for the thread itself */
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
} worker_t;

struct twc_sender_t {
    twc_thread_env_t env;
    twc_waiters_t *waiters;
    void (*wake)(void *, unsigned);
    void *wake_baton;
    apr_pool_t *pool;
    apr_thread_mutex_t *mutex;          /* guards workers against being woken while they are taken down */
    worker_t *workers;
    int count;
};

/* ---- telling people ------------------------------------------------------------------ */

static void tell_db(worker_t *w, const twc_ctx_t *ctx, const char *what)
{
    if (w->db_pause == 0)
        twc_thread_log(&w->sender->env, TWC_LOG_WARNING, ctx, "TWC3001", "%s; trying again until it works", what);
    w->db_pause = w->db_pause == 0 ? DB_PAUSE_MIN : w->db_pause * 2 < DB_PAUSE_MAX ? w->db_pause * 2 : DB_PAUSE_MAX;
}

static void db_works(worker_t *w)
{
    if (w->db_pause != 0)
        twc_thread_log(&w->sender->env, TWC_LOG_INFO, NULL, "TWC3002", "the database takes results and gives work again");
    w->db_pause = 0;
}

static void tell_failure(worker_t *w, const twc_slot_t *slot)
{
    const twc_settle_t *s = &slot->settle;
    bool config = s->code && twc_error_info(s->code, 0)->klass == TWC_ERR_CONFIG;

    twc_thread_log(&w->sender->env, s->park || config ? TWC_LOG_ERR : TWC_LOG_INFO, NULL, config || s->park ? "TWC3003" : "TWC3004",
                   "message %" APR_INT64_T_FMT " to %s failed with error %d: %s%s", s->id, twc_mask_phone(slot->pool, slot->claim.to),
                   s->code, s->reason ? s->reason : "no reason given", s->park ? " Its sender rests for a minute." : "");
}

static void tell_judgement(worker_t *w, const twc_slot_t *slot)
{
    const twc_settle_t *s = &slot->settle;
    const twc_thread_env_t *env = &w->sender->env;

    if (s->verdict == TWC_SETTLE_FAILED)
        tell_failure(w, slot);
    else if (s->verdict == TWC_SETTLE_UNKNOWN && !slot->search)
        twc_thread_log(env, TWC_LOG_INFO, NULL, "TWC3005", "message %" APR_INT64_T_FMT ", attempt %d: nobody knows whether Twilio took it"
                       " (%s); looking for it", s->id, s->attempt, s->reason ? s->reason : "no reason given");
    else if (s->verdict == TWC_SETTLE_ACCEPTED && slot->search)
        twc_thread_log(env, TWC_LOG_INFO, NULL, "TWC3006", "message %" APR_INT64_T_FMT " was found at Twilio", s->id);
    else if (s->verdict == TWC_SETTLE_LATER && slot->search)
        twc_thread_log(env, TWC_LOG_INFO, NULL, "TWC3007", "message %" APR_INT64_T_FMT " did not reach Twilio and is sent again", s->id);
    else if (s->verdict == TWC_SETTLE_LATER && twc_clock_ticks() - w->throttle_told_at > TELL_EVERY) {
        w->throttle_told_at = twc_clock_ticks();
        twc_thread_log(env, TWC_LOG_INFO, NULL, "TWC3008", "message %" APR_INT64_T_FMT " has to wait: %s", s->id,
                       s->reason ? s->reason : "it could not be sent");
    }
}

/* ---- results ---------------------------------------------------------------------------- */

static void context(worker_t *w, twc_ctx_t *ctx)
{
    twc_ctx_init(ctx, twc_thread_scratch(w->self), w->sender->env.db, w->sender->env.conf);
}

static void add_result(worker_t *w, twc_slot_t *slot)
{
    slot->next = NULL;
    *w->results_end = slot;
    w->results_end = &slot->next;
}

static void written(worker_t *w, twc_slot_t *slot)
{
    if (slot->settle.verdict == TWC_SETTLE_ACCEPTED || slot->settle.verdict == TWC_SETTLE_FAILED)
        twc_waiters_tell(w->sender->waiters, slot->settle.id);
    twc_flight_release(w->flight, slot);
}

static void take_first(worker_t *w)
{
    twc_slot_t *slot = w->results;

    w->results = slot->next;
    if (!w->results)
        w->results_end = &w->results;
    written(w, slot);
}

/* A result that the database refuses by itself must not hold up the others: its message is found again by its lease. */
static void write_singly(worker_t *w, int count)
{
    for (int i = 0; i < count && w->results; i++) {
        const twc_settle_t *one = &w->results->settle;
        twc_ctx_t ctx;
        apr_status_t rv;

        context(w, &ctx);
        rv = twc_outbox_settle(&ctx, &one, 1);
        if (rv == APR_EAGAIN || rv == APR_TIMEUP)
            return;
        if (rv != APR_SUCCESS)
            twc_thread_log(&w->sender->env, TWC_LOG_ERR, &ctx, "TWC3009", "the result of message %" APR_INT64_T_FMT
                           " cannot be stored", one->id);
        take_first(w);
    }
}

/* All that landed so far, a statement's worth at a time. */
static void write_results(worker_t *w)
{
    while (w->results && twc_clock_ticks() >= w->write_at) {
        const twc_settle_t *items[BATCH_MAX];
        twc_ctx_t ctx;
        apr_status_t rv;
        int n = 0;

        for (twc_slot_t *slot = w->results; slot && n < BATCH_MAX; slot = slot->next)
            items[n++] = &slot->settle;
        context(w, &ctx);
        rv = twc_outbox_settle(&ctx, items, n);
        if (rv == APR_EAGAIN || rv == APR_TIMEUP) {
            tell_db(w, &ctx, "results cannot be stored");
            w->write_at = twc_clock_ticks() + w->db_pause;
            return;
        }
        if (rv != APR_SUCCESS) {
            write_singly(w, n);
            continue;
        }
        db_works(w);
        for (int i = 0; i < n; i++)
            take_first(w);
        if (w->queued)
            w->claim_at = 0;            /* their conversations are free for the next message */
        w->sender->wake(w->sender->wake_baton, ctx.wake);
    }
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Twilio bears so many requests at once and says 429 beyond: halve, once for all that were under way then, and feel
 * the way up again. */
static void adapt(worker_t *w, const twc_slot_t *slot)
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

/* Of the entries that could be it, the one made closest to our attempt that belongs to no message yet. */
static apr_status_t search_result(worker_t *w, twc_slot_t *slot)
{
    int count = 0, nelts = slot->found->nelts;
    const twc_remote_msg_t **all = (const twc_remote_msg_t **)slot->found->elts, *best = NULL;
    const char **sids = apr_palloc(slot->pool, (nelts + 1) * sizeof(*sids));
    const twc_remote_msg_t **like = apr_palloc(slot->pool, (nelts + 1) * sizeof(*like));
    bool *known = apr_palloc(slot->pool, (nelts + 1) * sizeof(*known));
    twc_ctx_t ctx;

    for (int i = 0; i < nelts; i++)
        if (twc_verdict_is_it(&slot->claim, all[i])) {
            like[count] = all[i];
            sids[count++] = all[i]->sid;
        }
    context(w, &ctx);
    if (count > 0)
        TWC_TRY(twc_outbox_known_sids(&ctx, sids, count, known));
    for (int i = 0; i < count; i++)
        if (!known[i] && (!best || llabs(like[i]->date_created - slot->claim.attempted_at)
                                   < llabs(best->date_created - slot->claim.attempted_at)))
            best = like[i];
    if (best)
        twc_verdict_found(&slot->claim, best, &slot->settle);
    else
        twc_verdict_missing(&slot->claim, w->sender->env.conf, &slot->settle);
    return APR_SUCCESS;
}

/* Newest first: once a page reaches back before the attempt, the rest cannot hold it. */
static bool needs_more(const twc_slot_t *slot)
{
    const twc_remote_msg_t *oldest;

    if (!slot->next_url || slot->pages >= SEARCH_PAGES || slot->found->nelts == 0)
        return false;
    oldest = APR_ARRAY_IDX(slot->found, slot->found->nelts - 1, const twc_remote_msg_t *);
    return oldest->date_created == 0 || oldest->date_created >= twc_verdict_since(&slot->claim);
}

/* @return false: it flies again, there is no result yet */
static bool judge_search(worker_t *w, twc_slot_t *slot)
{
    if (slot->readable && needs_more(slot) && twc_flight_start(w->flight, slot) == APR_SUCCESS)
        return false;
    if (!slot->readable || search_result(w, slot) != APR_SUCCESS)
        twc_verdict_unread(&slot->claim, &slot->outcome, &slot->settle);
    return true;
}

static void judge(worker_t *w, twc_slot_t *slot)
{
    adapt(w, slot);
    if (slot->search) {
        if (!judge_search(w, slot))
            return;
    }
    else
        twc_verdict_create(&slot->claim, &slot->outcome, slot->claim.attempted_at - slot->claim.due_at,
                           w->sender->env.conf, &slot->settle);
    tell_judgement(w, slot);
    add_result(w, slot);
}

static void judge_all(worker_t *w, twc_slot_t *landed)
{
    while (landed) {
        twc_slot_t *next = landed->next;

        judge(w, landed);
        landed = next;
    }
}

/* ---- work ------------------------------------------------------------------------------------ */

static apr_interval_time_t lease(const worker_t *w)
{
    return w->sender->env.conf->send_timeout + LEASE_MARGIN;
}

/* From here on the row says "sending". A process that slept through half its lease does not touch it any more. */
static void send_one(worker_t *w, const twc_claim_t *claim, apr_time_t claimed_at)
{
    twc_slot_t *slot = twc_flight_take(w->flight, claim, false);

    if (!slot)
        return;                         /* no memory: its lease brings it back */
    if (claim->opted_out)
        twc_verdict_opted_out(&slot->claim, &slot->settle);
    else if (twc_clock_ticks() - claimed_at > lease(w) / 2 || twc_flight_start(w->flight, slot) != APR_SUCCESS)
        twc_verdict_unsent(&slot->claim, &slot->settle);
    else
        return;
    tell_judgement(w, slot);
    add_result(w, slot);
}

static int room(const worker_t *w)
{
    int window = (int)w->window - twc_flight_flying(w->flight), free_slots = twc_flight_free(w->flight, false);
    int n = window < free_slots ? window : free_slots;

    return n < CLAIM_MAX ? n : CLAIM_MAX;
}

/* Nothing, or not all we asked for: when is it worth asking again? */
static void plan_next_claim(worker_t *w, twc_ctx_t *ctx, int count)
{
    apr_interval_time_t wait = POLL;

    if (count > 0)
        w->step = STEP_MIN;
    if (twc_outbox_outlook(ctx, POLL, &wait) != APR_SUCCESS)
        wait = POLL;
    w->queued = wait < POLL;
    if (wait < w->step && w->queued) {
        wait = w->step;                 /* something holds it back that time alone does not end */
        w->step = w->step * 2 < STEP_MAX ? w->step * 2 : STEP_MAX;
    }
    w->claim_at = twc_clock_ticks() + wait;
}

static void claim(worker_t *w, int limit)
{
    twc_claim_t *claims;
    twc_ctx_t ctx;
    int count;
    apr_time_t asked = twc_clock_ticks();

    context(w, &ctx);
    if (twc_outbox_claim(&ctx, limit, lease(w), &claims, &count) != APR_SUCCESS) {
        tell_db(w, &ctx, "nothing can be claimed");
        w->rest_until = twc_clock_ticks() + w->db_pause;
        return;
    }
    db_works(w);
    w->claimed_at = asked;
    for (int i = 0; i < count; i++)
        send_one(w, &claims[i], asked);
    if (count < limit)
        plan_next_claim(w, &ctx, count);
}

static void maybe_claim(worker_t *w)
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

static void start_search(worker_t *w, const twc_claim_t *c)
{
    twc_slot_t *slot = twc_flight_take(w->flight, c, true);
    const twc_outcome_t nothing = { .http_status = 0 };

    if (!slot)
        return;
    if (c->sid) {                       /* a callback told it, and whoever wrote it down left the row behind */
        const twc_remote_msg_t told = { .sid = slot->claim.sid };
        twc_verdict_found(&slot->claim, &told, &slot->settle);
    }
    else if (twc_flight_start(w->flight, slot) == APR_SUCCESS)
        return;
    else
        twc_verdict_unread(&slot->claim, &nothing, &slot->settle);
    tell_judgement(w, slot);
    add_result(w, slot);
}

static void search(worker_t *w, apr_time_t now)
{
    twc_claim_t *claims;
    twc_ctx_t ctx;
    int count, room_left = twc_flight_free(w->flight, true);

    if (now < w->search_at || room_left == 0)
        return;
    w->search_at = now + POLL;
    context(w, &ctx);
    if (twc_outbox_take_unknown(&ctx, room_left, lease(w) * 2, &claims, &count) != APR_SUCCESS)
        return;
    for (int i = 0; i < count; i++)
        start_search(w, &claims[i]);
    if (count == room_left)
        w->search_at = now;             /* there may be more, as soon as there is room */
}

static void chores(worker_t *w)
{
    apr_time_t now = twc_clock_ticks();
    twc_ctx_t ctx;
    int count = 0;

    if (w->db_pause != 0)
        return;
    if (now >= w->promote_at) {
        w->promote_at = now + POLL;
        context(w, &ctx);
        if (twc_outbox_promote(&ctx, &count) == APR_SUCCESS && count > 0) {
            w->claim_at = w->claim_at < now ? w->claim_at : now;
            w->promote_at = count < TWC_PROMOTE_MAX ? w->promote_at : now;
            w->sender->wake(w->sender->wake_baton, ctx.wake);
        }
    }
    if (now >= w->early_at) {
        w->early_at = now + EARLY_EVERY;
        context(w, &ctx);
        if (twc_outbox_early(&ctx) == APR_SUCCESS && ctx.wake)
            w->sender->wake(w->sender->wake_baton, ctx.wake);
    }
    search(w, now);
}

/* ---- the loop --------------------------------------------------------------------------------- */

static apr_time_t next_claim(const worker_t *w)
{
    apr_time_t at = w->claim_at > w->rest_until ? w->claim_at : w->rest_until, gathered = w->claimed_at + CLAIM_GAP;

    return at > gathered ? at : gathered;
}

static apr_interval_time_t sleep_time(const worker_t *w)
{
    apr_time_t now = twc_clock_ticks(), until = now + POLL;

    if (w->results && w->write_at < until)
        until = w->write_at;
    if (!(w->results && w->db_pause) && room(w) > 0 && next_claim(w) < until)
        until = next_claim(w);
    if (w->db_pause == 0 && w->search_at < until && twc_flight_free(w->flight, true) > 0)
        until = w->search_at;
    return until > now ? until - now : 0;
}

static void round_trip(worker_t *w)
{
    apr_pool_clear(twc_thread_scratch(w->self));
    chores(w);
    judge_all(w, twc_flight_run(w->flight, sleep_time(w)));
    maybe_claim(w);
    judge_all(w, twc_flight_run(w->flight, 0));     /* off with them: Twilio works while we write */
    write_results(w);
}

/* Cut off what is still under way: what never left us is queued again, the rest is looked for. */
static void cut_off(worker_t *w)
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
        tell_judgement(w, slot);
        add_result(w, slot);
    }
}

static void drain(worker_t *w)
{
    apr_time_t until = twc_clock_ticks() + DRAIN;

    while (twc_clock_ticks() < until && (twc_flight_flying(w->flight) > 0 || w->results)) {
        apr_pool_clear(twc_thread_scratch(w->self));
        judge_all(w, twc_flight_run(w->flight, w->results ? DB_PAUSE_MIN : until - twc_clock_ticks()));
        write_results(w);
    }
    cut_off(w);
    w->write_at = 0;
    write_results(w);
}

static void sender_thr_main(twc_thread_t *thread, void *baton)
{
    worker_t *w = baton;

    w->self = thread;
    while (!twc_thread_stopping(thread))
        round_trip(w);
    drain(w);
}

/* ---- life -------------------------------------------------------------------------------------- */

apr_status_t twc_sender_create(twc_sender_t **sender, apr_pool_t *pool, const twc_thread_env_t *env,
                               twc_waiters_t *waiters, void (*wake)(void *baton, unsigned what), void *wake_baton)
{
    twc_sender_t *s = apr_pcalloc(pool, sizeof(*s));
    int threads = env->conf->senders < 1 ? 1 : env->conf->senders > THREADS_MAX ? THREADS_MAX : env->conf->senders;

    *s = (twc_sender_t){ .env = *env, .waiters = waiters, .wake = wake, .wake_baton = wake_baton, .pool = pool };
    s->workers = apr_pcalloc(pool, threads * sizeof(*s->workers));
    s->count = threads;
    TWC_TRY(apr_thread_mutex_create(&s->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    *sender = s;
    return APR_SUCCESS;
}

static apr_status_t start_worker(twc_sender_t *s, worker_t *w, int number)
{
    w->sender = s;
    w->results_end = &w->results;
    w->window = s->env.conf->in_flight;
    w->step = STEP_MIN;
    TWC_TRY(twc_thread_pool(&w->pool));
    /* More slots than requests: a result that waits to be written must not keep a place in the air. */
    TWC_TRY(twc_flight_create(&w->flight, w->pool, s->env.conf, s->env.conf->in_flight * 3 / 2 + 8, SEARCHES));
    return twc_thread_start(&w->thread, s->pool, &s->env, apr_psprintf(s->pool, "sender %d", number), sender_thr_main, w);
}

apr_status_t twc_sender_start(twc_sender_t *s)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(s->mutex);
    for (int i = 0; i < s->count && rv == APR_SUCCESS; i++)
        rv = start_worker(s, &s->workers[i], i + 1);
    apr_thread_mutex_unlock(s->mutex);
    return rv;
}

void twc_sender_wake(twc_sender_t *s)
{
    apr_thread_mutex_lock(s->mutex);
    for (int i = 0; i < s->count; i++) {
        worker_t *w = &s->workers[i];

        if (w->flight && apr_atomic_xchg32(&w->woken, 1) == 0)
            twc_flight_wake(w->flight);
    }
    apr_thread_mutex_unlock(s->mutex);
}

void twc_sender_stop(twc_sender_t *s)
{
    apr_thread_mutex_lock(s->mutex);
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
        worker_t *w = &s->workers[i];
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
