/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * follow.c - finds messages that were sent long ago and have no final status, answers in TwiML that may have got lost, and lists
 * those that are stuck.
 * Must never look at a message twice, nor flood the jobs: attachments wait in the same queue.
 * Called by work/fetcher.c and api/native.c.
 */
#include "store/entry.h"
#include "store/follow.h"
#include "store/sql.h"
#include "util/phone.h"

#define ROOM  "100"                     /* follow jobs that wait at once */
#define SLICE "5000"                    /* messages passed over at once */

/* Where there are more open ones than room, the walk stops at the last that had room. */
static const twc_sql_t SQL_SWEEP = { "twc_follow_sweep",
    "WITH s AS MATERIALIZED ("
    " SELECT done_at, done_id FROM sweeps WHERE name = 'follow' AND run_at <= now() FOR UPDATE SKIP LOCKED"
    "), room AS MATERIALIZED ("
    " SELECT greatest(0, " ROOM " - count(*)) AS n FROM jobs WHERE kind = 'follow' AND run_at <= now()"
    "), passed AS MATERIALIZED ("
    " SELECT p.* FROM s CROSS JOIN LATERAL ("
    "  SELECT m.id, m.created_at, m.status FROM messages m"
    "   WHERE m.direction = 'outbound' AND (m.created_at, m.id) > (s.done_at, s.done_id)"
    "     AND m.created_at <= now() - $1::bigint * interval '1 microsecond'"
    "   ORDER BY m.created_at, m.id LIMIT " SLICE ") p"
    "), open AS MATERIALIZED ("
    " SELECT id, created_at, row_number() OVER (ORDER BY created_at, id) AS n FROM passed"
    "  WHERE status IN ('accepted', 'scheduled', 'queued', 'sending', 'sent')"
    "), upto AS ("
    " SELECT p.created_at, p.id FROM passed p"
    "  WHERE NOT EXISTS (SELECT 1 FROM open o JOIN room r ON o.n = r.n + 1 WHERE (p.created_at, p.id) >= (o.created_at, o.id))"
    "  ORDER BY p.created_at DESC, p.id DESC LIMIT 1"
    "), left_behind AS ("
    " INSERT INTO jobs (kind, message_id, run_at)"
    " SELECT 'follow', o.id,"
    "        CASE WHEN q.message_id IS NULL THEN now() ELSE greatest(q.due_at, now()) + $1::bigint * interval '1 microsecond' END"
    "   FROM open o JOIN room r ON o.n <= r.n LEFT JOIN outbox q ON q.message_id = o.id RETURNING 1"
    "), walked AS ("
    " UPDATE sweeps w SET run_at = now() + interval '10 seconds', done_at = coalesce(u.created_at, w.done_at), done_id = coalesce(u.id, w.done_id)"
    "   FROM s LEFT JOIN upto u ON true WHERE w.name = 'follow'"
    ") "
    "SELECT count(*) FROM left_behind", TWC_SQL_IDEMPOTENT };

/* The same walk, over all that is older than the answer to a webhook can be. The row of the walk is locked until the transaction ends. */
static const twc_sql_t SQL_ANSWERS = { "twc_follow_answers",
    "WITH first AS ("
    " INSERT INTO sweeps (name, done_at) SELECT 'twiml', now() - interval '7 days'"
    "  WHERE NOT EXISTS (SELECT 1 FROM sweeps WHERE name = 'twiml') ON CONFLICT (name) DO NOTHING"
    "), s AS MATERIALIZED ("
    " SELECT done_at, done_id FROM sweeps WHERE name = 'twiml' AND run_at <= now() FOR UPDATE SKIP LOCKED"
    "), passed AS MATERIALIZED ("
    " SELECT p.* FROM s CROSS JOIN LATERAL ("
    "  SELECT m.id, m.created_at, m.source, m.sid, m.status, m.from_addr FROM messages m"
    "   WHERE m.direction = 'outbound' AND (m.created_at, m.id) > (s.done_at, s.done_id)"
    "     AND m.created_at <= now() - $1::bigint * interval '1 microsecond'"
    "   ORDER BY m.created_at, m.id LIMIT " SLICE ") p"
    "), walked AS ("
    " UPDATE sweeps w SET run_at = now() + interval '3 seconds', done_at = coalesce(u.created_at, w.done_at), done_id = coalesce(u.id, w.done_id)"
    "   FROM s LEFT JOIN (SELECT created_at, id FROM passed ORDER BY created_at DESC, id DESC LIMIT 1) u ON true"
    "  WHERE w.name = 'twiml'"
    ") "
    "SELECT id, from_addr FROM passed WHERE source = 'twiml' AND sid IS NULL AND status = 'queued' ORDER BY created_at, id", 0 };

