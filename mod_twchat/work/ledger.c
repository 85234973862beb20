/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ledger.c - the thread beside each sending one: claims what is due, and has it written down how attempts ended.
 * Must never hand a message over before its claim is committed, nor wait for Twilio.
 * Started by sender.c.
 */
#include <limits.h>

#include <apr_atomic.h>

#include "domain/message.h"
#include "store/db.h"
#include "util/clock.h"
#include "work/worker.h"

#define CLAIM_MAX       250
#define CLAIM_GAP       apr_time_from_msec(4)   /* gather free places for so long, unless many are free */
#define LEASE_MARGIN    apr_time_from_sec(15)
#define PATIENCE        apr_time_from_sec(10)   /* less than LEASE_MARGIN */
#define REST_MAX        apr_time_from_msec(200)
#define STEP_MIN        apr_time_from_msec(20)
#define STEP_MAX        apr_time_from_msec(500)
#define EARLY_EVERY     apr_time_from_sec(10)
#define LAST_CALL       apr_time_from_msec(400) /* no statement begins later after the drain: it may take two seconds */

void twc_ledger_context(twc_worker_t *w, twc_ctx_t *ctx)
{
    twc_ctx_init(ctx, twc_thread_scratch(w->ledger), w->sender->env.db, w->sender->env.conf);
}

apr_interval_time_t twc_ledger_lease(const twc_worker_t *w)
{
    return w->sender->env.conf->send_timeout + LEASE_MARGIN;
}

twc_slot_t *twc_ledger_fill(twc_worker_t *w, bool search, const twc_claim_t *claim)
{
    twc_slot_t *slot = twc_slots_take(&w->free[search]);

    if (!slot || twc_slot_fill(slot, claim) == APR_SUCCESS)
        return slot;
    twc_slots_add(&w->free[search], slot);
    return NULL;
}

void twc_ledger_hand_over(twc_worker_t *w, twc_slots_t *ready)
{
    if (!ready->first)
        return;
    twc_desk_put_ready(w->desk, ready);
    twc_flight_wake(w->flight);
}

/* ---- claims --------------------------------------------------------------------------- */

/* More than may be under way at once, so that the next request starts when one ends, and not when we have been to the database.
 * What waits on the desk is claimed: too much of it would be in the way of what is more urgent, and a crash would leave it to its
 * lease. */
static int ahead(const twc_air_t *air)
{
    return air->window / 4;
}

static int room(const twc_worker_t *w, const twc_news_t *news)
{
    int n = news->air.window + ahead(&news->air) - news->air.creating - news->ready;

    if (n > w->free[0].count)
        n = w->free[0].count;
    return n < CLAIM_MAX ? n : CLAIM_MAX;
}

/* How long after the claim a request may begin. However late that is, it is over (after conf->send_timeout) before the claim's lease is,
 * when somebody else looks for the message, and before the grace is, when they send it again. */
static apr_interval_time_t patience(const twc_conf_t *conf)
{
    apr_interval_time_t left = conf->grace - conf->send_timeout;

    return left < TWC_GRACE_MARGIN ? TWC_GRACE_MARGIN : left < PATIENCE ? left : PATIENCE;
}

