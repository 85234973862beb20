/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fetcher.c - jobs that ask Twilio something (attachments, contradictory statuses),
 * opt-outs that Twilio reported, and what is due once a minute.
 * Must never do anything that could not be repeated: a job is leased, not taken.
 * Started by work.c.
 */
#include <string.h>

#include "store/consent.h"
#include "store/job.h"
#include "store/setting.h"
#include "twilio/client.h"
#include "util/mask.h"
#include "work/runner.h"

#define IDLE        apr_time_from_sec(2)
#define LEASE       apr_time_from_sec(120)
#define TRIES_MAX   12
#define PURGE_EVERY apr_time_from_sec(60)
#define MEDIA_MAX   10

/* ---- attachments ------------------------------------------------------------------ */

/* One attachment. APR_SUCCESS also when it is final that we shall not have it. */
static apr_status_t fetch_one(twc_ctx_t *ctx, apr_int64_t message_id, const twc_pending_media_t *m, bool last_try)
{
    const char *type = NULL, *state = "stored", *reason = NULL;
    twc_str_t bytes = { NULL, 0 };
    apr_status_t rv = twc_client_media(ctx, m->url, &type, &bytes);

    if (rv == APR_SUCCESS)
        return twc_job_media_kept(ctx, message_id, m->idx, state, NULL, type, &bytes);
    reason = ctx->problem->detail ? ctx->problem->detail : "It could not be fetched.";
    if (rv == APR_EACCES || rv == APR_ENOSPC)
        state = "refused";
    else if (last_try)
        state = "failed";
    else
        return rv;
    twc_problem_clear(ctx);
    return twc_job_media_kept(ctx, message_id, m->idx, state, reason, type, NULL);
}

static apr_status_t do_media(twc_ctx_t *ctx, const twc_job_t *job)
{
    twc_pending_media_t pending[MEDIA_MAX];
    int count;

    TWC_TRY(twc_job_media(ctx, job->message_id, pending, MEDIA_MAX, &count));
    for (int i = 0; i < count; i++)
        TWC_TRY(fetch_one(ctx, job->message_id, &pending[i], job->attempts >= TRIES_MAX));
    return APR_SUCCESS;
}

/* ---- statuses and opt-outs ----------------------------------------------------------- */

static apr_status_t do_refetch(twc_ctx_t *ctx, const twc_job_t *job)
{
    twc_remote_msg_t remote;
    twc_msg_t msg;
    apr_status_t rv = twc_msg_load(ctx, job->message_id, &msg);

    if (rv == APR_ENOENT || (rv == APR_SUCCESS && !msg.sid)) {
        twc_problem_clear(ctx);
        return APR_SUCCESS;             /* gone since: nothing to settle */
    }
    TWC_TRY(rv);
    rv = twc_client_fetch(ctx, msg.sid, &remote);
    if (rv == APR_ENOENT) {
        twc_problem_clear(ctx);
        return APR_SUCCESS;
    }
    TWC_TRY(rv);
    return twc_job_settle_status(ctx, job->message_id, remote.status, remote.error_code, remote.error_message);
}

static apr_status_t do_opt_out(twc_ctx_t *ctx, const twc_job_t *job)
{
    const char *sender, *service, *peer;
    apr_status_t rv = twc_job_pair(ctx, job->message_id, &sender, &service, &peer);

    if (rv == APR_ENOENT)
        return APR_SUCCESS;
    TWC_TRY(rv);
    if (sender)
        TWC_TRY(twc_consent_record(ctx, sender, peer, true, "error-21610", "21610", job->message_id));
    if (service)
        TWC_TRY(twc_consent_record(ctx, service, peer, true, "error-21610", "21610", job->message_id));
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

static const struct {
    const char *kind;
    apr_status_t (*run)(twc_ctx_t *ctx, const twc_job_t *job);
} kinds[] = {
    { "media", do_media },
    { "refetch", do_refetch },
    { "opt-out", do_opt_out },
};

/* ---- the loop ---------------------------------------------------------------------------- */

static apr_status_t run(twc_ctx_t *ctx, const twc_job_t *job)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, job->kind) == 0)
            return kinds[i].run(ctx, job);
    return twc_problem(ctx, APR_EGENERAL, "job_unknown", "No such kind of job: %s.", job->kind);
}

