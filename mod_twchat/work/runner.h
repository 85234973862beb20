/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * runner.h - the threads that do the jobs webhooks left: answers (in the database
 * only) on one, fetching from Twilio and periodic work on the other.
 */
#ifndef TWC_WORK_RUNNER_H
#define TWC_WORK_RUNNER_H

#include "work/journal.h"
#include "work/thread.h"

/** What the runner tells the rest of the tenant's work. */
typedef struct twc_runner_env_t {
    twc_thread_env_t thread;
    twc_journal_t *journal;
    void (*wake)(void *baton, unsigned wake);   /* acts on TWC_WAKE_* */
    void *wake_baton;
} twc_runner_env_t;

/** Prepare the thread for answers and the journal. env must outlive it. */
apr_status_t twc_runner_create(twc_thread_t **thread, apr_pool_t *pool, const twc_runner_env_t *env);

/** The same for media, refetches, opt-outs that Twilio reported, purges. */
apr_status_t twc_fetcher_create(twc_thread_t **thread, apr_pool_t *pool, const twc_runner_env_t *env);

#endif
