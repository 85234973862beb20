/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooler.h - a tenant's spool in one child: calls of Twilio that the database cannot take go in, and a
 * thread takes them out again when it can. docs/reliability.md explains.
 */
#ifndef TWC_WORK_SPOOLER_H
#define TWC_WORK_SPOOLER_H

#include "store/ingest.h"
#include "work/thread.h"

typedef struct twc_spooler_t twc_spooler_t;

/**
 * Open the spool of env->conf.
 * @param wake    told what replayed calls ask the other threads to look at
 * @param reason  out on failure: a sentence for the administrator
 */
apr_status_t twc_spooler_create(twc_spooler_t **spooler, apr_pool_t *pool, const twc_thread_env_t *env,
                                void (*wake)(void *baton, unsigned what), void *wake_baton, const char **reason);

/** Start the thread that replays; the database's schema is right. */
apr_status_t twc_spooler_start(twc_spooler_t *spooler);
twc_thread_t *twc_spooler_thread(twc_spooler_t *spooler);

/**
 * Must a call go to the spool although the database may be there? So it is while others wait there, or it
 * would overtake them; but not for some seconds after the spool could not take one: to lose the order is better
 * than to lose the call. NULL spooler: false. Costs nothing.
 */
bool twc_spooler_first(const twc_spooler_t *spooler);

/**
 * Make a call safe on the disk; shares the sync with others. While the backlog is being replayed the caller is kept
 * for a moment, so that calls do not come in faster than they go out.
 * @return APR_SUCCESS | APR_EAGAIN with problem "spool_full" or "spool_unwritable"
 */
apr_status_t twc_spooler_keep(twc_spooler_t *spooler, twc_ctx_t *ctx, const twc_call_t *call);

#endif
