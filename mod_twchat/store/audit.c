/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * audit.c - the chain of who did what.
 * Must never change or remove a row; the tables' triggers would refuse it as well.
 * Called by domain/, in the transactions that change something, and by who shows or verifies.
 */
#include "store/audit.h"
#include "store/entry.h"
#include "store/sql.h"

/* id, at and hash are the trigger's. */
static const twc_sql_t SQL_WRITE = { "twc_audit_write",
    "INSERT INTO audit_events (actor_kind, actor_id, actor_username, action, entity_type, entity_id, before_json, after_json,"
    " remote_addr, correlation_id) VALUES ($1, $2::bigint, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9, $10)", 0 };

apr_status_t twc_audit(twc_ctx_t *ctx, const char *action, const char *entity, const char *id, const char *before,
                       const char *after)
{
    static const twc_actor_t nobody = { .kind = "nobody" };
    const twc_actor_t *actor = ctx->actor ? ctx->actor : &nobody;
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, actor->kind);
    twc_arg_id(&args, actor->id);
    twc_arg_text(&args, actor->name);
    twc_arg_text(&args, action);
    twc_arg_text(&args, entity);
    twc_arg_text(&args, id);
    twc_arg_text(&args, before);
    twc_arg_text(&args, after);
    twc_arg_text(&args, actor->remote_addr);
    twc_arg_text(&args, actor->correlation_id);
    return twc_db_run(ctx, &SQL_WRITE, &args, NULL);
}

static const twc_sql_t SQL_SOFTLY = { "twc_audit_softly", "SELECT set_config('synchronous_commit', 'off', true)", 0 };

apr_status_t twc_audit_softly(twc_ctx_t *ctx)
{
    return twc_db_run(ctx, &SQL_SOFTLY, NULL, NULL);
}

/* ---- lists ------------------------------------------------------------------------ */

/* appointment-bot's clients know users as admin_user, and by UUIDs. $9: all there is, else what whoever reads conversations may read. */
#define MATCHES \
    " FROM audit_events WHERE ($1::text IS NULL OR entity_type = CASE $1 WHEN 'admin_user' THEN 'user' ELSE $1 END)" \
    " AND ($2::text IS NULL OR entity_id IN ($2, CASE WHEN $2 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN twchat_uuid_id($2::uuid)::text END))" \
    " AND ($3::text IS NULL OR strpos(lower(actor_username), lower($3)) > 0)" \
    " AND ($4::text IS NULL OR EXISTS (SELECT FROM unnest(string_to_array($4, ',')) a WHERE a <> '' AND starts_with(action, a)))" \
    " AND ($5::timestamptz IS NULL OR at >= $5::timestamptz) AND ($6::timestamptz IS NULL OR at < $6::timestamptz)" \
    " AND ($7::bigint IS NULL OR id < $7::bigint)" \
    " AND ($9::boolean OR entity_type IN ('contact', 'conversation', 'message', 'appointment', 'waitlist', 'campaign', 'workflow', 'setting'))" \
    " ORDER BY audit_events.id DESC"

#define WITH_UUID(json) \
    "CASE WHEN jsonb_typeof(" json "->'id') = 'number' THEN jsonb_set(" json ", '{id}', to_jsonb(twchat_uuid((" json "->>'id')::bigint)))" \
    " ELSE " json " END AS " json

static const twc_sql_t SQL_EVENTS = { "twc_audit_events",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT twchat_uuid(id) AS id,"
    " CASE entity_type WHEN 'user' THEN 'admin_user' ELSE entity_type END AS entity_type,"
    " CASE WHEN entity_type IN ('user', 'api_key') THEN twchat_uuid(entity_id::bigint)::text ELSE entity_id END AS entity_id,"
    " regexp_replace(action, '^user\\.', 'admin_user.') AS action, actor_username,"
    " " WITH_UUID("before_json") ", " WITH_UUID("after_json") ", " TWC_SQL_OFFSET("at") " AS created_at" MATCHES " LIMIT $8::int) t",
    TWC_SQL_IDEMPOTENT };

#define NAME_IN(row) \
    "coalesce(" row ".after_json->>'username', " row ".before_json->>'username', " row ".after_json->>'name', " row ".before_json->>'name')"

/* Whom it is about, though the row itself says no more than a number and the account may be gone. */
#define NAME_OF(row) \
    "coalesce(" NAME_IN(row) ", CASE " row ".entity_type WHEN 'user' THEN coalesce(" \
    "  (SELECT u.username FROM users u WHERE u.id = " row ".entity_id::bigint)," \
    "  (SELECT " NAME_IN("o") " FROM audit_events o WHERE o.entity_type = 'user' AND o.entity_id = " row ".entity_id" \
    "    AND " NAME_IN("o") " IS NOT NULL ORDER BY o.id DESC LIMIT 1)) END)"

