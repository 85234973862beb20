/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signin.c - rows of sign-ins, of attempts, of API callers' buckets.
 * Must never hold a cookie's value or a token: only what they hash to.
 * Called by domain/signin.c, domain/account.c and glue/limit.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <apr_uuid.h>

#include "store/entry.h"
#include "store/signin.h"
#include "store/sql.h"

#define FLIGHT_SECONDS 60               /* longer than any check of a password takes */

static const twc_sql_t SQL_INSERT = { "twc_signin_insert",
    "WITH seen AS (UPDATE users SET last_signin_at = now() WHERE id = $1::bigint) "
    "INSERT INTO signins (user_id, kind, secret, refresh, device_info, ip_address, key_id, expires_at)"
    " VALUES ($1::bigint, CASE WHEN $2::text IS NULL THEN 'token' ELSE 'cookie' END, decode($2, 'hex'), decode($3, 'hex'), left($4, 400), $5,"
    "  $6::bigint, least(now() + $7::float8 * interval '1 second', (SELECT k.expires_at FROM api_keys k WHERE k.id = $6::bigint)))"
    " RETURNING id, twchat_uuid(id)", 0 };

apr_status_t twc_signin_insert(twc_ctx_t *ctx, const twc_signin_draft_t *draft, apr_int64_t *id, const char **handle)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, draft->user_id);
    twc_arg_text(&args, draft->secret);
    twc_arg_text(&args, draft->refresh);
    twc_arg_text(&args, draft->device);
    twc_arg_text(&args, draft->address);
    twc_arg_id(&args, draft->key_id);
    twc_arg_num(&args, (double)draft->life / APR_USEC_PER_SEC);
    TWC_TRY(twc_db_run(ctx, &SQL_INSERT, &args, &rows));
    *id = twc_rows_int(rows, 0, 0);
    *handle = twc_rows_text(rows, 0, 1, ctx->pool);
    return APR_SUCCESS;
}

/* ---- who ------------------------------------------------------------------------ */

/* Each request with a credential asks this; nothing is remembered, so signing out is felt by the next one, wherever it goes. Where a key
 * stood in for the password the lower of both roles counts, and what ends the key ends the sign-in. */
#define WHO(condition) \
    "WITH s AS (SELECT i.id, i.user_id, u.username, u.is_active, u.totp_on, i.last_used_at, k.name AS key," \
    "  least(twchat_rank(u.id, u.is_superuser), array_position(ARRAY['viewer','agent','admin','super_admin'], k.role)) AS rank," \
    "  i.ended_at IS NOT NULL OR least(i.expires_at, k.expires_at, k.revoked_at) <= now() AS ended" \
    "  FROM signins i JOIN users u ON u.id = i.user_id LEFT JOIN api_keys k ON k.id = i.key_id WHERE " condition ")," \
    " used AS (UPDATE signins i SET last_used_at = now() FROM s" \
    "  WHERE i.id = s.id AND NOT s.ended AND s.last_used_at < now() - interval '1 minute') " \
    "SELECT id, user_id, username, rank, is_active, ended, totp_on, twchat_uuid(id), key FROM s"

static const twc_sql_t SQL_BY_SECRET = { "twc_signin_by_secret", WHO("i.secret = decode($1, 'hex')"),
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };
static const twc_sql_t SQL_BY_HANDLE = { "twc_signin_by_handle", WHO("i.id = twchat_uuid_id($1::uuid) AND i.user_id = $2::bigint AND i.kind = 'token'"),
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "signin_unknown", "Session not found");
}

static bool is_uuid(const char *handle)
{
    apr_uuid_t uuid;

    return apr_uuid_parse(&uuid, handle) == APR_SUCCESS;
}

static void row_signin(const twc_rows_t *rows, apr_pool_t *pool, twc_signin_t *signin)
{
    signin->id = twc_rows_int(rows, 0, 0);
    signin->user_id = twc_rows_int(rows, 0, 1);
    signin->username = twc_rows_text(rows, 0, 2, pool);
    signin->role = (twc_role_e)twc_rows_int(rows, 0, 3);
    signin->active = twc_rows_bool(rows, 0, 4);
    signin->ended = twc_rows_bool(rows, 0, 5);
    signin->totp_on = twc_rows_bool(rows, 0, 6);
    signin->handle = twc_rows_text(rows, 0, 7, pool);
    signin->key = twc_rows_text(rows, 0, 8, pool);
}

