/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fetcher.c - jobs that ask Twilio something (attachments, contradictory statuses),
 * opt-outs that Twilio reported, and what is due once a minute.
 * Must never do anything that could not be repeated: a job is leased, not taken.
 * Started by work.c.
 */
#include <string.h>

#include "store/consent.h"
#include "store/follow.h"
#include "store/job.h"
#include "store/outbox.h"
#include "store/setting.h"
#include "store/signin.h"
#include "twilio/client.h"
#include "twilio/status.h"
#include "util/clock.h"
#include "util/mask.h"
#include "work/runner.h"

#define IDLE        apr_time_from_sec(2)
#define LEASE       apr_time_from_sec(120)
#define TRIES_MAX   12
#define PURGE_EVERY apr_time_from_sec(60)
#define SWEEP_EVERY apr_time_from_sec(5)
#define ANSWER_WAITS apr_time_from_sec(15)      /* so long Twilio waits for the answer to a webhook */
#define FOLLOW_TRIES 28                 /* twice a day, for two weeks */
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
    else if (last_try && rv != APR_EINTR)
        state = "failed";
    else
        return rv;
    twc_problem_clear(ctx);
    return twc_job_media_kept(ctx, message_id, m->idx, state, reason, type, NULL);
}

/* In a pool of its own, because ten large ones do not fit into memory at once. */
static apr_status_t fetch_apart(twc_ctx_t *ctx, apr_int64_t message_id, const twc_pending_media_t *m, bool last_try)
{
    twc_ctx_t own;
    apr_pool_t *pool;
    apr_status_t rv;

    TWC_TRY(apr_pool_create(&pool, ctx->pool));
    twc_ctx_init(&own, pool, ctx->db, ctx->conf);
    own.stop = ctx->stop;
    own.stop_baton = ctx->stop_baton;
    rv = fetch_one(&own, message_id, m, last_try);
    ctx->wake |= own.wake;
    if (rv != APR_SUCCESS)
        twc_problem(ctx, rv, "media", "%s", own.problem->detail ? own.problem->detail : "It could not be fetched.");
    apr_pool_destroy(pool);
    return rv;
}

/* One that is not ready yet does not hold up the others. */
static apr_status_t do_media(twc_ctx_t *ctx, const twc_job_t *job)
{
    twc_pending_media_t pending[MEDIA_MAX];
    apr_status_t first = APR_SUCCESS;
    int count;

    TWC_TRY(twc_job_media(ctx, job->message_id, pending, MEDIA_MAX, &count));
    for (int i = 0; i < count && first != APR_EINTR; i++) {
        apr_status_t rv = fetch_apart(ctx, job->message_id, &pending[i], job->attempts >= TRIES_MAX);
        if (first == APR_SUCCESS || rv == APR_EINTR)
            first = rv;
    }
    return first;
}

/* ---- statuses and opt-outs ----------------------------------------------------------- */

/* Take over what Twilio says of a message now. known false: it is gone there, nothing is to be settled. */
static apr_status_t ask_twilio(twc_ctx_t *ctx, const char *sid, twc_remote_msg_t *remote, bool *known)
{
    const twc_remote_msg_t *seen = remote;
    apr_status_t rv = twc_client_fetch(ctx, sid, remote);

    *known = rv != APR_ENOENT;
    if (!*known) {
        twc_problem_clear(ctx);
        return APR_SUCCESS;
    }
    TWC_TRY(rv);
    return twc_msg_seen(ctx, &seen, 1);
}

/* APR_SUCCESS with id 0: gone since. */
static apr_status_t load(twc_ctx_t *ctx, const twc_job_t *job, twc_msg_t *msg)
{
    apr_status_t rv = twc_msg_load(ctx, job->message_id, msg);

    if (rv != APR_ENOENT)
        return rv;
    twc_problem_clear(ctx);
    *msg = (twc_msg_t){ .id = 0 };
    return APR_SUCCESS;
}

static apr_status_t do_refetch(twc_ctx_t *ctx, const twc_job_t *job)
{
    twc_remote_msg_t remote;
    twc_msg_t msg;
    bool known;

    TWC_TRY(load(ctx, job, &msg));
    return msg.sid ? ask_twilio(ctx, msg.sid, &remote, &known) : APR_SUCCESS;
}

