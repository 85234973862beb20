/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sender.c - the threads that send, and their life: fetch from the desk, send, judge, report.
 * Must never wait for the database: that is ledger.c's.
 * Started by work.c.
 */
#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "util/clock.h"
#include "work/verdict.h"
#include "work/worker.h"

#define THREADS_MAX     8
#define SEARCHES        8               /* searches in Twilio's list at once, per thread */
#define HOLD_MAX        apr_time_from_sec(1)    /* a longer pause is for others to use what we have claimed */
#define REFUSAL_SPREADS apr_time_from_sec(1)    /* until it is written down, and claims under way are here */
#define CONSENT_HOLDS   apr_time_from_msec(250) /* who said STOP may have been promised meanwhile that nothing comes any more */

/* What goes back to the ledger at the end of a round. */
static void hand_in(twc_worker_t *w, twc_slots_t *report)
{
    const twc_air_t air = { .creating = twc_flight_flying(w->flight, false), .searching = twc_flight_flying(w->flight, true),
                            .window = (int)w->window, .rest_until = w->rest_until };

    twc_desk_report(w->desk, report, &air);
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
        w->rest_until = w->rest_until > now + rest ? w->rest_until : now + rest;
    }
    else if (slot->outcome.sid && w->window < w->sender->env.conf->in_flight)
        w->window += 0.1;
}

static void settled(twc_worker_t *w, twc_slot_t *slot, twc_slots_t *report)
{
    twc_worker_tell(w, slot);
    twc_slots_add(report, slot);
}

static const char *bucket(const twc_claim_t *claim)
{
    return claim->from ? claim->from : claim->service_sid ? claim->service_sid : "";
}

/* Twilio refused it for what its sender is: the next ones of that sender need not fail as well. */
static void note_refusal(twc_worker_t *w, const twc_claim_t *claim)
{
    twc_refused_t *r = &w->refused[w->refusals++ % TWC_REFUSED_MAX];

    apr_cpystrn(r->sender, bucket(claim), sizeof(r->sender));
    r->until = twc_clock_ticks() + REFUSAL_SPREADS;
}

/* Claimed when it was not written down yet that its sender rests. */
static bool is_refused(const twc_worker_t *w, const twc_slot_t *slot)
{
    for (int i = 0; i < TWC_REFUSED_MAX; i++)
        if (slot->since.ticks < w->refused[i].until && strncmp(bucket(&slot->claim), w->refused[i].sender, sizeof(w->refused[i].sender) - 1) == 0)
            return true;
    return false;
}

static void judge(twc_worker_t *w, twc_slot_t *slot, twc_slots_t *report)
{
    adapt(w, slot);
    if (!slot->search) {
        twc_verdict_create(&slot->claim, &slot->outcome, slot->claim.attempted_at - slot->claim.due_at,
                           w->sender->env.conf, &slot->settle);
        settled(w, slot, report);
        if (slot->settle.park)
            note_refusal(w, &slot->claim);
    }
    else if (twc_search_landed(w, slot))
        twc_slots_add(report, slot);    /* whose SIDs they are the ledger can tell */
}