static apr_status_t who(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_signin_t *signin)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    row_signin(rows, ctx->pool, signin);
    return APR_SUCCESS;
}

apr_status_t twc_signin_by_secret(twc_ctx_t *ctx, const char *secret, twc_signin_t *signin)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, secret);
    return who(ctx, &SQL_BY_SECRET, &args, signin);
}

apr_status_t twc_signin_by_handle(twc_ctx_t *ctx, const char *handle, apr_int64_t user_id, twc_signin_t *signin)
{
    twc_args_t args;

    if (!is_uuid(handle))
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, handle);
    twc_arg_int(&args, user_id);
    return who(ctx, &SQL_BY_HANDLE, &args, signin);
}

/* The row is locked first: callers with the same token come one after the other, and all but the first find it used. */
static const twc_sql_t SQL_ROTATE = { "twc_signin_rotate",
    "WITH s AS (SELECT i.id, i.user_id, i.refresh = decode($2, 'hex') AS fresh FROM signins i"
    "            WHERE i.id = twchat_uuid_id($1::uuid) AND i.kind = 'token' AND i.ended_at IS NULL AND i.expires_at > now() FOR UPDATE),"
    " moved AS (UPDATE signins i SET refresh = CASE WHEN s.fresh THEN decode($3, 'hex') ELSE i.refresh END, last_used_at = now(),"
    "   expires_at = CASE WHEN s.fresh THEN now() + $4::float8 * interval '1 second' ELSE i.expires_at END,"
    "   ended_at = CASE WHEN NOT s.fresh THEN now() END, ended_why = CASE WHEN NOT s.fresh THEN 'reuse' END"
    "  FROM s WHERE i.id = s.id) "
    "SELECT s.id, s.user_id, u.username, twchat_rank(u.id, u.is_superuser), u.is_active, false, u.totp_on, twchat_uuid(s.id), NULL::text, s.fresh"
    " FROM s JOIN users u ON u.id = s.user_id", 0 };

apr_status_t twc_signin_rotate(twc_ctx_t *ctx, const char *handle, const char *refresh, const char *next,
                               apr_interval_time_t life, twc_signin_t *signin)
{
    twc_args_t args;
    twc_rows_t *rows;

    if (!is_uuid(handle))
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, handle);
    twc_arg_text(&args, refresh);
    twc_arg_text(&args, next);
    twc_arg_num(&args, (double)life / APR_USEC_PER_SEC);
    TWC_TRY(twc_db_run(ctx, &SQL_ROTATE, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    row_signin(rows, ctx->pool, signin);
    return twc_rows_bool(rows, 0, 9) ? APR_SUCCESS
        : twc_problem(ctx, APR_EACCES, "token_used", "The refresh token was used before; its session has ended.");
}

/* ---- ending ------------------------------------------------------------------------- */

static const twc_sql_t SQL_END = { "twc_signin_end",
    "UPDATE signins SET ended_at = now(), ended_why = $3"
    " WHERE id = $1::bigint AND user_id = $2::bigint AND ended_at IS NULL AND expires_at > now()", 0 };

static const twc_sql_t SQL_END_ALL = { "twc_signin_end_all",
    "UPDATE signins SET ended_at = now(), ended_why = $3 WHERE user_id = $1::bigint AND id <> $2::bigint AND ended_at IS NULL", 0 };

apr_status_t twc_signin_end(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id, const char *why)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_int(&args, user_id);
    twc_arg_text(&args, why);
    TWC_TRY(twc_db_run(ctx, &SQL_END, &args, &rows));
    return twc_rows_affected(rows) > 0 ? APR_SUCCESS : unknown(ctx);
}

apr_status_t twc_signin_end_all(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t but, const char *why)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, user_id);
    twc_arg_int(&args, but);
    twc_arg_text(&args, why);
    return twc_db_run(ctx, &SQL_END_ALL, &args, NULL);
}