/* A callback that comes this moment wins: the rows are looked at again once they are locked. */
static const twc_sql_t SQL_LOOK_FOR = { "twc_follow_look_for",
    "WITH bucket AS ("
    " INSERT INTO senders (sender, kind) SELECT DISTINCT t.sender, t.kind FROM unnest($2::text[], $3::text[]) AS t(sender, kind) ORDER BY 1"
    " ON CONFLICT (sender) DO NOTHING"
    "), lost AS MATERIALIZED ("
    " SELECT m.id, m.conv_id, m.from_addr, m.created_at, m.num_segments, m.created_at < now() - interval '1 day' AS late FROM messages m"
    "  WHERE m.id = ANY ($1::bigint[]) AND m.sid IS NULL AND m.status = 'queued' ORDER BY m.id FOR UPDATE"
    "), unknown AS ("
    " INSERT INTO outbox (message_id, conv_id, sender, priority, segments, state, due_at, lease_until, attempted_at)"
    " SELECT id, conv_id, from_addr, 0, coalesce(num_segments, 1), 'unknown', created_at, now(), created_at FROM lost WHERE NOT late"
    " ON CONFLICT (message_id) DO NOTHING RETURNING 1"
    "), given_up AS ("
    " UPDATE messages m SET status = 'failed', error_message = 'Nobody knows whether Twilio got this answer.', updated_at = now()"
    "   FROM lost l WHERE l.late AND m.id = l.id AND m.id = ANY ($1::bigint[]) RETURNING m.id, m.conv_id"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM given_up"
    "), failed AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (now() AT TIME ZONE 'UTC')::date, 'failed', pg_backend_pid() % 16, count(*) FROM given_up HAVING count(*) > 0"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    ") "
    "SELECT count(*) FROM unknown", 0 };

static const twc_sql_t SQL_MARK = { "twc_follow_mark",
    "WITH m AS (UPDATE messages SET stuck_at = CASE WHEN $2::boolean THEN now() END"
    "            WHERE id = $1 AND (stuck_at IS NOT NULL) <> $2::boolean RETURNING id, conv_id) "
    "INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM m", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_STUCK = { "twc_follow_stuck",
    "SELECT json_build_object('items', coalesce(json_agg(i ORDER BY i.since, i.id), '[]'::json), 'count', count(*)) FROM ("
    " SELECT m.id, m.sid, m.to_addr AS peer, m.from_addr AS from_number, m.body, m.status, v.why, " TWC_SQL_ISO("v.since") " AS since,"
    "        coalesce(v.reason, CASE v.why"
    "          WHEN 'unknown' THEN 'Nobody knows whether Twilio took it, and it cannot be looked up.'"
    "          WHEN 'twilio' THEN 'Twilio took it and has not finished with it.'"
    "          ELSE 'Nothing is being sent from this sender.' END) AS reason"
    "   FROM stuck_messages v JOIN messages m ON m.id = v.id ORDER BY v.since, v.id LIMIT $1::bigint) i", TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_follow_sql[] = { &SQL_SWEEP, &SQL_ANSWERS, &SQL_LOOK_FOR, &SQL_MARK, &SQL_STUCK, NULL };

apr_status_t twc_follow_sweep(twc_ctx_t *ctx, apr_interval_time_t after)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, after);
    TWC_TRY(twc_db_run(ctx, &SQL_SWEEP, &args, &rows));
    if (twc_rows_int(rows, 0, 0) > 0)
        ctx->wake |= TWC_WAKE_RUNNER;
    return APR_SUCCESS;
}

/* Put them into the queue; a number that has sent nothing yet has no bucket there. */
static apr_status_t look_for(twc_ctx_t *ctx, const twc_rows_t *lost)
{
    int count = twc_rows_count(lost);
    const char **ids = apr_palloc(ctx->scratch, count * sizeof(*ids)), **kinds = apr_palloc(ctx->scratch, count * sizeof(*kinds)),
               **senders = apr_palloc(ctx->scratch, count * sizeof(*senders));
    twc_args_t args;
    twc_rows_t *rows;

    for (int r = 0; r < count; r++) {
        ids[r] = twc_rows_text(lost, r, 0, ctx->scratch);
        senders[r] = twc_rows_text(lost, r, 1, ctx->scratch);
        kinds[r] = twc_sender_kind_name(twc_phone_sender_kind(senders[r]));
    }
    twc_args_init(&args, ctx->scratch);
    twc_arg_array(&args, ids, count);
    twc_arg_array(&args, senders, count);
    twc_arg_array(&args, kinds, count);
    TWC_TRY(twc_db_run(ctx, &SQL_LOOK_FOR, &args, &rows));
    ctx->wake |= twc_rows_int(rows, 0, 0) > 0 ? TWC_WAKE_SENDER | TWC_WAKE_EVENTS : TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

static apr_status_t walk_answers(twc_ctx_t *ctx, void *after)
{
    twc_args_t args;
    twc_rows_t *lost;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, *(apr_interval_time_t *)after);
    TWC_TRY(twc_db_run(ctx, &SQL_ANSWERS, &args, &lost));
    return twc_rows_count(lost) > 0 ? look_for(ctx, lost) : APR_SUCCESS;
}

apr_status_t twc_follow_answers(twc_ctx_t *ctx, apr_interval_time_t after)
{
    return twc_tx_run(ctx, walk_answers, &after);
}

apr_status_t twc_follow_mark(twc_ctx_t *ctx, apr_int64_t id, bool stuck, bool *changed)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_bool(&args, stuck);
    TWC_TRY(twc_db_run(ctx, &SQL_MARK, &args, &rows));
    *changed = twc_rows_affected(rows) > 0;
    if (*changed)
        ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

apr_status_t twc_follow_stuck(twc_ctx_t *ctx, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, limit);
    return twc_db_json(ctx, &SQL_STUCK, &args, json);
}
