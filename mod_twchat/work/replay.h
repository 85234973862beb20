/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * replay.h - the calls of Twilio that wait in a spool are stored, in the order in which they came.
 */
#ifndef TWC_WORK_REPLAY_H
#define TWC_WORK_REPLAY_H

#include "spool/spool.h"

/** What one round did. */
typedef struct twc_replayed_t {
    int stored;                         /* records the database has now (or had before) */
    int failed;                         /* records it refused one by one: they are in the journal, verdict "failed" */
    int damaged;                        /* stretches that could not be read: their segment is kept */
} twc_replayed_t;

/**
 * Store the oldest records of the spool, at most one batch, and note that they are done with. The claim is held.
 * Doing it twice does no harm.
 * @param done  out: all zero when nothing waits
 * @return APR_SUCCESS | as twc_db_run: the records are still there, try again later
 */
apr_status_t twc_replay_some(twc_ctx_t *ctx, twc_spool_t *spool, twc_replayed_t *done);

#endif
