/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - a batch from the spool into the database.
 * Must never pass over a record that is neither stored nor in the journal, nor let one that the
 * database refuses hold up the others.
 * Called by work/spooler.c and `twchatctl spool replay`.
 */
#include <string.h>

#include "domain/call.h"
#include "domain/inbound.h"
#include "store/setting.h"
#include "work/batch.h"
#include "work/replay.h"

typedef struct item_t {
    twc_call_t *call;
    twc_inbound_t *message;             /* one of the two, until it is done */
    twc_status_t *status;
} item_t;

typedef struct round_t {
    twc_ctx_t *ctx;
    item_t items[TWC_BATCH_MAX];
    int count;
    twc_replayed_t *done;
} round_t;

/* What the journal keeps of a call that cannot be stored. */
static apr_status_t give_up(round_t *round, const twc_call_t *call, const char *verdict, const char *sid)
{
    twc_ctx_t *ctx = round->ctx;
    twc_journal_row_t row = { .call = *call, .verdict = verdict, .sid = sid,
                              .reason = ctx->problem->detail ? ctx->problem->detail : "The database refused." };

    twc_problem_clear(ctx);
    TWC_TRY(twc_journal_write(ctx, &row, 1));
    round->done->failed++;
    return APR_SUCCESS;
}

/* Nobody waits for an answer in TwiML any more: it becomes a message of its own. */
static void answer_later(twc_inbound_t *in)
{
    if (in->ack)
        in->answer_arg = TWC_ANSWER_ACK;
    in->ack = false;
}

static apr_status_t read_call(round_t *round, twc_call_t *call)
{
    twc_ctx_t *ctx = round->ctx;
    item_t *item = &round->items[round->count];
    const twc_form_t *form;
    apr_status_t rv;

    *item = (item_t){ .call = call };
    if (twc_call_form(ctx->pool, call, &form) != APR_SUCCESS)
        rv = twc_problem(ctx, APR_EINVAL, "unreadable", "Its content cannot be read.");
    else if (strcmp(call->kind, "status") == 0)
        rv = twc_inbound_read_status(ctx, form, call, &item->status);
    else
        rv = twc_inbound_read(ctx, form, call, &item->message);
    if (rv != APR_SUCCESS)
        return give_up(round, call, "invalid", NULL);
    if (item->message)
        answer_later(item->message);
    round->count++;
    return APR_SUCCESS;
}

/* ---- storing ------------------------------------------------------------------------------- */

/* The failure of one record, as opposed to one of the database, which passes. */
static bool is_refused(const twc_ctx_t *ctx, apr_status_t rv)
{
    if (rv == APR_EINVAL || rv == APR_EEXIST || rv == APR_ENOENT)
        return true;
    return rv == APR_EGENERAL && !(ctx->problem->code && strcmp(ctx->problem->code, "database_schema") == 0);
}

static apr_status_t store_messages(twc_ctx_t *ctx, item_t *const *batch, int count)
{
    twc_inbound_t *messages[TWC_BATCH_MAX];

    for (int i = 0; i < count; i++)
        messages[i] = batch[i]->message;
    return twc_ingest_messages(ctx, messages, count);
}

static apr_status_t store_statuses(twc_ctx_t *ctx, item_t *const *batch, int count)
{
    twc_status_t *statuses[TWC_BATCH_MAX];

    for (int i = 0; i < count; i++)
        statuses[i] = batch[i]->status;
    return twc_ingest_statuses(ctx, statuses, count);
}

static apr_status_t store(round_t *round, apr_status_t (*fn)(twc_ctx_t *, item_t *const *, int),
                          item_t **batch, int count)
{
    apr_status_t rv = count ? fn(round->ctx, batch, count) : APR_SUCCESS;

    if (rv == APR_SUCCESS) {
        round->done->stored += count;
        return rv;
    }
    if (!is_refused(round->ctx, rv))
        return rv;
    if (count == 1)
        return give_up(round, batch[0]->call, "failed", batch[0]->message ? batch[0]->message->sid : batch[0]->status->sid);
    twc_problem_clear(round->ctx);
    for (int i = 0; i < count; i++)
        TWC_TRY(store(round, fn, &batch[i], 1));
    return APR_SUCCESS;
}

static bool has_sid(item_t *const *batch, int count, const char *sid)
{
    for (int i = 0; i < count; i++)
        if (strcmp(batch[i]->message->sid, sid) == 0)
            return true;
    return false;
}

/* A SID may stand in a statement once: its repetitions take another one. */
static apr_status_t store_all_messages(round_t *round)
{
    int left;

    do {
        item_t *batch[TWC_BATCH_MAX];
        int count = 0;

        left = 0;
        for (int i = 0; i < round->count; i++) {
            item_t *item = &round->items[i];
            if (!item->message)
                continue;
            if (has_sid(batch, count, item->message->sid))
                left++;
            else
                batch[count++] = item;
        }
        TWC_TRY(store(round, store_messages, batch, count));
        for (int i = 0; i < count; i++)
            batch[i]->message = NULL;
    } while (left > 0);
    return APR_SUCCESS;
}

static apr_status_t store_all_statuses(round_t *round)
{
    item_t *batch[TWC_BATCH_MAX];
    int count = 0;

    for (int i = 0; i < round->count; i++)
        if (round->items[i].status)
            batch[count++] = &round->items[i];
    return store(round, store_statuses, batch, count);
}

/* ---- one round -------------------------------------------------------------------------------- */

apr_status_t twc_replay_some(twc_ctx_t *ctx, twc_spool_t *spool, twc_replayed_t *done)
{
    twc_spooled_t records[TWC_BATCH_MAX];
    round_t round = { .ctx = ctx, .done = done };
    int count;

    *done = (twc_replayed_t){ 0, 0, 0 };
    TWC_TRY(twc_spool_read(spool, ctx->pool, twc_spool_replayed(spool), records, TWC_BATCH_MAX, &count));
    if (count == 0)
        return APR_SUCCESS;
    for (int i = 0; i < count; i++) {
        twc_call_t *call;

        if (records[i].payload.data && twc_call_decode(ctx->pool, records[i].payload, &call) == APR_SUCCESS) {
            TWC_TRY(read_call(&round, call));
            continue;
        }
        twc_spool_set_aside(spool, &records[i]);
        done->damaged++;
    }
    TWC_TRY(store_all_messages(&round));
    TWC_TRY(store_all_statuses(&round));
    return twc_spool_advance(spool, records[count - 1].end, count);
}
