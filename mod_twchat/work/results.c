/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * results.c - how attempts ended: told to people, and written down in batches.
 * Must never forget a result while the database is away.
 * Called by ledger.c and search.c on the ledger's thread; telling also by sender.c on its own.
 */
#include "twilio/error.h"
#include "util/clock.h"
#include "util/mask.h"
#include "work/verdict.h"
#include "work/worker.h"

#define DB_PAUSE_MAX    apr_time_from_sec(2)
#define TELL_EVERY      apr_time_from_sec(10)

/* ---- telling people ------------------------------------------------------------------ */

void twc_worker_tell_db(twc_worker_t *w, const twc_ctx_t *ctx, const char *what)
{
    if (w->db_pause == 0)
        twc_thread_log(&w->sender->env, TWC_LOG_WARNING, ctx, "TWC3001", "%s; trying again until it works", what);
    w->db_pause = w->db_pause == 0 ? TWC_WORKER_PAUSE_MIN : w->db_pause * 2 < DB_PAUSE_MAX ? w->db_pause * 2 : DB_PAUSE_MAX;
}

void twc_worker_db_works(twc_worker_t *w)
{
    if (w->db_pause != 0)
        twc_thread_log(&w->sender->env, TWC_LOG_INFO, NULL, "TWC3002", "the database takes results and gives work again");
    w->db_pause = 0;
}

static void tell_failure(twc_worker_t *w, const twc_slot_t *slot)
{
    const twc_settle_t *s = &slot->settle;
    bool config = s->code && twc_error_info(s->code, 0)->klass == TWC_ERR_CONFIG;

    twc_thread_log(&w->sender->env, s->park || config ? TWC_LOG_ERR : TWC_LOG_INFO, NULL, config || s->park ? "TWC3003" : "TWC3004",
                   "message %" APR_INT64_T_FMT " to %s failed with error %d: %s%s", s->id, twc_mask_phone(slot->pool, slot->claim.to),
                   s->code, s->reason ? s->reason : "no reason given", s->park ? " Its sender rests for a minute." : "");
}

void twc_worker_tell(twc_worker_t *w, const twc_slot_t *slot)
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

void twc_worker_unsent(twc_slot_t *slot)
{
    const twc_outcome_t nothing = { .http_status = 0 };

    if (slot->search)
        twc_verdict_unread(&slot->claim, &nothing, &slot->settle);
    else
        twc_verdict_unsent(&slot->claim, &slot->settle);
}

/* ---- results ---------------------------------------------------------------------------- */

static void written(twc_worker_t *w, twc_slot_t *slot)
{
    if (slot->settle.verdict == TWC_SETTLE_ACCEPTED || slot->settle.verdict == TWC_SETTLE_FAILED)
        twc_waiters_tell(w->sender->waiters, slot->settle.id);
    twc_slot_empty(slot);
    twc_slots_add(&w->free[slot->search], slot);
}

/* A result that the database refuses by itself must not hold up the others: its message is found again by its lease. */
static void write_singly(twc_worker_t *w, int count)
{
    for (int i = 0; i < count && !(i > 0 && twc_worker_is_out_of_time(w)); i++) {
        const twc_settle_t *one = &w->results.first->settle;
        twc_ctx_t ctx;
        apr_status_t rv;

        twc_ledger_context(w, &ctx);
        rv = twc_outbox_settle(&ctx, &one, 1);
        if (rv == APR_EAGAIN || rv == APR_TIMEUP)
            return;
        if (rv != APR_SUCCESS)
            twc_thread_log(&w->sender->env, TWC_LOG_ERR, &ctx, "TWC3009", "the result of message %" APR_INT64_T_FMT
                           " cannot be stored", one->id);
        else
            w->sender->wake(w->sender->wake_baton, ctx.wake);
        written(w, twc_slots_take(&w->results));
    }
}

/* All that landed so far, a statement's worth at a time. */
void twc_worker_write(twc_worker_t *w)
{
    while (w->results.first && twc_clock_ticks() >= w->write_at) {
        const twc_settle_t *items[TWC_DESK_BATCH];
        twc_ctx_t ctx;
        apr_status_t rv;
        int n = 0;

        for (twc_slot_t *slot = w->results.first; slot && n < TWC_DESK_BATCH; slot = slot->next)
            items[n++] = &slot->settle;
        twc_ledger_context(w, &ctx);
        rv = twc_outbox_settle(&ctx, items, n);
        if (rv == APR_EAGAIN || rv == APR_TIMEUP) {
            twc_worker_tell_db(w, &ctx, "results cannot be stored");
            w->write_at = twc_clock_ticks() + w->db_pause;
            return;
        }
        if (rv != APR_SUCCESS) {
            write_singly(w, n);
            if (twc_worker_is_out_of_time(w))
                return;
            continue;
        }
        twc_worker_db_works(w);
        for (int i = 0; i < n; i++)
            written(w, twc_slots_take(&w->results));
        if (w->queued)
            w->claim_at = 0;            /* their conversations are free for the next message */
        w->sender->wake(w->sender->wake_baton, ctx.wake);
        if (twc_worker_is_out_of_time(w))
            return;
    }
}