/* ---- lists ---------------------------------------------------------------------------- */

static const twc_sql_t SQL_LIST = { "twc_signin_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT id, user_id, device_info, ip_address, "
    TWC_SQL_NAIVE("created_at") " AS created_at, " TWC_SQL_NAIVE("expires_at") " AS expires_at, true AS is_active"
    " FROM signins WHERE user_id = $1::bigint AND ended_at IS NULL AND expires_at > now() ORDER BY id LIMIT 1000) t",
    TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_PAGE = { "twc_signin_page",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT id, kind, device_info, ip_address, "
    TWC_SQL_ISO_MS("created_at") " AS created_at, " TWC_SQL_ISO_MS("last_used_at") " AS last_used_at, "
    TWC_SQL_ISO_MS("expires_at") " AS expires_at, id = $2::bigint AS current"
    " FROM signins WHERE user_id = $1::bigint AND ended_at IS NULL AND expires_at > now() ORDER BY last_used_at DESC, id DESC LIMIT 200) t",
    TWC_SQL_IDEMPOTENT };

apr_status_t twc_signin_list_json(twc_ctx_t *ctx, apr_int64_t user_id, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, user_id);
    return twc_db_json(ctx, &SQL_LIST, &args, json);
}

apr_status_t twc_signin_page_json(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t current, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, user_id);
    twc_arg_int(&args, current);
    return twc_db_json(ctx, &SQL_PAGE, &args, json);
}

static const twc_sql_t SQL_PURGE = { "twc_signin_purge",
    "WITH old AS (DELETE FROM signin_attempts WHERE window_at < now() - interval '1 day' AND coalesce(blocked_until, window_at) < now()),"
    " lost AS (DELETE FROM signin_flights WHERE until < now() - interval '1 hour'),"
    " idle AS (DELETE FROM api_buckets WHERE refilled_at < now() - interval '1 day') "
    "DELETE FROM signins WHERE id IN (SELECT id FROM signins WHERE expires_at < now() - interval '30 days' LIMIT 10000)", 0 };

apr_status_t twc_signin_purge(twc_ctx_t *ctx)
{
    return twc_db_run(ctx, &SQL_PURGE, NULL, NULL);
}

/* ---- attempts --------------------------------------------------------------------------- */

/* Rows are taken in the order of their keys, so that two attempts cannot wait for one another, and held until the attempt has taken
 * its place. A window that is used up blocks: as long as the window, then twice, four times that ... A quiet hour forgives. */
#define OVER "coalesce(a.blocked_until, a.window_at + $3::float8 * interval '1 second') <= now()"
#define USED_UP "(a.blocked_until IS NULL AND NOT " OVER " AND a.attempts >= $2::int)"

static const twc_sql_t SQL_ATTEMPT_LOOK = { "twc_attempt_look",
    "INSERT INTO signin_attempts AS a (key, window_at, attempts)"
    " SELECT k, now(), 0 FROM unnest($1::text[]) k ORDER BY k"
    " ON CONFLICT (key) DO UPDATE SET"
    "  window_at = CASE WHEN " OVER " THEN now() ELSE a.window_at END,"
    "  attempts = CASE WHEN " OVER " THEN 0 ELSE a.attempts END,"
    "  strikes = CASE WHEN a.window_at < now() - interval '1 hour' - $3::float8 * interval '1 second' AND " OVER " THEN 0"
    "   WHEN " USED_UP " THEN least(a.strikes + 1, 7) ELSE a.strikes END,"
    "  blocked_until = CASE WHEN a.blocked_until > now() THEN a.blocked_until"
    "   WHEN " USED_UP " THEN now() + least($3::float8 * 2 ^ a.strikes, 3600) * interval '1 second' END"
    /* which key it is, and whether this attempt made it silent */
    " RETURNING extract(epoch FROM blocked_until - now()), array_position($1::text[], key) - 1,"
    "  coalesce(blocked_until = now() + least($3::float8 * 2 ^ (strikes - 1), 3600) * interval '1 second', false)", 0 };

