/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * work.h - everything one child process does for one tenant beside answering
 * requests: the sender and runner threads, the scheduler, the event hub,
 * the batches that webhooks share, and the journal of refused calls.
 */
#ifndef TWC_WORK_WORK_H
#define TWC_WORK_WORK_H

#include "store/db.h"
#include "store/ingest.h"
#include "work/hub.h"
#include "work/thread.h"

typedef struct twc_work_t twc_work_t;

/**
 * Prepare the tenant's work in this process; starts nothing yet.
 * @param pool  lives as long as the child. The work dies with twc_work_join at the latest
 */
apr_status_t twc_work_create(twc_work_t **work, apr_pool_t *pool, const twc_conf_t *conf, twc_db_t *db,
                             twc_log_fn log, void *log_baton);

/** How many descriptors a tenant's work may hold at once beside its live pages: connections to the database and to Twilio, files. */
int twc_work_descriptors(const twc_conf_t *conf);

/** Start the threads; after a failure again, for those that are missing. They may be woken, and calls taken in, before. */
apr_status_t twc_work_start(twc_work_t *work);

/** Ask them to stop; returns at once, from any thread, any number of times. */
void twc_work_stop(twc_work_t *work);

/** Wait for them until `deadline` at most, aborting what is in flight. */
void twc_work_join(twc_work_t *work, apr_time_t deadline);

/** Act on ctx->wake. */
void twc_work_wake(twc_work_t *work, unsigned wake);

/** Make one inbound message or status callback durable, in the database or the spool: intake.h. */
apr_status_t twc_work_message(twc_work_t *work, twc_ctx_t *ctx, twc_inbound_t *item);
apr_status_t twc_work_status(twc_work_t *work, twc_ctx_t *ctx, twc_status_t *item);

/** Can webhooks be taken while the database is not ready? */
bool twc_work_has_spool(const twc_work_t *work);

/** Note a call that was not stored, without making the caller wait; floods are counted, not kept. */
void twc_work_journal(twc_work_t *work, const twc_call_t *call, const char *verdict, const char *reason,
                      const char *sid);

/**
 * Wait until the message has left our queue (Twilio answered, or it failed), at most `patience`.
 * @param done  out: false when time ran out
 */
apr_status_t twc_work_await(twc_work_t *work, twc_ctx_t *ctx, apr_int64_t message_id,
                            apr_interval_time_t patience, bool *done);

twc_hub_t *twc_work_hub(twc_work_t *work);
bool twc_work_stopping(const twc_work_t *work);

#endif
