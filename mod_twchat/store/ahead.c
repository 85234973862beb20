/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ahead.c - after the database's clock was set back, everything written before waits until it has caught up.
 * Must never end a lease early: whoever holds it may be sending.
 * Called by work/runner.c now and then.
 */
#include "store/ahead.h"
#include "store/sql.h"

/* Transactions that run side by side differ by less than that in what they call now. */
#define SAME "interval '5 seconds'"

/* The most each may lie ahead: a sender rests for a minute (for ever where a person says so), looking for a message is put off by ten
 * at most, jobs by five; those that follow a message up wait for hours. What is later is as wrong as an attempt that
 * lies in the future. Rows that are locked are somebody's, and their turn comes with the next look. */
static const twc_sql_t SQL_PULL = { "twc_ahead_pull",
    "WITH resting AS MATERIALIZED ("
    " SELECT sender FROM senders"
    "  WHERE refilled_at > now() + " SAME " OR (parked_until > now() + interval '2 minutes' AND parked_until < 'infinity')"
    "  FOR UPDATE SKIP LOCKED"
    "), s AS ("
    " UPDATE senders SET refilled_at = least(refilled_at, now()),"
    "        parked_until = CASE WHEN parked_until = 'infinity' THEN parked_until ELSE least(parked_until, now()) END"
    "  WHERE sender = ANY (ARRAY(SELECT sender FROM resting)) RETURNING 1"
    "), leased AS MATERIALIZED ("
    " SELECT message_id FROM outbox WHERE state IN ('sending', 'unknown') AND lease_until > now()"
    "    AND (attempted_at > now() + " SAME " OR lease_until > now() + interval '11 minutes') FOR UPDATE SKIP LOCKED"
    "), o AS ("
    " UPDATE outbox SET attempted_at = least(attempted_at, now()),"
    "        lease_until = now() + least(lease_until - greatest(attempted_at, now()), interval '11 minutes')"
    "  WHERE message_id = ANY (ARRAY(SELECT message_id FROM leased)) RETURNING 1"
    "), late AS MATERIALIZED ("
    " SELECT id FROM jobs WHERE run_at > now() + " SAME " AND kind <> 'follow'"
    "    AND (created_at > now() + " SAME " OR run_at > now() + interval '6 minutes') FOR UPDATE SKIP LOCKED"
    "), j AS ("
    " UPDATE jobs SET run_at = now(), created_at = least(created_at, now()) WHERE id = ANY (ARRAY(SELECT id FROM late)) RETURNING 1"
    "), w AS ("
    " UPDATE sweeps SET run_at = now() WHERE run_at > now() + interval '1 minute' RETURNING 1"
    ") "
    "SELECT (SELECT count(*) FROM s) + (SELECT count(*) FROM o) + (SELECT count(*) FROM j) + (SELECT count(*) FROM w)",
    TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_ahead_sql[] = { &SQL_PULL, NULL };

apr_status_t twc_ahead_pull(twc_ctx_t *ctx, int *count)
{
    twc_rows_t *rows;

    *count = 0;
    TWC_TRY(twc_db_run(ctx, &SQL_PULL, NULL, &rows));
    *count = (int)twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}
