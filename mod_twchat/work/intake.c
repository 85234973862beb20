/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * intake.c - webhooks on their way to a safe place.
 * Must never report success for a call that neither a commit nor a sync to disk stands for.
 * Called by work.c on the threads of requests.
 */
#include <string.h>

#include <apr_atomic.h>

#include "work/batch.h"
#include "work/intake.h"
#include "work/spooler.h"

#define LEADERS 2                       /* batches in flight: one runs while the next gathers */
#define PATIENCE apr_time_from_sec(3)   /* for a place in one; Twilio waits 15 seconds for the whole, statement and all */

struct twc_intake_t {
    twc_batch_t *messages, *statuses;
    twc_spooler_t *spooler;             /* NULL: without a spool */
    volatile apr_uint32_t started;
};

/* One call in a batch. */
typedef struct entry_t {
    twc_intake_t *intake;
    union {
        twc_inbound_t *message;
        twc_status_t *status;
    };
} entry_t;

/* ---- the database ---------------------------------------------------------------------- */

/* While earlier calls wait in the spool, later ones do not try the database: they would overtake them, and where
 * it is slow rather than away they would pile up before it. */
static apr_status_t may_try(const twc_intake_t *intake, twc_ctx_t *ctx)
{
    if (!twc_spooler_first(intake->spooler))
        return APR_SUCCESS;
    return twc_problem(ctx, APR_EAGAIN, "spooling", "Earlier calls wait in the spool.");
}

static apr_status_t run_messages(twc_ctx_t *ctx, void **items, int count)
{
    entry_t *const *entries = (entry_t *const *)items;
    twc_inbound_t *messages[TWC_BATCH_MAX];

    TWC_TRY(may_try(entries[0]->intake, ctx));
    for (int i = 0; i < count; i++)
        messages[i] = entries[i]->message;
    return twc_ingest_messages(ctx, messages, count);
}

static apr_status_t run_statuses(twc_ctx_t *ctx, void **items, int count)
{
    entry_t *const *entries = (entry_t *const *)items;
    twc_status_t *statuses[TWC_BATCH_MAX];

    TWC_TRY(may_try(entries[0]->intake, ctx));
    for (int i = 0; i < count; i++)
        statuses[i] = entries[i]->status;
    return twc_ingest_statuses(ctx, statuses, count);
}

/* A SID may stand in a statement once. */
static bool same_sid(const void *a, const void *b)
{
    return strcmp(((const entry_t *)a)->message->sid, ((const entry_t *)b)->message->sid) == 0;
}

/* ---- the spool -------------------------------------------------------------------------- */

/* What the database refuses because of the call itself would be refused again. */
static bool is_worth_keeping(apr_status_t rv)
{
    return rv == APR_EAGAIN || rv == APR_TIMEUP || rv == APR_EGENERAL;
}

static apr_status_t take_in(twc_intake_t *intake, twc_ctx_t *ctx, twc_batch_t *batch, entry_t *entry,
                            const twc_call_t *call, bool *spooled)
{
    bool started = apr_atomic_read32(&intake->started), tried = started && !twc_spooler_first(intake->spooler);
    twc_problem_t why;
    apr_status_t rv = APR_EAGAIN;

    if (!intake->spooler)
        return twc_batch_do(batch, ctx, entry);
    if (tried)
        rv = twc_batch_do(batch, ctx, entry);
    if (rv == APR_SUCCESS || !is_worth_keeping(rv))
        return rv;
    why = *ctx->problem;
    twc_problem_clear(ctx);
    rv = twc_spooler_keep(intake->spooler, ctx, call);
    *spooled = rv == APR_SUCCESS;
    if (rv != APR_SUCCESS && started && !tried) {       /* because others wait there: better out of order than lost */
        twc_problem_clear(ctx);
        return twc_batch_do(batch, ctx, entry);
    }
    if (rv != APR_SUCCESS && !ctx->problem->internal)
        ctx->problem->internal = why.internal ? why.internal : why.detail;
    return rv;
}

apr_status_t twc_intake_message(twc_intake_t *intake, twc_ctx_t *ctx, twc_inbound_t *item)
{
    entry_t entry = { .intake = intake, .message = item };

    return take_in(intake, ctx, intake->messages, &entry, item->call, &item->spooled);
}

apr_status_t twc_intake_status(twc_intake_t *intake, twc_ctx_t *ctx, twc_status_t *item)
{
    entry_t entry = { .intake = intake, .status = item };

    return take_in(intake, ctx, intake->statuses, &entry, item->call, &item->spooled);
}

/* ---- life --------------------------------------------------------------------------------- */

apr_status_t twc_intake_create(twc_intake_t **intake, apr_pool_t *pool, const twc_thread_env_t *env,
                               void (*wake)(void *, unsigned), void *wake_baton)
{
    twc_intake_t *i = apr_pcalloc(pool, sizeof(*i));
    const char *reason;

    TWC_TRY(twc_batch_create(&i->messages, pool, LEADERS, run_messages, same_sid));
    TWC_TRY(twc_batch_create(&i->statuses, pool, LEADERS, run_statuses, NULL));
    twc_batch_set_patience(i->messages, PATIENCE);
    twc_batch_set_patience(i->statuses, PATIENCE);
    if (env->conf->spool_dir && twc_spooler_create(&i->spooler, pool, env, wake, wake_baton, &reason) != APR_SUCCESS) {
        twc_thread_log(env, TWC_LOG_ERR, NULL, "TWC2610", "%s; while the database is away webhooks will be refused", reason);
        i->spooler = NULL;
    }
    *intake = i;
    return APR_SUCCESS;
}

apr_status_t twc_intake_start(twc_intake_t *intake)
{
    if (intake->spooler)
        TWC_TRY(twc_spooler_start(intake->spooler));
    apr_atomic_set32(&intake->started, 1);
    return APR_SUCCESS;
}

twc_thread_t *twc_intake_thread(twc_intake_t *intake)
{
    return twc_spooler_thread(intake->spooler);
}

bool twc_intake_has_spool(const twc_intake_t *intake)
{
    return intake->spooler != NULL;
}