/* Another statement, because only that sees what those have done whom the first one waited for. */
static const twc_sql_t SQL_ATTEMPT_BEGIN = { "twc_attempt_begin",
    "WITH n AS (SELECT nextval('signin_attempt') AS attempt)"
    " INSERT INTO signin_flights (attempt, key, until)"
    " SELECT n.attempt, k, now() + $3::float8 * interval '1 second' FROM n, unnest($1::text[]) k"
    "  WHERE NOT EXISTS (SELECT 1 FROM signin_attempts a WHERE a.key = ANY ($1::text[])"
    "   AND a.attempts + (SELECT count(*) FROM signin_flights f WHERE f.key = a.key AND f.until > now()) >= $2::int)"
    " RETURNING attempt", 0 };

static const twc_sql_t SQL_ATTEMPT_END = { "twc_attempt_end", "DELETE FROM signin_flights WHERE attempt = $1::bigint", 0 };

static const twc_sql_t SQL_ATTEMPT_FORGIVE = { "twc_attempt_forgive",
    "WITH ended AS (DELETE FROM signin_flights WHERE attempt = $1::bigint) DELETE FROM signin_attempts WHERE key = $2", 0 };

static const twc_sql_t SQL_ATTEMPT_FAIL = { "twc_attempt_fail",
    "WITH ended AS (DELETE FROM signin_flights WHERE attempt = $1::bigint)"
    " INSERT INTO signin_attempts AS a (key, window_at, attempts)"
    " SELECT k, now(), 1 FROM unnest($2::text[]) k ORDER BY k"
    " ON CONFLICT (key) DO UPDATE SET"
    "  window_at = CASE WHEN " OVER " THEN now() ELSE a.window_at END,"
    "  attempts = CASE WHEN " OVER " THEN 1 ELSE a.attempts + 1 END,"
    "  blocked_until = CASE WHEN " OVER " THEN NULL ELSE a.blocked_until END", 0 };

typedef struct begin_t {
    twc_attempt_t *attempt;
    apr_interval_time_t wait;
    bool full;
} begin_t;

static void look(begin_t *b, const twc_rows_t *rows)
{
    double longest = 0;

    for (int i = 0; i < twc_rows_count(rows); i++) {
        double seconds = twc_rows_null(rows, i, 0) ? 0 : strtod(twc_rows_view(rows, i, 0).data, NULL);
        longest = seconds > longest ? seconds : longest;
        b->attempt->fell[twc_rows_int(rows, i, 1)] = twc_rows_bool(rows, i, 2);
    }
    b->wait = (apr_interval_time_t)(longest * APR_USEC_PER_SEC);
}

static void bind_keys(twc_ctx_t *ctx, const twc_attempt_t *attempt, twc_args_t *args)
{
    twc_arg_array(args, attempt->keys, attempt->keys[1] ? 2 : 1);
}

/* What it finds out is kept whatever it is, so it succeeds. */
static apr_status_t begin(twc_ctx_t *ctx, void *baton)
{
    begin_t *b = baton;
    twc_args_t found, take;
    twc_rows_t *rows;

    twc_args_init(&found, ctx->scratch);
    bind_keys(ctx, b->attempt, &found);
    twc_arg_int(&found, b->attempt->max);
    twc_arg_num(&found, (double)b->attempt->window / APR_USEC_PER_SEC);
    TWC_TRY(twc_db_run(ctx, &SQL_ATTEMPT_LOOK, &found, &rows));
    look(b, rows);
    if (b->wait > 0)
        return APR_SUCCESS;
    twc_args_init(&take, ctx->scratch);
    bind_keys(ctx, b->attempt, &take);
    twc_arg_int(&take, b->attempt->max);
    twc_arg_num(&take, FLIGHT_SECONDS);
    TWC_TRY(twc_db_run(ctx, &SQL_ATTEMPT_BEGIN, &take, &rows));
    b->full = twc_rows_count(rows) == 0;
    b->attempt->id = b->full ? 0 : twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}

apr_status_t twc_attempt_begin(twc_ctx_t *ctx, twc_attempt_t *attempt)
{
    begin_t b = { .attempt = attempt };

    TWC_TRY(twc_tx_run(ctx, begin, &b));
    if (b.wait > 0) {
        (void)twc_problem(ctx, APR_EBUSY, "too_many_attempts", "Too many requests. Please try again later.");
        ctx->problem->wait = b.wait;
        return APR_EBUSY;
    }
    return b.full ? twc_problem(ctx, APR_EAGAIN, "busy", "Too many people are signing in at once; try again in a moment.") : APR_SUCCESS;
}

