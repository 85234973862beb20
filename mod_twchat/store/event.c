/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * event.c - reading the events table in commit order.
 * Must never hand out a place that a transaction still running could write before.
 * Called by work/hub.c.
 */
#include <string.h>

#include "store/entry.h"
#include "store/event.h"
#include "store/sql.h"

#define READ_MAX 200

/* Rows: 1 conversations, 2 messages by position, 3 where the read ended and how many events
 * it took, 4 whether something newer is held back by a transaction older than it. */
static const twc_sql_t SQL_READ = { "twc_event_read",
    "WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x), e AS MATERIALIZED ("
    " SELECT xid, id, message_id, conv_id FROM events"
    "  WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= (coalesce($3::xid8, '18446744073709551615'::xid8), coalesce($4::bigint, 9223372036854775807))"
    "    AND xid < (SELECT x FROM h) ORDER BY xid, id LIMIT $5::bigint)"
    " SELECT k, cursor, data, message_id FROM ("
    "  SELECT 2 AS k, d.xid, d.id, d.xid::text || '.' || d.id AS cursor, d.message_id,"
    "         (SELECT row_to_json(t.item)::text FROM (SELECT " TWC_SQL_ENTRY " AS item FROM messages m WHERE m.id = d.message_id) t) AS data"
    "    FROM (SELECT DISTINCT ON (message_id) * FROM e WHERE message_id IS NOT NULL ORDER BY message_id, xid DESC, id DESC) d"
    "  UNION ALL"
    "  SELECT 1, '0'::xid8, c.id, NULL, NULL, row_to_json(" TWC_SQL_THREAD ")::text"
    "    FROM conversations c WHERE c.id IN (SELECT conv_id FROM e)"
    "  UNION ALL"
    "  SELECT 3, '0'::xid8, 0, (SELECT xid::text || '.' || id FROM e ORDER BY xid DESC, id DESC LIMIT 1), NULL, (SELECT count(*) FROM e)::text"
    "  UNION ALL"
    "  SELECT 4, '0'::xid8, 0, NULL, NULL, NULL WHERE EXISTS (SELECT 1 FROM events WHERE xid >= (SELECT x FROM h))"
    " ) r ORDER BY k, xid, id", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

/* The newest place nothing can be written before. Where there is no event yet one is made that tells nothing, just
 * below every running transaction: a reader must be able to come back to its place after the first real event. */
static const twc_sql_t SQL_HEAD = { "twc_event_head",
    "WITH h AS MATERIALIZED (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x),"
    " last AS (SELECT xid, id FROM events WHERE xid < (SELECT x FROM h) ORDER BY xid DESC, id DESC LIMIT 1),"
    " anchor AS (INSERT INTO events (xid) SELECT (x::text::numeric - 1)::text::xid8 FROM h WHERE NOT EXISTS (SELECT 1 FROM last)"
    "  RETURNING xid, id)"
    " SELECT xid::text || '.' || id FROM last UNION ALL SELECT xid::text || '.' || id FROM anchor",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_KNOWN = { "twc_event_known",
    "SELECT EXISTS (SELECT 1 FROM events WHERE xid = $1::xid8 AND id = $2::bigint)",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_event_sql[] = { &SQL_READ, &SQL_HEAD, &SQL_KNOWN, NULL };

/* "123.45" as two decimal numbers of a length PostgreSQL takes. */
static bool split(apr_pool_t *pool, const char *cursor, const char **xid, const char **id)
{
    const char *dot = strchr(cursor, '.');
    apr_size_t digits = strspn(cursor, "0123456789");

    if (!dot || dot != cursor + digits || digits == 0 || digits > 18)
        return false;
    digits = strspn(dot + 1, "0123456789");
    if (digits == 0 || digits > 18 || dot[1 + digits] != '\0')
        return false;
    *xid = apr_pstrmemdup(pool, cursor, dot - cursor);
    *id = dot + 1;
    return true;
}

apr_status_t twc_event_head(twc_ctx_t *ctx, const char **cursor)
{
    return twc_db_json(ctx, &SQL_HEAD, NULL, cursor);
}

apr_status_t twc_event_known(twc_ctx_t *ctx, const char *cursor, bool *known)
{
    const char *xid, *id;
    twc_args_t args;
    twc_rows_t *rows;

    *known = false;
    if (!split(ctx->scratch, cursor, &xid, &id))
        return APR_SUCCESS;
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, xid);
    twc_arg_text(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_KNOWN, &args, &rows));
    *known = twc_rows_bool(rows, 0, 0);
    return APR_SUCCESS;
}

static void add(twc_ctx_t *ctx, twc_event_t *item, const twc_rows_t *rows, int r)
{
    item->name = twc_rows_int(rows, r, 0) == 1 ? "conversation" : "message";
    item->cursor = twc_rows_text(rows, r, 1, ctx->pool);
    item->data = twc_rows_text(rows, r, 2, ctx->pool);
    if (!item->data) {
        item->name = "removed";
        item->data = apr_psprintf(ctx->pool, "{\"id\":%" APR_INT64_T_FMT "}", twc_rows_int(rows, r, 3));
    }
    else
        item->data = twc_entry_explain(ctx->pool, item->data);
}

apr_status_t twc_event_read(twc_ctx_t *ctx, const char *cursor, const char *until, twc_events_t *events)
{
    const char *xid, *id, *until_xid = NULL, *until_id = NULL;
    twc_event_t *items;
    twc_args_t args;
    twc_rows_t *rows;

    if (!split(ctx->scratch, cursor, &xid, &id) || (until && !split(ctx->scratch, until, &until_xid, &until_id)))
        return twc_problem_field(ctx, "after", "cursor_invalid", "This is no place in the stream of events.");
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, xid);
    twc_arg_text(&args, id);
    twc_arg_text(&args, until_xid);
    twc_arg_text(&args, until_id);
    twc_arg_int(&args, READ_MAX);
    TWC_TRY(twc_db_run(ctx, &SQL_READ, &args, &rows));
    items = apr_pcalloc(ctx->pool, (twc_rows_count(rows) + 1) * sizeof(*items));
    *events = (twc_events_t){ .items = items, .cursor = cursor };
    for (int r = 0; r < twc_rows_count(rows); r++) {
        apr_int64_t kind = twc_rows_int(rows, r, 0);
        if (kind <= 2)
            add(ctx, &items[events->count++], rows, r);
        else if (kind == 4)
            events->pending = true;
        else if (!twc_rows_null(rows, r, 1)) {
            events->cursor = twc_rows_text(rows, r, 1, ctx->pool);
            events->more = apr_atoi64(twc_rows_view(rows, r, 2).data) == READ_MAX;
        }
    }
    if (events->count > 0)
        items[events->count - 1].cursor = events->cursor;
    return APR_SUCCESS;
}
