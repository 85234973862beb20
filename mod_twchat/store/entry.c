/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * entry.c - messages as our own pages list them.
 * Must never take JSON apart that PostgreSQL has put together, the error texts aside.
 * Called by api/, the pages' routes, and for live events.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_tables.h>

#include "store/entry.h"
#include "store/list.h"
#include "store/recall.h"
#include "store/sql.h"
#include "twilio/error.h"
#include "util/text.h"

/* ---- error texts --------------------------------------------------------------- */

#define ERROR_KEY "\"error_code\":"

static const char *error_texts(apr_pool_t *pool, const char *value)
{
    const twc_error_info_t *info;

    if (strncmp(value, "null", 4) == 0)
        return ",\"error_reason\":null,\"error_advice\":null";
    info = twc_error_info(atoi(value), 0);
    return apr_pstrcat(pool, ",\"error_reason\":", twc_text_json(pool, info->reason),
                       ",\"error_advice\":", twc_text_json(pool, info->advice), NULL);
}

/* Inside a JSON string every quote has a backslash before it, so the bytes of the
 * key, its quotes and colon included, cannot occur in what people wrote. */
const char *twc_entry_explain(apr_pool_t *pool, const char *json)
{
    apr_array_header_t *parts = apr_array_make(pool, 64, sizeof(const char *));
    const char *key;

    while ((key = strstr(json, ERROR_KEY))) {
        const char *value = key + strlen(ERROR_KEY);
        const char *end = value + strcspn(value, ",}");
        APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(pool, json, end - json);
        APR_ARRAY_PUSH(parts, const char *) = error_texts(pool, value);
        json = end;
    }
    APR_ARRAY_PUSH(parts, const char *) = json;
    return apr_array_pstrcat(pool, parts, 0);
}

static apr_status_t run(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, const char **json)
{
    return twc_recall_json(ctx, sql, args, twc_entry_explain, json);
}

/* ---- lists ------------------------------------------------------------------------ */

/* One row more than asked for is read, to know whether there are more. */
#define PAGE(order) \
    "SELECT json_build_object('items', coalesce(json_agg(p.item ORDER BY p.n " order ") FILTER (WHERE p.n <= $2), '[]'::json)," \
    "                         'has_more', count(*) > $2::bigint), " TWC_SQL_STAMP " FROM (" \
    " SELECT row_number() OVER (ORDER BY m.created_at DESC, m.id DESC) AS n, " TWC_SQL_ENTRY " AS item"

#define PAGE_END " ORDER BY m.created_at DESC, m.id DESC LIMIT $2::bigint + 1) p"

/* The index is by direction first; both directions are two short scans of it. */
#define NEWEST(direction) \
    "SELECT " TWC_SQL_MESSAGE_COLUMNS " FROM messages WHERE direction = " direction \
    " AND (created_at, id) < " TWC_SQL_BEFORE("$1") \
    " ORDER BY created_at DESC, id DESC LIMIT $2::bigint + 1"

static const twc_sql_t SQL_ENTRIES = { "twc_entries",
    PAGE("")
    " FROM ((" NEWEST("'inbound'") ") UNION ALL (" NEWEST("'outbound'") ")) m"
    PAGE_END, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_ENTRIES_DIRECTION = { "twc_entries_direction",
    PAGE("")
    " FROM (" NEWEST("$3") ") m"
    PAGE_END, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_THREAD_ENTRIES = { "twc_thread_entries",
    PAGE("DESC")
    " FROM messages m WHERE m.conv_id = " TWC_SQL_CONV_OF("$3")
    " AND (m.created_at, m.id) < " TWC_SQL_BEFORE("$1")
    PAGE_END, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_entry_sql[] = {
    &SQL_ENTRIES, &SQL_ENTRIES_DIRECTION, &SQL_THREAD_ENTRIES, NULL
};

apr_status_t twc_list_entries(twc_ctx_t *ctx, const char *direction, apr_int64_t before, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_id(&args, before);
    twc_arg_int(&args, limit);
    if (!direction)
        return run(ctx, &SQL_ENTRIES, &args, json);
    twc_arg_text(&args, direction);
    return run(ctx, &SQL_ENTRIES_DIRECTION, &args, json);
}

apr_status_t twc_list_thread_entries(twc_ctx_t *ctx, const char *peer, apr_int64_t before, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_id(&args, before);
    twc_arg_int(&args, limit);
    twc_arg_text(&args, peer);
    return run(ctx, &SQL_THREAD_ENTRIES, &args, json);
}