/* A job of a newer version waits for a process that knows it. */
static apr_interval_time_t delay_of(const twc_ctx_t *ctx, const twc_job_t *job)
{
    int step = job->attempts < 8 ? job->attempts : 8;

    if (ctx->problem->code && strcmp(ctx->problem->code, "job_unknown") == 0)
        return apr_time_from_sec(300);
    return apr_time_from_sec(1) << step;
}

static void finish(const twc_runner_env_t *env, twc_ctx_t *ctx, const twc_job_t *job, apr_status_t rv)
{
    twc_ctx_t after;

    twc_ctx_init(&after, ctx->pool, ctx->db, ctx->conf);
    if (rv == APR_SUCCESS) {
        twc_job_done(&after, job->id);  /* if this fails it is done again, harmlessly */
        env->wake(env->wake_baton, ctx->wake);
    }
    else if (job->attempts >= TRIES_MAX) {
        twc_thread_log(&env->thread, TWC_LOG_ERR, ctx, "TWC2501", "job %s of message %" APR_INT64_T_FMT " is given up",
                       job->kind, job->message_id);
        twc_job_done(&after, job->id);
    }
    else {
        twc_thread_log(&env->thread, TWC_LOG_INFO, ctx, "TWC2502", "job %s of message %" APR_INT64_T_FMT " has to wait",
                       job->kind, job->message_id);
        twc_job_later(&after, job->id, delay_of(ctx, job), ctx->problem->detail);
    }
}

/* A stop does not wait for a peer: the job's lease runs out and somebody else does it. */
static bool stopping(void *thread)
{
    return twc_thread_stopping(thread);
}

static void run_all(const twc_runner_env_t *env, twc_thread_t *thread)
{
    apr_pool_t *scratch = twc_thread_scratch(thread);

    while (!twc_thread_stopping(thread)) {
        twc_job_t job;
        twc_ctx_t ctx;

        apr_pool_clear(scratch);
        twc_ctx_init(&ctx, scratch, env->thread.db, env->thread.conf);
        ctx.stop = stopping;
        ctx.stop_baton = thread;
        if (twc_job_lease(&ctx, LEASE, &job) != APR_SUCCESS)
            return;
        finish(env, &ctx, &job, run(&ctx, &job));
    }
}

/* Old rows go; whoever comes first does it, in its own lock, for all hosts. */
static void purge(const twc_runner_env_t *env, twc_thread_t *thread)
{
    twc_ctx_t ctx;

    apr_pool_clear(twc_thread_scratch(thread));
    twc_ctx_init(&ctx, twc_thread_scratch(thread), env->thread.db, env->thread.conf);
    if (twc_journal_purge(&ctx) != APR_SUCCESS)
        twc_thread_log(&env->thread, TWC_LOG_DEBUG, &ctx, "TWC2503", "nothing was purged this time");
}

static void fetcher_thr_main(twc_thread_t *thread, void *baton)
{
    const twc_runner_env_t *env = baton;
    apr_time_t purge_at = apr_time_now() + PURGE_EVERY;

    while (!twc_thread_stopping(thread)) {
        run_all(env, thread);
        if (apr_time_now() >= purge_at) {
            purge(env, thread);
            purge_at = apr_time_now() + PURGE_EVERY;
        }
        twc_thread_sleep(thread, IDLE);
    }
}

apr_status_t twc_fetcher_start(twc_thread_t **thread, apr_pool_t *pool, const twc_runner_env_t *env)
{
    return twc_thread_start(thread, pool, &env->thread, "fetcher", fetcher_thr_main, (void *)env);
}
