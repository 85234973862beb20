/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * message.c - look at, change and remove single messages; mark conversations read.
 * Must never leave counters or a conversation's summary telling something else than the messages.
 * Called by api/, domain/ and work/.
 */
#include <apr_uuid.h>

#include "store/audit.h"
#include "store/entry.h"
#include "store/message.h"
#include "store/sql.h"

/* ---- look up ------------------------------------------------------------------------ */

#define MSG_COLUMNS \
    "m.id, m.sid, m.direction, m.from_addr, m.to_addr, m.body, m.status, m.error_code, m.error_message, twchat_uuid(m.id)"

static const twc_sql_t SQL_LOAD = { "twc_msg_load",
    "SELECT " MSG_COLUMNS " FROM messages m WHERE m.id = $1", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_LOAD_SID = { "twc_msg_load_sid",
    "SELECT " MSG_COLUMNS " FROM message_sids s JOIN messages m ON m.id = s.message_id WHERE s.sid = $1",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static void row_msg(const twc_rows_t *rows, int row, apr_pool_t *pool, twc_msg_t *msg)
{
    *msg = (twc_msg_t){
        .id = twc_rows_int(rows, row, 0),
        .sid = twc_rows_text(rows, row, 1, pool),
        .direction = twc_rows_text(rows, row, 2, pool),
        .from = twc_rows_text(rows, row, 3, pool),
        .to = twc_rows_text(rows, row, 4, pool),
        .body = twc_rows_text(rows, row, 5, pool),
        .status = twc_rows_text(rows, row, 6, pool),
        .error_code = (int)twc_rows_int(rows, row, 7),
        .error_message = twc_rows_text(rows, row, 8, pool),
        .uuid = twc_rows_text(rows, row, 9, pool),
    };
}

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "message_unknown", "There is no such message.");
}

static apr_status_t load(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_msg_t *msg)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    row_msg(rows, 0, ctx->pool, msg);
    return APR_SUCCESS;
}

apr_status_t twc_msg_load(twc_ctx_t *ctx, apr_int64_t id, twc_msg_t *msg)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    return load(ctx, &SQL_LOAD, &args, msg);
}

apr_status_t twc_msg_load_sid(twc_ctx_t *ctx, const char *sid, twc_msg_t *msg)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, sid);
    return load(ctx, &SQL_LOAD_SID, &args, msg);
}

/* ---- redact ------------------------------------------------------------------------ */

#define HIT \
    "WITH hit AS (SELECT m.id, m.conv_id, m.created_at FROM message_sids s JOIN messages m ON m.id = s.message_id WHERE s.sid = $1)"

/* The webhook's raw form holds the text too; it was journalled when the message was made. */
#define FORGET_RAW \
    "forgotten AS (UPDATE webhook_journal j SET raw = NULL FROM hit h WHERE j.sid = $1 AND j.kind = 'message'" \
    " AND j.at BETWEEN h.created_at - interval '1 minute' AND h.created_at + interval '2 minutes')"

static const twc_sql_t SQL_REDACT = { "twc_msg_redact",
    HIT ", changed AS (UPDATE messages m SET body = '', num_media = 0, extra = NULL, content_variables = NULL, updated_at = now()"
    " FROM hit h WHERE m.id = h.id)"
    ", media AS (DELETE FROM message_media a USING hit h WHERE a.message_id = h.id RETURNING a.sha256), " FORGET_RAW
    ", told AS (INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM hit)"
    " SELECT sha256 FROM media WHERE sha256 IS NOT NULL", 0 };

static const twc_sql_t SQL_MEDIA_OF = { "twc_msg_media_of",
    HIT " SELECT a.sha256 FROM message_media a JOIN hit h ON a.message_id = h.id WHERE a.sha256 IS NOT NULL",
    TWC_SQL_IDEMPOTENT };

/* The same picture may be attached to another message. */
static const twc_sql_t SQL_DROP_BLOBS = { "twc_media_drop_blobs",
    "DELETE FROM media_blobs b WHERE b.sha256 = ANY($1::bytea[])"
    " AND NOT EXISTS (SELECT 1 FROM message_media a WHERE a.sha256 = b.sha256)", TWC_SQL_IDEMPOTENT };

/* Bytes that nothing refers to any more. It fails when another message is getting the same picture right
 * now, and then rightly so; twc_journal_purge collects whatever stays behind. */
static void drop_blobs(twc_ctx_t *ctx, const twc_rows_t *hashes)
{
    int n = twc_rows_count(hashes);
    const char **hash = apr_palloc(ctx->scratch, (n + 1) * sizeof(*hash));
    twc_args_t args;

    if (n == 0 || ctx->tx)
        return;
    for (int i = 0; i < n; i++)
        hash[i] = twc_rows_text(hashes, i, 0, ctx->scratch);
    twc_args_init(&args, ctx->scratch);
    twc_arg_array(&args, hash, n);
    if (twc_db_run(ctx, &SQL_DROP_BLOBS, &args, NULL) != APR_SUCCESS)
        twc_problem_clear(ctx);
}

/* One message, and what was attached to it. */
typedef struct gone_t {
    const char *sid;
    const twc_args_t *args;
    twc_rows_t *hashes;
} gone_t;

static apr_status_t redact_in_tx(twc_ctx_t *ctx, void *baton)
{
    gone_t *g = baton;

    TWC_TRY(twc_db_run(ctx, &SQL_REDACT, g->args, &g->hashes));
    return twc_audit(ctx, "message.redacted", "message", g->sid, NULL, NULL);
}

apr_status_t twc_msg_redact(twc_ctx_t *ctx, const char *sid)
{
    twc_args_t args;
    gone_t g = { .sid = sid, .args = &args };

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, sid);
    TWC_TRY(twc_tx_run(ctx, redact_in_tx, &g));
    drop_blobs(ctx, g.hashes);
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