static void judge_all(twc_worker_t *w, twc_slots_t landed, twc_slots_t *report)
{
    twc_slot_t *slot;

    while ((slot = twc_slots_take(&landed)))
        judge(w, slot, report);
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Its settle says why it must not leave, or not now. */
static bool is_held_back(const twc_worker_t *w, twc_slot_t *slot)
{
    if (slot->claim.opted_out && !slot->search)
        twc_verdict_opted_out(&slot->claim, &slot->settle);
    else if (twc_slot_is_late(slot)) {
        twc_worker_unsent(slot);
        slot->settle.reason = "It waited too long between its claim and its request.";
    }
    else if (!slot->search && is_refused(w, slot))
        twc_worker_unsent(slot);
    else
        return false;
    return true;
}

static void send_one(twc_worker_t *w, twc_slot_t *slot, twc_slots_t *again, twc_slots_t *report)
{
    if (is_held_back(w, slot))
        settled(w, slot, report);
    else if (!slot->search && twc_clock_passed(&slot->asked) > CONSENT_HOLDS)
        twc_slots_add(again, slot);
    else if (twc_flight_start(w->flight, slot) != APR_SUCCESS) {
        twc_worker_unsent(slot);
        settled(w, slot, report);
    }
}

static void send_all(twc_worker_t *w, int most, twc_slots_t *report)
{
    twc_slots_t ready = twc_desk_fetch(w->desk, most), again = { .count = 0 };
    twc_slot_t *slot;

    while ((slot = twc_slots_take(&ready)))
        send_one(w, slot, &again, report);
    twc_desk_ask_again(w->desk, &again);
}

/* Whoever else may send, or we later, gets what has not left. */
static void give_back(twc_worker_t *w, twc_slots_t *report)
{
    twc_slots_t ready = twc_desk_fetch(w->desk, INT_MAX);
    twc_slot_t *slot;

    while ((slot = twc_slots_take(&ready))) {
        twc_worker_unsent(slot);
        settled(w, slot, report);
    }
}

/* ---- the loop --------------------------------------------------------------------------------- */

static apr_interval_time_t pause_left(const twc_worker_t *w)
{
    apr_interval_time_t left = w->rest_until - twc_clock_ticks();

    return left > 0 ? left : 0;
}

static void round_trip(twc_worker_t *w)
{
    apr_interval_time_t rest = pause_left(w);
    twc_slots_t report = { .count = 0 };

    send_all(w, rest > 0 ? 0 : (int)w->window - twc_flight_flying(w->flight, false), &report);
    if (rest > HOLD_MAX)
        give_back(w, &report);
    judge_all(w, twc_flight_run(w->flight, report.first ? 0 : rest > 0 && rest < TWC_WORKER_POLL ? rest : TWC_WORKER_POLL), &report);
    hand_in(w, &report);
}

/* Cut off what is still under way: what never left us is queued again, the rest is looked for. */
static void cut_off(twc_worker_t *w, twc_slots_t *report)
{
    twc_slots_t cut = twc_flight_abort(w->flight);
    twc_slot_t *slot;

    while ((slot = twc_slots_take(&cut))) {
        if (slot->outcome.sent && !slot->search)
            twc_verdict_cut(&slot->claim, &slot->settle);
        else
            twc_worker_unsent(slot);
        settled(w, slot, report);
    }
}

static bool is_flying(const twc_worker_t *w)
{
    return twc_flight_flying(w->flight, false) > 0 || twc_flight_flying(w->flight, true) > 0;
}

static void drain(twc_worker_t *w)
{
    apr_time_t until = w->sender->stop_at + TWC_WORKER_DRAIN;
    twc_slots_t report = { .count = 0 };

    give_back(w, &report);
    hand_in(w, &report);
    while (twc_clock_ticks() < until && is_flying(w)) {
        judge_all(w, twc_flight_run(w->flight, until - twc_clock_ticks()), &report);
        hand_in(w, &report);
    }
    cut_off(w, &report);
    hand_in(w, &report);
    twc_desk_close(w->desk);
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
    return conf->account_sid ? thread_count(conf) * (create_slots(conf) + SEARCHES + TWC_FLIGHT_DESCRIPTORS) : 0;
}

static apr_status_t create_worker(twc_sender_t *s, twc_worker_t *w, int number)
{
    w->sender = s;
    w->window = s->env.conf->in_flight;
    TWC_TRY(twc_desk_create(&w->desk, s->pool));
    TWC_TRY(twc_thread_create(&w->sending, s->pool, apr_psprintf(s->pool, "sender %d", number), sender_thr_main, w));
    return twc_thread_create(&w->ledger, s->pool, apr_psprintf(s->pool, "ledger %d", number), twc_ledger_main, w);
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

void twc_sender_only(twc_sender_t *s, apr_int64_t cli)
{
    s->cli = cli;
}

static apr_status_t create_flight(const twc_sender_t *s, twc_worker_t *w)
{
    twc_slots_t nothing = { .count = 0 };
    apr_status_t rv;

    TWC_TRY(apr_pool_create_unmanaged_ex(&w->pool, NULL, NULL));    /* a thread that does not end keeps it beyond the end of ours */
    rv = twc_flight_create(&w->flight, w->pool, s->env.conf, create_slots(s->env.conf), SEARCHES);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(w->pool);
        w->pool = NULL;
        w->flight = NULL;
        return rv;
    }
    twc_flight_slots(w->flight, w->free);
    twc_desk_report(w->desk, &nothing, &(twc_air_t){ .window = (int)w->window });
    return APR_SUCCESS;
}

static apr_status_t start_worker(const twc_sender_t *s, twc_worker_t *w)
{
    if (!w->flight)
        TWC_TRY(create_flight(s, w));
    TWC_TRY(twc_thread_start(w->sending));
    return twc_thread_start(w->ledger);
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
    for (int i = 0; i < s->count; i++)
        twc_desk_wake(s->workers[i].desk);
}

void twc_sender_stop(twc_sender_t *s)
{
    apr_thread_mutex_lock(s->mutex);
    if (!s->stop_at)
        s->stop_at = twc_clock_ticks();
    for (int i = 0; i < s->count; i++) {
        twc_worker_t *w = &s->workers[i];

        twc_thread_stop(w->ledger);     /* first: so that it claims no more for a thread that takes no more */
        twc_thread_stop(w->sending);
        twc_desk_wake(w->desk);
        if (w->flight)
            twc_flight_wake(w->flight);
    }
    apr_thread_mutex_unlock(s->mutex);
}

static bool join_one(twc_sender_t *s, twc_thread_t *thread, apr_time_t deadline)
{
    if (twc_thread_join(thread, deadline))
        return true;
    twc_thread_log(&s->env, TWC_LOG_WARNING, NULL, "TWC3010", "%s did not end in time", twc_thread_name(thread));
    return false;
}

static void join_worker(twc_sender_t *s, twc_worker_t *w, apr_time_t deadline)
{
    bool sending = join_one(s, w->sending, deadline), ledger = join_one(s, w->ledger, deadline);
    apr_pool_t *pool = w->pool;

    if (!sending || !ledger)
        return;                         /* what they share stays */
    apr_thread_mutex_lock(s->mutex);
    w->flight = NULL;
    w->pool = NULL;
    apr_thread_mutex_unlock(s->mutex);
    if (pool)
        apr_pool_destroy(pool);
}

void twc_sender_join(twc_sender_t *s, apr_time_t deadline)
{
    twc_sender_stop(s);
    for (int i = 0; i < s->count; i++)
        join_worker(s, &s->workers[i], deadline);
}