static const twc_sql_t SQL_PAGE = { "twc_audit_page",
    "WITH page AS (SELECT id, entity_type, entity_id, action, actor_kind, actor_username, before_json, after_json, remote_addr,"
    " correlation_id, " TWC_SQL_ISO_MS("at") " AS created_at" MATCHES " LIMIT $8::int + 1) "
    "SELECT json_build_object('events', coalesce((SELECT json_agg(p) FROM (SELECT e.*, " NAME_OF("e") " AS entity_name"
    "  FROM page e ORDER BY id DESC LIMIT $8::int) p), '[]'::json),"
    " 'more', (SELECT count(*) FROM page) > $8::int)", TWC_SQL_IDEMPOTENT };

static apr_status_t list(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_audit_filter_t *filter, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, filter->entity);
    twc_arg_text(&args, filter->id);
    twc_arg_text(&args, filter->actor);
    twc_arg_text(&args, filter->action);
    twc_arg_time(&args, filter->since);
    twc_arg_time(&args, filter->until);
    twc_arg_id(&args, filter->before);
    twc_arg_int(&args, limit);
    twc_arg_bool(&args, !filter->readable);
    return twc_db_json(ctx, sql, &args, json);
}

apr_status_t twc_audit_events_json(twc_ctx_t *ctx, const twc_audit_filter_t *filter, int limit, const char **json)
{
    return list(ctx, &SQL_EVENTS, filter, limit, json);
}

apr_status_t twc_audit_page_json(twc_ctx_t *ctx, const twc_audit_filter_t *filter, int limit, const char **json)
{
    return list(ctx, &SQL_PAGE, filter, limit, json);
}

/* ---- the chain ----------------------------------------------------------------------- */

/* Each hash again, over the hash that stands in the row before: a row that was changed breaks itself, a row that is gone the next. */
static const twc_sql_t SQL_VERIFY = { "twc_audit_verify",
    "SELECT count(*), min(id) FILTER (WHERE id <> place OR hash IS DISTINCT FROM wanted),"
    " (SELECT encode(hash, 'hex') FROM audit_events ORDER BY id DESC LIMIT 1),"
    " coalesce(bool_or(encode(hash, 'hex') = lower($1)), false) FROM ("
    " SELECT e.id, e.hash, row_number() OVER w AS place, twchat_audit_hash(coalesce(lag(e.hash) OVER w, ''), e) AS wanted"
    "   FROM audit_events e WINDOW w AS (ORDER BY e.id)) c", TWC_SQL_IDEMPOTENT };

apr_status_t twc_audit_verify(twc_ctx_t *ctx, const char *head, twc_audit_state_t *state)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, head);
    TWC_TRY(twc_db_run(ctx, &SQL_VERIFY, &args, &rows));
    state->rows = twc_rows_int(rows, 0, 0);
    state->broken = twc_rows_int(rows, 0, 1);
    state->head = twc_rows_text(rows, 0, 2, ctx->pool);
    state->head_found = twc_rows_bool(rows, 0, 3);
    return APR_SUCCESS;
}

static const twc_sql_t SQL_EXPORT = { "twc_audit_export",
    "SELECT string_agg(row_to_json(t)::text || E'\\n', '' ORDER BY id), max(id) FROM (SELECT id, " TWC_SQL_ISO_US("at") " AS at,"
    " actor_kind, actor_id, actor_username, action, entity_type, entity_id, before_json, after_json, remote_addr, correlation_id,"
    " encode(hash, 'hex') AS hash FROM audit_events e WHERE e.id > $1::bigint ORDER BY e.id LIMIT $2::int) t", TWC_SQL_IDEMPOTENT };

apr_status_t twc_audit_export(twc_ctx_t *ctx, apr_int64_t after, int limit, const char **lines, apr_int64_t *last)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, after);
    twc_arg_int(&args, limit);
    TWC_TRY(twc_db_run(ctx, &SQL_EXPORT, &args, &rows));
    *lines = twc_rows_null(rows, 0, 0) ? "" : twc_rows_text(rows, 0, 0, ctx->pool);
    *last = twc_rows_int(rows, 0, 1);
    return APR_SUCCESS;
}

const twc_sql_t *const twc_audit_sql[] = { &SQL_WRITE, &SQL_SOFTLY, &SQL_EVENTS, &SQL_PAGE, &SQL_VERIFY, &SQL_EXPORT, NULL };