/* From here on the rows say "sending". Who waits on the desk for too long, or in a process that is frozen, is not sent any more. */
static void hand_over(twc_worker_t *w, const twc_claim_t *claims, int count, const twc_since_t *asked)
{
    twc_slots_t ready = { .count = 0 };

    for (int i = 0; i < count; i++) {
        twc_slot_t *slot = twc_ledger_fill(w, false, &claims[i]);

        if (!slot)
            break;
        slot->since = slot->asked = *asked;
        slot->within = patience(w->sender->env.conf);
        twc_slots_add(&ready, slot);
    }
    twc_ledger_hand_over(w, &ready);
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

/* Somebody has a statement under way who is no ledger: a webhook, a page, an answer. */
static bool others_ask(const twc_worker_t *w)
{
    int ledgers = (int)apr_atomic_read32(&w->sender->asking) - 1;       /* but us */

    return twc_db_in_flight(w->sender->env.db) > ledgers;
}

/* A campaign that is longer than what we asked for can wait, and what others in this process ask the database for cannot: while
 * they do, claims take a quarter of the time. The busier the database, the longer a claim takes, and the rest after it. */
static void give_way(twc_worker_t *w, apr_time_t began)
{
    apr_time_t now = twc_clock_ticks();
    apr_interval_time_t rest = 3 * (now - began);

    if (others_ask(w))
        w->retry_at = now + (rest < REST_MAX ? rest : REST_MAX);
}

static void claim(twc_worker_t *w, int limit)
{
    twc_claim_t *claims;
    twc_ctx_t ctx;
    int count;
    twc_since_t asked = twc_clock_mark();

    twc_ledger_context(w, &ctx);
    if (twc_outbox_claim(&ctx, limit, w->sender->cli, twc_ledger_lease(w), &claims, &count) != APR_SUCCESS) {
        twc_worker_tell_db(w, &ctx, "nothing can be claimed");
        w->retry_at = twc_clock_ticks() + w->db_pause;
        return;
    }
    twc_worker_db_works(w);
    w->claimed_at = asked.ticks;
    hand_over(w, claims, count, &asked);
    if (count < limit)
        plan_next_claim(w, &ctx, count);
    else if (claims[count - 1].priority >= TWC_PRIORITY_BULK)
        give_way(w, asked.ticks);
}

static apr_time_t next_claim(const twc_worker_t *w, const twc_news_t *news)
{
    apr_time_t at = w->claim_at, gathered = w->claimed_at + CLAIM_GAP;

    if (at < w->retry_at)
        at = w->retry_at;
    if (at < news->air.rest_until)
        at = news->air.rest_until;
    return at > gathered || room(w, news) >= news->air.window / 8 ? at : gathered;
}

static bool may_claim(const twc_worker_t *w, const twc_news_t *news)
{
    return !twc_thread_stopping(w->ledger) && !(w->results.first && w->db_pause) && room(w, news) > 0;
}

static void note_wake(twc_worker_t *w, const twc_news_t *news)
{
    if (news->woken) {
        w->claim_at = 0;
        w->step = STEP_MIN;
    }
}

static void maybe_claim(twc_worker_t *w, const twc_news_t *news)
{
    if (may_claim(w, news) && twc_clock_ticks() >= next_claim(w, news))
        claim(w, room(w, news));
}

/* ---- chores ------------------------------------------------------------------------------ */

static void promote(twc_worker_t *w, apr_time_t now)
{
    twc_ctx_t ctx;
    int count = 0;

    w->promote_at = now + TWC_WORKER_POLL;
    twc_ledger_context(w, &ctx);
    if (twc_outbox_promote(&ctx, &count) != APR_SUCCESS || count == 0)
        return;
    w->claim_at = w->claim_at < now ? w->claim_at : now;
    w->promote_at = count < TWC_PROMOTE_MAX ? w->promote_at : now;
    w->sender->wake(w->sender->wake_baton, ctx.wake);
}

static void apply_early(twc_worker_t *w, apr_time_t now)
{
    twc_ctx_t ctx;

    w->early_at = now + EARLY_EVERY;
    twc_ledger_context(w, &ctx);
    if (twc_outbox_early(&ctx) == APR_SUCCESS && ctx.wake)
        w->sender->wake(w->sender->wake_baton, ctx.wake);
}

static void chores(twc_worker_t *w)
{
    apr_time_t now = twc_clock_ticks();

    if (w->db_pause != 0 || twc_thread_stopping(w->ledger))
        return;
    if (now >= w->promote_at)
        promote(w, now);
    if (now >= w->early_at)
        apply_early(w, now);
    twc_search_start(w, now);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static apr_status_t look_up_consent(twc_worker_t *w, const twc_slots_t *slots)
{
    twc_ctx_t ctx;
    twc_claim_t **claims;
    int n = 0;

    if (twc_thread_stopping(w->ledger))
        return APR_EOF;
    twc_ledger_context(w, &ctx);
    claims = apr_palloc(ctx.scratch, slots->count * sizeof(*claims));
    for (twc_slot_t *slot = slots->first; slot; slot = slot->next)
        claims[n++] = &slot->claim;
    return twc_outbox_consent_again(&ctx, claims, n);
}

/* They waited so long that their recipients may have said STOP since. */
static void ask_again(twc_worker_t *w, twc_slots_t *slots)
{
    bool known = look_up_consent(w, slots) == APR_SUCCESS;
    const twc_since_t asked = twc_clock_mark();     /* after the look, however long it took: it is good for one try */

    for (twc_slot_t *slot = slots->first; slot; slot = slot->next) {
        slot->asked = asked;
        if (!known)
            twc_worker_unsent(slot);
    }
    if (!known)
        twc_slots_move(&w->results, slots);
    else {
        twc_desk_put_back(w->desk, slots);
        twc_flight_wake(w->flight);
    }
}

static void take(twc_worker_t *w, twc_slots_t *landed)
{
    twc_slot_t *slot;

    while ((slot = twc_slots_take(landed))) {
        if (!slot->settle.id) {         /* a search: whose SIDs those are the database knows */
            twc_search_judge(w, slot);
            twc_worker_tell(w, slot);
        }
        w->rests = w->rests || slot->settle.park;
        twc_slots_add(&w->results, slot);
    }
}

/* When the sender must have closed the desk, once we are stopped. */
static apr_time_t late_at(const twc_worker_t *w)
{
    return w->sender->stop_at + TWC_WORKER_DRAIN + LAST_CALL / 2;
}

static apr_time_t next_round(const twc_worker_t *w, const twc_news_t *news)
{
    apr_time_t until = twc_clock_ticks() + TWC_WORKER_POLL;

    if (w->results.first && w->write_at < until)
        until = w->write_at;
    if (may_claim(w, news) && next_claim(w, news) < until)
        until = next_claim(w, news);
    if (w->db_pause == 0 && !twc_thread_stopping(w->ledger) && w->search_at < until && w->free[1].count > 0)
        until = w->search_at;
    return twc_thread_stopping(w->ledger) && late_at(w) < until ? late_at(w) : until;
}

/* Or the sender hangs somewhere in a library: what it does not report is found by its lease. */
static bool is_late(const twc_worker_t *w)
{
    return twc_thread_stopping(w->ledger) && twc_clock_ticks() >= late_at(w);
}

/* Before claims it is written down that a sender rests: the next one would take its messages as well. */
static void work(twc_worker_t *w, const twc_news_t *news)
{
    chores(w);
    if (!w->rests)
        maybe_claim(w, news);
    w->rests = false;
    twc_worker_write(w);
}

/* @return false: that was the last one, finish() writes what came with it */
static bool round_trip(twc_worker_t *w, twc_news_t *news)
{
    bool more;

    apr_pool_clear(twc_thread_scratch(w->ledger));
    twc_desk_wait(w->desk, next_round(w, news), news);
    apr_atomic_inc32(&w->sender->asking);
    take(w, &news->landed);
    if (news->again.first)
        ask_again(w, &news->again);
    note_wake(w, news);
    more = !news->closed && !is_late(w);
    if (more)
        work(w, news);
    apr_atomic_dec32(&w->sender->asking);
    return more;
}

/* What was claimed when the sender had left already. */
static void take_back(twc_worker_t *w)
{
    twc_slots_t ready = twc_desk_fetch(w->desk, INT_MAX);

    for (twc_slot_t *slot = ready.first; slot; slot = slot->next)
        twc_worker_unsent(slot);
    twc_slots_move(&w->results, &ready);
}

/* Nothing lands any more. What is not written down when the time is up is found by its lease. */
static void finish(twc_worker_t *w)
{
    apr_time_t until = w->sender->stop_at + TWC_WORKER_DRAIN + LAST_CALL;

    take_back(w);
    while (w->results.first && twc_clock_ticks() < until) {
        apr_pool_clear(twc_thread_scratch(w->ledger));
        w->write_at = 0;
        twc_worker_write(w);
        if (w->db_pause)
            apr_sleep(TWC_WORKER_PAUSE_MIN);
    }
}

bool twc_worker_is_out_of_time(const twc_worker_t *w)
{
    return twc_thread_stopping(w->ledger) && twc_clock_ticks() >= w->sender->stop_at + TWC_WORKER_DRAIN;
}

void twc_ledger_main(twc_thread_t *thread, void *baton)
{
    twc_worker_t *w = baton;
    twc_news_t news = { .closed = false };

    w->step = STEP_MIN;
    while (round_trip(w, &news))
        ;
    finish(w);
}
