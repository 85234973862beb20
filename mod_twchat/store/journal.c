/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - the webhook journal: what was not stored, looking back, replaying, forgetting.
 * Must never delete more than a slice in one statement.
 * Called by work/ (writing, purging) and twchatctl; ingest.c writes the rows of calls that were stored.
 */
#include "store/entry.h"
#include "store/setting.h"
#include "store/sql.h"
#include "util/clock.h"

/* ---- write ---------------------------------------------------------------------------- */

static const twc_sql_t SQL_WRITE = { "twc_journal_write",
    "INSERT INTO webhook_journal (at, kind, interface, verdict, reason, sid, method, url, remote_addr, content_type, raw, suppressed)"
    " SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],"
    "                      $9::text[], $10::text[], $11::text[], $12::int[])", TWC_SQL_PREPARE };

#define WRITE_SLICE 100

static apr_status_t write_slice(twc_ctx_t *ctx, const twc_journal_row_t *rows, int count)
{
    enum { AT, KIND, INTERFACE, VERDICT, REASON, SID, METHOD, URL, REMOTE, TYPE, RAW, SUPPRESSED, COLUMNS };
    const char *column[COLUMNS][WRITE_SLICE];
    twc_args_t args;

    for (int i = 0; i < count; i++) {
        const twc_call_t *call = &rows[i].call;
        column[AT][i] = twc_clock_sql(ctx->scratch, call->received_at);
        column[KIND][i] = call->kind;
        column[INTERFACE][i] = call->interface;
        column[VERDICT][i] = rows[i].verdict;
        column[REASON][i] = rows[i].reason;
        column[SID][i] = rows[i].sid;
        column[METHOD][i] = call->method;
        column[URL][i] = call->url;
        column[REMOTE][i] = call->remote_addr;
        column[TYPE][i] = call->content_type;
        column[RAW][i] = call->raw;
        column[SUPPRESSED][i] = apr_itoa(ctx->scratch, rows[i].suppressed);
    }
    twc_args_init(&args, ctx->scratch);
    for (int c = 0; c < COLUMNS; c++)
        twc_arg_array(&args, column[c], count);
    return twc_db_run(ctx, &SQL_WRITE, &args, NULL);
}

apr_status_t twc_journal_write(twc_ctx_t *ctx, const twc_journal_row_t *rows, int count)
{
    for (int from = 0; from < count; from += WRITE_SLICE)
        TWC_TRY(write_slice(ctx, rows + from, count - from < WRITE_SLICE ? count - from : WRITE_SLICE));
    return APR_SUCCESS;
}

/* ---- look back --------------------------------------------------------------------------- */

#define JOURNAL_COLUMNS \
    "j.id, " TWC_SQL_ISO_MS("j.at") " AS at, j.kind, j.interface, j.verdict, j.reason, j.sid, j.method, j.url," \
    " j.remote_addr, j.suppressed, " TWC_SQL_ISO_MS("j.replayed_at") " AS replayed_at"

static const twc_sql_t SQL_LIST = { "twc_journal_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT " JOURNAL_COLUMNS " FROM webhook_journal j"
    " WHERE $1::text IS NULL OR j.verdict = $1 ORDER BY j.id DESC LIMIT $2) t", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_SHOW = { "twc_journal_show",
    "SELECT row_to_json(t) FROM (SELECT " JOURNAL_COLUMNS ", j.content_type, j.raw FROM webhook_journal j WHERE j.id = $1) t",
    TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_LOAD = { "twc_journal_load",
    "SELECT j.interface, j.kind, j.method, j.url, j.remote_addr, j.content_type, j.raw,"
    " (extract(epoch FROM j.at) * 1000000)::bigint, j.verdict, j.reason, j.sid, j.suppressed"
    " FROM webhook_journal j WHERE j.id = $1", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_REPLAYED = { "twc_journal_replayed",
    "UPDATE webhook_journal SET replayed_at = now() WHERE id = $1", TWC_SQL_IDEMPOTENT };

static apr_status_t unknown(twc_ctx_t *ctx, apr_int64_t id)
{
    return twc_problem(ctx, APR_ENOENT, "journal_unknown", "The journal has no entry %" APR_INT64_T_FMT ".", id);
}

apr_status_t twc_journal_list(twc_ctx_t *ctx, const char *verdict, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, verdict);
    twc_arg_int(&args, limit);
    return twc_db_json(ctx, &SQL_LIST, &args, json);
}

apr_status_t twc_journal_show(twc_ctx_t *ctx, apr_int64_t id, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_json(ctx, &SQL_SHOW, &args, json));
    return *json ? APR_SUCCESS : unknown(ctx, id);
}

apr_status_t twc_journal_load(twc_ctx_t *ctx, apr_int64_t id, twc_journal_row_t *row)
{
    apr_pool_t *pool = ctx->pool;
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_LOAD, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx, id);
    *row = (twc_journal_row_t){
        .call = {
            .interface = twc_rows_text(rows, 0, 0, pool),
            .kind = twc_rows_text(rows, 0, 1, pool),
            .method = twc_rows_text(rows, 0, 2, pool),
            .url = twc_rows_text(rows, 0, 3, pool),
            .remote_addr = twc_rows_text(rows, 0, 4, pool),
            .content_type = twc_rows_text(rows, 0, 5, pool),
            .raw = twc_rows_text(rows, 0, 6, pool),
            .received_at = twc_rows_int(rows, 0, 7),
        },
        .verdict = twc_rows_text(rows, 0, 8, pool),
        .reason = twc_rows_text(rows, 0, 9, pool),
        .sid = twc_rows_text(rows, 0, 10, pool),
        .suppressed = (int)twc_rows_int(rows, 0, 11),
    };
    return APR_SUCCESS;
}