apr_status_t twc_attempt_end(twc_ctx_t *ctx, const twc_attempt_t *attempt)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, attempt->id);
    return twc_db_run(ctx, &SQL_ATTEMPT_END, &args, NULL);
}

apr_status_t twc_attempt_forgive(twc_ctx_t *ctx, const twc_attempt_t *attempt)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, attempt->id);
    twc_arg_text(&args, attempt->keys[0]);
    return twc_db_run(ctx, &SQL_ATTEMPT_FORGIVE, &args, NULL);
}

apr_status_t twc_attempt_fail(twc_ctx_t *ctx, const twc_attempt_t *attempt)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, attempt->id);
    bind_keys(ctx, attempt, &args);
    twc_arg_num(&args, (double)attempt->window / APR_USEC_PER_SEC);
    return twc_db_run(ctx, &SQL_ATTEMPT_FAIL, &args, NULL);
}

/* Whoever has an IPv6 address has 2^64 of them: the network counts. One of IPv4 that came in through IPv6 is one of IPv4. */
const char *twc_attempt_address(apr_pool_t *pool, const char *address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr full;

    if (inet_pton(AF_INET6, address, &full) != 1)
        return apr_pstrcat(pool, "address ", address, NULL);
    if (IN6_IS_ADDR_V4MAPPED(&full)) {
        inet_ntop(AF_INET, &full.s6_addr[12], text, sizeof(text));
        return apr_pstrcat(pool, "address ", text, NULL);
    }
    memset(&full.s6_addr[8], 0, 8);
    inet_ntop(AF_INET6, &full, text, sizeof(text));
    return apr_pstrcat(pool, "address ", text, "/64", NULL);
}

/* ---- API callers ---------------------------------------------------------------------------- */

#define REFILLED "least($3::float8, b.tokens + greatest(extract(epoch FROM now() - b.refilled_at)::float8, 0) * $2::float8)"

static const twc_sql_t SQL_DRAW = { "twc_bucket_draw",
    "INSERT INTO api_buckets AS b (key, tokens, drawn, refilled_at)"
    " VALUES ($1, $3::float8 - least($4::int, floor($3::float8)), least($4::int, floor($3::float8)), now())"
    " ON CONFLICT (key) DO UPDATE SET refilled_at = now(), drawn = least($4::int, floor(" REFILLED ")),"
    "  tokens = " REFILLED " - least($4::int, floor(" REFILLED "))"
    " RETURNING drawn, tokens", TWC_SQL_PREPARE };

apr_status_t twc_bucket_draw(twc_ctx_t *ctx, const char *key, double rate, double burst, int want, int *granted,
                             apr_interval_time_t *wait)
{
    twc_args_t args;
    twc_rows_t *rows;
    double left;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, key);
    twc_arg_num(&args, rate);
    twc_arg_num(&args, burst);
    twc_arg_int(&args, want);
    TWC_TRY(twc_db_run(ctx, &SQL_DRAW, &args, &rows));
    *granted = (int)twc_rows_int(rows, 0, 0);
    left = strtod(twc_rows_view(rows, 0, 1).data, NULL);
    *wait = *granted > 0 ? 0 : (apr_interval_time_t)((1 - left) / rate * APR_USEC_PER_SEC);
    return APR_SUCCESS;
}

const twc_sql_t *const twc_signin_sql[] = {
    &SQL_INSERT, &SQL_BY_SECRET, &SQL_BY_HANDLE, &SQL_ROTATE, &SQL_END, &SQL_END_ALL, &SQL_LIST, &SQL_PAGE, &SQL_PURGE,
    &SQL_ATTEMPT_LOOK, &SQL_ATTEMPT_BEGIN, &SQL_ATTEMPT_END, &SQL_ATTEMPT_FORGIVE, &SQL_ATTEMPT_FAIL, &SQL_DRAW, NULL
};
