/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * waiters.h - requests that wait until their message has left the queue.
 */
#ifndef TWC_WORK_WAITERS_H
#define TWC_WORK_WAITERS_H

#include "twc.h"

typedef struct twc_waiters_t twc_waiters_t;

apr_status_t twc_waiters_create(twc_waiters_t **waiters, apr_pool_t *pool);

/** The message has left the queue, and that is committed. From any thread. */
void twc_waiters_tell(twc_waiters_t *waiters, apr_int64_t message_id);

/**
 * Wait until somebody tells, or the database says so: another child may have sent it. Call it after the message
 * was committed and the sender woken. No connection is held while waiting.
 * @param done  out: false when patience or the process came to an end first
 * @return APR_SUCCESS; a database that does not answer only means waiting on
 */
apr_status_t twc_waiters_wait(twc_waiters_t *waiters, twc_ctx_t *ctx, apr_int64_t message_id,
                              apr_interval_time_t patience, bool *done);

/** Let everybody go, now and from now on. */
void twc_waiters_stop(twc_waiters_t *waiters);

#endif