apr_status_t twc_journal_replayed(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    return twc_db_run(ctx, &SQL_REPLAYED, &args, NULL);
}

/* ---- forget ------------------------------------------------------------------------------- */

#define PURGE_SLICE  "5000"
#define PURGE_ROUNDS 200                /* so much at one go; the next tick does the rest */

static const twc_sql_t SQL_PURGE_JOURNAL = { "twc_purge_journal",
    "DELETE FROM webhook_journal WHERE id = ANY(ARRAY("
    " SELECT id FROM webhook_journal WHERE at < now() - $1::interval ORDER BY at LIMIT " PURGE_SLICE "))", TWC_SQL_IDEMPOTENT };

/* Callbacks for messages that never became ours: other programs use the same account. */
static const twc_sql_t SQL_PURGE_STATUSES = { "twc_purge_foreign_statuses",
    "DELETE FROM status_events WHERE id = ANY(ARRAY("
    " SELECT id FROM status_events WHERE message_id IS NULL AND received_at < now() - $1::interval"
    "  ORDER BY received_at LIMIT " PURGE_SLICE "))", TWC_SQL_IDEMPOTENT };

/* A page that was away for longer loads everything anew. The newest stays: on a quiet site pages keep their place. */
static const twc_sql_t SQL_PURGE_EVENTS = { "twc_purge_events",
    "DELETE FROM events WHERE (xid, id) IN ("
    " SELECT xid, id FROM events WHERE at < now() - interval '1 hour'"
    "  AND (xid, id) < (SELECT xid, id FROM events ORDER BY xid DESC, id DESC LIMIT 1)"
    " ORDER BY at LIMIT " PURGE_SLICE ")", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_PURGE_KEYS = { "twc_purge_idempotency_keys",
    "DELETE FROM idempotency_keys WHERE (scope, key) IN ("
    " SELECT scope, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' ORDER BY created_at"
    "  LIMIT " PURGE_SLICE ")", TWC_SQL_IDEMPOTENT };

/* Bytes whose message was redacted or deleted; the young ones may be on their way into a row. */
static const twc_sql_t SQL_PURGE_BLOBS = { "twc_purge_media_blobs",
    "DELETE FROM media_blobs WHERE sha256 = ANY(ARRAY("
    " SELECT b.sha256 FROM media_blobs b WHERE b.created_at < now() - interval '1 hour'"
    "  AND NOT EXISTS (SELECT 1 FROM message_media a WHERE a.sha256 = b.sha256) LIMIT " PURGE_SLICE "))", TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_journal_sql[] = {
    &SQL_WRITE, &SQL_LIST, &SQL_SHOW, &SQL_LOAD, &SQL_REPLAYED,
    &SQL_PURGE_JOURNAL, &SQL_PURGE_STATUSES, &SQL_PURGE_EVENTS, &SQL_PURGE_KEYS, &SQL_PURGE_BLOBS, NULL
};

static apr_status_t purge(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args)
{
    for (int round = 0; round < PURGE_ROUNDS; round++) {
        twc_rows_t *rows;
        TWC_TRY(twc_db_run(ctx, sql, args, &rows));
        if (twc_rows_affected(rows) == 0)
            break;
    }
    return APR_SUCCESS;
}

apr_status_t twc_journal_purge(twc_ctx_t *ctx)
{
    twc_args_t keep;

    twc_args_init(&keep, ctx->scratch);
    twc_arg_text(&keep, apr_psprintf(ctx->scratch, "%" APR_INT64_T_FMT " microseconds", ctx->conf->journal_keep));
    TWC_TRY(purge(ctx, &SQL_PURGE_JOURNAL, &keep));
    TWC_TRY(purge(ctx, &SQL_PURGE_STATUSES, &keep));
    TWC_TRY(purge(ctx, &SQL_PURGE_EVENTS, NULL));
    TWC_TRY(purge(ctx, &SQL_PURGE_KEYS, NULL));
    return purge(ctx, &SQL_PURGE_BLOBS, NULL);
}