/* Nothing final was heard for long. "sent" may be the last there ever is; before that Twilio still has something to do.
 * @return APR_SUCCESS | APR_INCOMPLETE to be looked at again */
static apr_status_t do_follow(twc_ctx_t *ctx, const twc_job_t *job)
{
    twc_remote_msg_t remote = { .status = NULL };
    bool known = false, stuck, changed, pending;
    twc_msg_t msg;

    TWC_TRY(load(ctx, job, &msg));
    if (!msg.id)
        return APR_SUCCESS;
    if (!msg.sid) {
        TWC_TRY(twc_outbox_pending(ctx, msg.id, &pending));
        return pending ? APR_INCOMPLETE : APR_SUCCESS;
    }
    if (!twc_status_is_final(msg.status))
        TWC_TRY(ask_twilio(ctx, msg.sid, &remote, &known));
    stuck = known && remote.status && twc_status_rank(remote.status) < twc_status_rank("sent");
    TWC_TRY(twc_follow_mark(ctx, msg.id, stuck, &changed));
    if (!stuck)
        return APR_SUCCESS;
    if (changed)
        twc_problem(ctx, APR_INCOMPLETE, "stuck", "Twilio has had it since %s and says \"%s\".",
                    remote.date_created ? twc_clock_iso(ctx->pool, remote.date_created) : "long ago", remote.status);
    return APR_INCOMPLETE;
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
    { "follow", do_follow },
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
    else if (rv == APR_INCOMPLETE && job->attempts < FOLLOW_TRIES) {
        if (ctx->problem->detail)
            twc_thread_log(&env->thread, TWC_LOG_WARNING, ctx, "TWC2511", "message %" APR_INT64_T_FMT " is stuck", job->message_id);
        twc_job_later(&after, job->id, TWC_FOLLOW_AFTER, NULL);
        env->wake(env->wake_baton, ctx->wake);
    }
    else if (rv == APR_INCOMPLETE)
        twc_job_done(&after, job->id);
    else if (job->attempts >= TRIES_MAX && rv != APR_EINTR) {
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
    if (twc_journal_purge(&ctx) != APR_SUCCESS || twc_signin_purge(&ctx) != APR_SUCCESS)
        twc_thread_log(&env->thread, TWC_LOG_DEBUG, &ctx, "TWC2503", "nothing was purged this time");
}

static void sweep(const twc_runner_env_t *env, twc_thread_t *thread)
{
    twc_ctx_t ctx;

    apr_pool_clear(twc_thread_scratch(thread));
    twc_ctx_init(&ctx, twc_thread_scratch(thread), env->thread.db, env->thread.conf);
    if (twc_follow_sweep(&ctx, TWC_FOLLOW_AFTER) != APR_SUCCESS)
        twc_thread_log(&env->thread, TWC_LOG_DEBUG, &ctx, "TWC2510", "no old messages were looked for this time");
    twc_problem_clear(&ctx);
    if (twc_follow_answers(&ctx, ANSWER_WAITS + env->thread.conf->grace) != APR_SUCCESS)
        twc_thread_log(&env->thread, TWC_LOG_DEBUG, &ctx, "TWC2512", "no answers in TwiML were looked for this time");
    env->wake(env->wake_baton, ctx.wake);
}

static void fetcher_thr_main(twc_thread_t *thread, void *baton)
{
    const twc_runner_env_t *env = baton;
    apr_time_t purge_at = twc_clock_ticks() + PURGE_EVERY, sweep_at = 0;

    while (!twc_thread_stopping(thread)) {
        if (twc_clock_ticks() >= sweep_at) {
            sweep(env, thread);
            sweep_at = twc_clock_ticks() + SWEEP_EVERY;
        }
        run_all(env, thread);
        if (twc_clock_ticks() >= purge_at) {
            purge(env, thread);
            purge_at = twc_clock_ticks() + PURGE_EVERY;
        }
        twc_thread_sleep(thread, IDLE);
    }
}

apr_status_t twc_fetcher_create(twc_thread_t **thread, apr_pool_t *pool, const twc_runner_env_t *env)
{
    return twc_thread_create(thread, pool, "fetcher", fetcher_thr_main, (void *)env);
}
