/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * setting.c - the automatic reply, and what the database server says of itself.
 * Must never keep a copy in memory: people change the table with SQL and it counts at once.
 * Called by api/ and twchatctl.
 */
#include "store/audit.h"
#include "store/setting.h"
#include "store/sql.h"

static const twc_sql_t SQL_GET = { "twc_autoreply_get",
    "SELECT enabled = 1, message FROM auto_reply_config WHERE id = 1", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

#define REPLY_SHAPE "json_build_object('enabled', enabled = 1, 'message', message)"

static const twc_sql_t SQL_BEFORE = { "twc_autoreply_before",
    "SELECT " REPLY_SHAPE " FROM auto_reply_config WHERE id = 1 FOR UPDATE", 0 };

/* Somebody may have deleted the row by hand. */
static const twc_sql_t SQL_SET = { "twc_autoreply_set",
    "INSERT INTO auto_reply_config (id, enabled, message) VALUES (1, $1::boolean::integer, $2)"
    " ON CONFLICT (id) DO UPDATE SET enabled = EXCLUDED.enabled, message = EXCLUDED.message RETURNING " REPLY_SHAPE, 0 };

static const twc_sql_t SQL_SERVER = { "twc_server_facts",
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_setting('server_version')", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_TENANT = { "twc_server_tenant", "SELECT twchat_uuid(0)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_SEARCH_INDEX = { "twc_server_search_index", "SELECT to_regclass('conversation_words_trgm') IS NOT NULL",
    TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_setting_sql[] = { &SQL_GET, &SQL_BEFORE, &SQL_SET, &SQL_SERVER, &SQL_TENANT, &SQL_SEARCH_INDEX, NULL };

apr_status_t twc_server_facts(twc_ctx_t *ctx, apr_time_t *now, const char **version)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, &SQL_SERVER, NULL, &rows));
    *now = twc_rows_int(rows, 0, 0);
    *version = twc_rows_text(rows, 0, 1, ctx->pool);
    return APR_SUCCESS;
}

apr_status_t twc_server_tenant(twc_ctx_t *ctx, const char **uuid)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, &SQL_TENANT, NULL, &rows));
    *uuid = twc_rows_text(rows, 0, 0, ctx->pool);
    return APR_SUCCESS;
}

apr_status_t twc_server_search_index(twc_ctx_t *ctx, bool *there)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, &SQL_SEARCH_INDEX, NULL, &rows));
    *there = twc_rows_bool(rows, 0, 0);
    return APR_SUCCESS;
}

apr_status_t twc_autoreply_get(twc_ctx_t *ctx, bool *enabled, const char **message)
{
    twc_rows_t *rows;

    *enabled = false;
    *message = "";
    TWC_TRY(twc_db_run(ctx, &SQL_GET, NULL, &rows));
    if (twc_rows_count(rows) > 0) {
        *enabled = twc_rows_bool(rows, 0, 0);
        *message = twc_rows_text(rows, 0, 1, ctx->pool);
    }
    return APR_SUCCESS;
}

typedef struct reply_t {
    bool enabled;
    const char *message;
} reply_t;

static apr_status_t set_reply(twc_ctx_t *ctx, void *baton)
{
    const reply_t *reply = baton;
    const char *before, *after;
    twc_args_t args;

    TWC_TRY(twc_db_json(ctx, &SQL_BEFORE, NULL, &before));
    twc_args_init(&args, ctx->scratch);
    twc_arg_bool(&args, reply->enabled);
    twc_arg_text(&args, reply->message);
    TWC_TRY(twc_db_json(ctx, &SQL_SET, &args, &after));
    return twc_audit(ctx, "setting.changed", "setting", "auto_reply", before, after);
}

apr_status_t twc_autoreply_set(twc_ctx_t *ctx, bool enabled, const char *message)
{
    reply_t reply = { .enabled = enabled, .message = message };

    return twc_tx_run(ctx, set_reply, &reply);
}
