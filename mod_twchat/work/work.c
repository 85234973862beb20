/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * work.c - one tenant's work in one child process: what is started, woken and ended.
 * Must never hold its own locks while it waits for a thread.
 * Called by glue/tenant.c and twchatctl.
 */
#include <apr_atomic.h>

#include "work/intake.h"
#include "work/journal.h"
#include "work/runner.h"
#include "work/sender.h"
#include "work/waiters.h"
#include "work/work.h"

#define HUB_DESCRIPTORS     2           /* its LISTEN and its alarm */
#define SPOOL_DESCRIPTORS   8

struct twc_work_t {
    twc_thread_env_t env;
    twc_intake_t *intake;
    twc_journal_t *journal;
    twc_hub_t *hub;
    twc_waiters_t *waiters;
    twc_sender_t *sender;
    twc_runner_env_t runner_env;
    twc_thread_t *runner, *fetcher;
    volatile apr_uint32_t stopping;
};

/* ---- webhooks ---------------------------------------------------------------------- */

apr_status_t twc_work_message(twc_work_t *w, twc_ctx_t *ctx, twc_inbound_t *item)
{
    apr_status_t rv = twc_intake_message(w->intake, ctx, item);

    if (rv == APR_SUCCESS)
        twc_work_wake(w, ctx->wake);
    return rv;
}

apr_status_t twc_work_status(twc_work_t *w, twc_ctx_t *ctx, twc_status_t *item)
{
    apr_status_t rv = twc_intake_status(w->intake, ctx, item);

    if (rv == APR_SUCCESS) {
        if (item->message_id)
            twc_waiters_tell(w->waiters, item->message_id);
        twc_work_wake(w, ctx->wake);
    }
    return rv;
}

/* ---- life -------------------------------------------------------------------------- */

int twc_work_descriptors(const twc_conf_t *conf)
{
    return conf->statements_max + twc_sender_descriptors(conf) + HUB_DESCRIPTORS + SPOOL_DESCRIPTORS;
}

static void wake(void *baton, unsigned what)
{
    twc_work_wake(baton, what);
}

apr_status_t twc_work_create(twc_work_t **work, apr_pool_t *pool, const twc_conf_t *conf, twc_db_t *db,
                             twc_log_fn log, void *log_baton)
{
    twc_work_t *w = apr_pcalloc(pool, sizeof(*w));

    w->env = (twc_thread_env_t){ .conf = conf, .db = db, .log = log, .log_baton = log_baton };
    TWC_TRY(twc_intake_create(&w->intake, pool, &w->env, wake, w));
    TWC_TRY(twc_journal_create(&w->journal, pool));
    TWC_TRY(twc_waiters_create(&w->waiters, pool));
    TWC_TRY(twc_hub_create(&w->hub, pool, &w->env));
    TWC_TRY(twc_sender_create(&w->sender, pool, &w->env, w->waiters, wake, w));
    w->runner_env = (twc_runner_env_t){ .thread = w->env, .journal = w->journal, .wake = wake, .wake_baton = w };
    TWC_TRY(twc_runner_create(&w->runner, pool, &w->runner_env));
    TWC_TRY(twc_fetcher_create(&w->fetcher, pool, &w->runner_env));
    *work = w;
    return APR_SUCCESS;
}

apr_status_t twc_work_start(twc_work_t *w)
{
    TWC_TRY(twc_intake_start(w->intake));
    TWC_TRY(twc_hub_start(w->hub));
    TWC_TRY(twc_thread_start(w->runner));
    if (!w->env.conf->account_sid)
        return APR_SUCCESS;             /* nothing can be sent or fetched without an account */
    TWC_TRY(twc_thread_start(w->fetcher));
    return twc_sender_start(w->sender);
}

void twc_work_stop(twc_work_t *w)
{
    apr_atomic_set32(&w->stopping, 1);
    twc_hub_stop(w->hub);
    twc_thread_stop(twc_hub_thread(w->hub));
    twc_thread_stop(w->runner);
    twc_thread_stop(twc_intake_thread(w->intake));
    twc_thread_stop(w->fetcher);
    twc_sender_stop(w->sender);
    twc_waiters_stop(w->waiters);
}

static void join(twc_work_t *w, twc_thread_t *thread, apr_time_t deadline)
{
    if (!twc_thread_join(thread, deadline))
        twc_thread_log(&w->env, TWC_LOG_WARNING, NULL, "TWC2101", "thread %s did not end in time", twc_thread_name(thread));
}

void twc_work_join(twc_work_t *w, apr_time_t deadline)
{
    twc_work_stop(w);
    join(w, twc_hub_thread(w->hub), deadline);
    join(w, w->runner, deadline);
    join(w, twc_intake_thread(w->intake), deadline);
    join(w, w->fetcher, deadline);
    twc_sender_join(w->sender, deadline);
}

void twc_work_wake(twc_work_t *w, unsigned what)
{
    if (what & TWC_WAKE_RUNNER) {
        twc_thread_wake(w->runner);
        twc_thread_wake(w->fetcher);
    }
    if (what & TWC_WAKE_SENDER)
        twc_sender_wake(w->sender);
    if (what & TWC_WAKE_EVENTS)
        twc_hub_wake(w->hub);
}

/* ---- the rest ----------------------------------------------------------------------- */

void twc_work_journal(twc_work_t *w, const twc_call_t *call, const char *verdict, const char *reason, const char *sid)
{
    if (twc_journal_add(w->journal, call, verdict, reason, sid))
        twc_thread_wake(w->runner);
}

apr_status_t twc_work_await(twc_work_t *w, twc_ctx_t *ctx, apr_int64_t message_id, apr_interval_time_t patience,
                            bool *done)
{
    return twc_waiters_wait(w->waiters, ctx, message_id, patience, done);
}

bool twc_work_has_spool(const twc_work_t *w)
{
    return twc_intake_has_spool(w->intake);
}

twc_hub_t *twc_work_hub(twc_work_t *w)
{
    return w->hub;
}

bool twc_work_stopping(const twc_work_t *w)
{
    return apr_atomic_read32((volatile apr_uint32_t *)&w->stopping) != 0;
}