/* ---- delete ------------------------------------------------------------------------ */

/* First the conversation is locked: a statement that starts after that sees every message of it, so the
 * summary it computes is the right one. */
static const twc_sql_t SQL_DELETE_LOCK = { "twc_msg_delete_lock",
    HIT " SELECT c.id FROM conversations c WHERE c.id = (SELECT conv_id FROM hit) FOR UPDATE", 0 };

/* The SID stays known and heard: a late repetition of the webhook must not bring the message back. */
static const twc_sql_t SQL_DELETE = { "twc_msg_delete",
    HIT ", gone AS (DELETE FROM messages m USING hit h WHERE m.id = h.id"
    "  RETURNING m.id, m.conv_id, m.direction, m.status, m.created_at, m.updated_at)"
    ", conv AS (UPDATE conversations c SET total = greatest(c.total - 1, 0),"
    "   unread = CASE WHEN g.direction = 'inbound' AND"
    "     (SELECT count(*) FROM (SELECT 1 FROM messages n WHERE n.conv_id = c.id AND n.direction = 'inbound'"
    "        AND (n.created_at, n.id) > (g.created_at, g.id) LIMIT c.unread) newer) < c.unread THEN c.unread - 1 ELSE c.unread END,"
    "   (last_message_id, last_at) = (SELECT n.id, n.created_at FROM messages n WHERE n.conv_id = c.id AND n.id <> g.id"
    "     ORDER BY n.created_at DESC, n.id DESC LIMIT 1)"
    "   FROM gone g WHERE c.id = g.conv_id)"
    ", heard AS (UPDATE message_sids s SET heard = true WHERE s.sid = $1 AND NOT s.heard)"
    ", counted AS (INSERT INTO daily_counts AS d (day, metric, shard, n)"
    "   SELECT (created_at AT TIME ZONE 'UTC')::date, direction, pg_backend_pid() % 16, -1 FROM gone"
    "   UNION ALL SELECT (updated_at AT TIME ZONE 'UTC')::date, 'failed', pg_backend_pid() % 16, -1 FROM gone"
    "    WHERE direction = 'outbound' AND status IN ('failed', 'undelivered')"
    "   ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n), " FORGET_RAW
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM gone", 0 };

static apr_status_t delete_in_tx(twc_ctx_t *ctx, void *baton)
{
    gone_t *g = baton;

    TWC_TRY(twc_db_run(ctx, &SQL_DELETE_LOCK, g->args, NULL));
    TWC_TRY(twc_db_run(ctx, &SQL_MEDIA_OF, g->args, &g->hashes));
    TWC_TRY(twc_db_run(ctx, &SQL_DELETE, g->args, NULL));
    return twc_audit(ctx, "message.deleted", "message", g->sid, NULL, NULL);
}

apr_status_t twc_msg_delete(twc_ctx_t *ctx, const char *sid)
{
    twc_args_t args;
    gone_t g = { .sid = sid, .args = &args };

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, sid);
    TWC_TRY(twc_tx_run(ctx, delete_in_tx, &g));
    drop_blobs(ctx, g.hashes);
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

/* ---- marks ------------------------------------------------------------------------- */

static const twc_sql_t SQL_PROCESSED = { "twc_msg_mark_processed",
    "UPDATE messages m SET processed = true, processed_at = coalesce(m.processed_at, now()),"
    " chat_id = coalesce($2, m.chat_id), response_sid = coalesce($3, m.response_sid)"
    " WHERE m.id = twchat_uuid_id($1::uuid)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

/* The window of automatic answers goes on counting: an operator who watches two machines talk must not
 * set them free by watching. */
static const twc_sql_t SQL_READ = { "twc_conv_mark_read",
    "WITH hit AS (SELECT " TWC_SQL_CONV_OF("$1") " AS id)"
    ", changed AS (UPDATE conversations c SET unread = 0, loop_guard_at = NULL FROM hit h"
    "   WHERE c.id = h.id AND (c.unread > 0 OR c.loop_guard_at IS NOT NULL) RETURNING c.id)"
    ", told AS (INSERT INTO events (conv_id) SELECT id FROM changed)"
    " SELECT (SELECT id FROM hit) IS NOT NULL, EXISTS (SELECT 1 FROM changed)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_message_sql[] = {
    &SQL_LOAD, &SQL_LOAD_SID, &SQL_REDACT, &SQL_MEDIA_OF, &SQL_DROP_BLOBS, &SQL_DELETE_LOCK, &SQL_DELETE,
    &SQL_PROCESSED, &SQL_READ, NULL
};

apr_status_t twc_msg_mark_processed(twc_ctx_t *ctx, const char *uuid, const char *chat_id, const char *response_sid)
{
    apr_uuid_t parsed;
    twc_args_t args;
    twc_rows_t *rows;

    if (apr_uuid_parse(&parsed, uuid) != APR_SUCCESS)
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, uuid);
    twc_arg_text(&args, chat_id);
    twc_arg_text(&args, response_sid);
    TWC_TRY(twc_db_run(ctx, &SQL_PROCESSED, &args, &rows));
    return twc_rows_affected(rows) > 0 ? APR_SUCCESS : unknown(ctx);
}

apr_status_t twc_conv_mark_read(twc_ctx_t *ctx, const char *peer)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, peer);
    TWC_TRY(twc_db_run(ctx, &SQL_READ, &args, &rows));
    if (!twc_rows_bool(rows, 0, 0))
        return twc_problem(ctx, APR_ENOENT, "conversation_unknown", "There is no conversation with %s.", peer);
    if (twc_rows_bool(rows, 0, 1))
        ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}
