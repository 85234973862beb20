/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * runner.c - answers to inbound messages, one transaction each, and the journal.
 * Must never talk to anybody but the database: a slow peer would hold up answers.
 * Started by work.c.
 */
#include "domain/answer.h"
#include "store/ahead.h"
#include "util/clock.h"
#include "util/mask.h"
#include "work/runner.h"

#define IDLE        apr_time_from_sec(1)
#define CLOCK_EVERY apr_time_from_sec(10)
#define TRIES_MAX   50                  /* an answer that cannot be given for so long is given up, aloud */

static apr_interval_time_t backoff(int attempts)
{
    apr_interval_time_t delay = apr_time_from_sec(1) << (attempts < 6 ? attempts : 6);

    return delay;
}

static void put_off(const twc_runner_env_t *env, twc_ctx_t *ctx, const twc_answer_t *answer)
{
    twc_ctx_t again;

    twc_thread_log(&env->thread, TWC_LOG_WARNING, ctx, "TWC2401", "the answer to message %" APR_INT64_T_FMT
                   " has to wait", answer->turn.message_id);
    twc_ctx_init(&again, ctx->pool, ctx->db, ctx->conf);
    if (answer->attempts >= TRIES_MAX) {
        twc_thread_log(&env->thread, TWC_LOG_ERR, ctx, "TWC2402", "message %" APR_INT64_T_FMT
                       " stays without an automatic answer", answer->turn.message_id);
        twc_job_done(&again, answer->job_id);
        return;
    }
    twc_job_later(&again, answer->job_id, backoff(answer->attempts), ctx->problem->detail);
}

static void report(const twc_runner_env_t *env, const twc_ctx_t *ctx, const twc_answer_t *answer, twc_answer_e outcome)
{
    const char *who = twc_mask_phone(ctx->pool, answer->turn.peer);

    if (outcome == TWC_ANSWER_SILENCED)
        twc_thread_log(&env->thread, TWC_LOG_WARNING, NULL, "TWC2403",
                       "%s had %d automatic answers in a row; silent until the window ends (another machine?)",
                       who, ctx->conf->answers_max);
    else if (outcome == TWC_ANSWER_REFUSED)
        twc_thread_log(&env->thread, TWC_LOG_INFO, ctx, "TWC2404", "no automatic answer to %s", who);
}

/* Not one answer but all: the database gives none to do. Told once, until it does again. */
static void tell_waiting(const twc_runner_env_t *env, const twc_ctx_t *ctx, bool *told)
{
    if (!*told)
        twc_thread_log(&env->thread, TWC_LOG_WARNING, ctx, "TWC2406", "automatic answers have to wait");
    *told = true;
}

/* All answers that are due. told: that there was nothing to be had, and nobody needs to hear it again */
static void answer_all(const twc_runner_env_t *env, twc_thread_t *thread, bool *told)
{
    apr_pool_t *scratch = twc_thread_scratch(thread);
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !twc_thread_stopping(thread)) {
        twc_answer_t answer;
        twc_answer_e outcome;
        twc_ctx_t ctx;

        apr_pool_clear(scratch);
        twc_ctx_init(&ctx, scratch, env->thread.db, env->thread.conf);
        rv = twc_answer_next(&ctx, &answer, &outcome);
        if (rv == APR_SUCCESS || rv == APR_ENOENT)
            *told = false;
        if (rv == APR_SUCCESS) {
            report(env, &ctx, &answer, outcome);
            env->wake(env->wake_baton, ctx.wake);
        }
        else if (answer.job_id) {
            put_off(env, &ctx, &answer);
            rv = APR_SUCCESS;           /* the others need not wait for it */
        }
        else if (rv != APR_ENOENT)
            tell_waiting(env, &ctx, told);
    }
}

static void mend_clock(const twc_runner_env_t *env, twc_thread_t *thread)
{
    apr_pool_t *scratch = twc_thread_scratch(thread);
    twc_ctx_t ctx;
    int count;

    apr_pool_clear(scratch);
    twc_ctx_init(&ctx, scratch, env->thread.db, env->thread.conf);
    if (twc_ahead_pull(&ctx, &count) != APR_SUCCESS || count == 0)
        return;                         /* who needs the database finds out by himself that it is away */
    twc_thread_log(&env->thread, TWC_LOG_WARNING, NULL, "TWC2407", "the clock of the database was set back: %d things that would"
                   " have waited until it has caught up go on", count);
    env->wake(env->wake_baton, TWC_WAKE_SENDER);
}

static void runner_thr_main(twc_thread_t *thread, void *baton)
{
    const twc_runner_env_t *env = baton;
    apr_pool_t *scratch = twc_thread_scratch(thread);
    apr_time_t clock_at = 0;
    bool told = false;
    twc_ctx_t ctx;

    while (!twc_thread_stopping(thread)) {
        if (twc_clock_ticks() >= clock_at) {
            mend_clock(env, thread);
            clock_at = twc_clock_ticks() + CLOCK_EVERY;
        }
        answer_all(env, thread, &told);
        apr_pool_clear(scratch);
        twc_ctx_init(&ctx, scratch, env->thread.db, env->thread.conf);
        if (twc_journal_flush(env->journal, &ctx) != APR_SUCCESS)
            twc_thread_log(&env->thread, TWC_LOG_WARNING, &ctx, "TWC2405", "refused webhooks were not noted in the journal");
        twc_thread_sleep(thread, IDLE);
    }
    apr_pool_clear(scratch);
    twc_ctx_init(&ctx, scratch, env->thread.db, env->thread.conf);
    twc_journal_flush(env->journal, &ctx);
}

apr_status_t twc_runner_create(twc_thread_t **thread, apr_pool_t *pool, const twc_runner_env_t *env)
{
    return twc_thread_create(thread, pool, "runner", runner_thr_main, (void *)env);
}
