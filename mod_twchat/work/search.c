/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * search.c - looks in Twilio's list for messages whose outcome is unknown.
 * Must never take an entry that belongs to another message, nor a list that could not be read for an empty one.
 * Called by ledger.c and sender.c, each on its own thread.
 */
#include <stdlib.h>

#include "work/verdict.h"
#include "work/worker.h"

#define SEARCH_PAGES    10

/* Of the entries that could be it, the one made closest to our attempt that belongs to no message yet. Only a list that
 * was read back to the attempt can say that there is none. */
static apr_status_t search_result(twc_worker_t *w, twc_slot_t *slot, bool whole)
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
    twc_ledger_context(w, &ctx);
    if (count > 0)
        TWC_TRY(twc_outbox_known_sids(&ctx, sids, count, known));
    for (int i = 0; i < count; i++)
        if (!known[i] && (!best || llabs(like[i]->date_created - slot->claim.attempted_at)
                                   < llabs(best->date_created - slot->claim.attempted_at)))
            best = like[i];
    if (best)
        twc_verdict_found(&slot->claim, best, &slot->settle);
    else if (!whole)
        twc_verdict_unread(&slot->claim, &slot->outcome, &slot->settle);
    else
        twc_verdict_missing(&slot->claim, w->sender->env.conf, &slot->settle);
    return APR_SUCCESS;
}

/* Newest first: once a page reaches back before the attempt, the rest cannot hold it. */
static bool needs_more(const twc_slot_t *slot)
{
    const twc_remote_msg_t *oldest;

    if (!slot->next_url || slot->found->nelts == 0)
        return false;
    oldest = APR_ARRAY_IDX(slot->found, slot->found->nelts - 1, const twc_remote_msg_t *);
    return oldest->date_created == 0 || oldest->date_created >= twc_verdict_since(&slot->claim);
}

bool twc_search_landed(twc_worker_t *w, twc_slot_t *slot)
{
    return !slot->readable || !needs_more(slot) || slot->pages >= SEARCH_PAGES || twc_flight_start(w->flight, slot) != APR_SUCCESS;
}

void twc_search_judge(twc_worker_t *w, twc_slot_t *slot)
{
    if (!slot->readable || search_result(w, slot, !needs_more(slot)) != APR_SUCCESS)
        twc_verdict_unread(&slot->claim, &slot->outcome, &slot->settle);
}

/* A callback told its SID, and whoever wrote that down left the row behind. */
static void found_by_callback(twc_worker_t *w, twc_slot_t *slot)
{
    const twc_remote_msg_t told = { .sid = slot->claim.sid };

    twc_verdict_found(&slot->claim, &told, &slot->settle);
    twc_worker_tell(w, slot);
    twc_slots_add(&w->results, slot);
}

void twc_search_start(twc_worker_t *w, apr_time_t now)
{
    twc_slots_t ready = { .count = 0 };
    twc_claim_t *claims;
    twc_ctx_t ctx;
    int count, room_left = w->free[1].count;

    if (now < w->search_at || room_left == 0)
        return;
    w->search_at = now + TWC_WORKER_POLL;
    twc_ledger_context(w, &ctx);
    if (twc_outbox_take_unknown(&ctx, room_left, w->sender->cli, twc_ledger_lease(w) * 2, &claims, &count) != APR_SUCCESS)
        return;
    for (int i = 0; i < count; i++) {
        twc_slot_t *slot = twc_ledger_fill(w, true, &claims[i]);

        if (slot && slot->claim.sid)
            found_by_callback(w, slot);
        else if (slot)
            twc_slots_add(&ready, slot);
    }
    twc_ledger_hand_over(w, &ready);
    if (count == room_left)
        w->search_at = now;             /* there may be more, as soon as there is room */
}
