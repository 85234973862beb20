/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * user.c - rows of accounts and roles.
 * Must never see a password, nor decide who may do what.
 * Called by domain/account.c, domain/signin.c and the endpoints that list.
 */
#include <string.h>

#include "store/entry.h"
#include "store/sql.h"
#include "store/user.h"
#include "util/text.h"

static const char *const role_names[] = { "none", "viewer", "agent", "admin", "super_admin" };

const char *twc_role_name(twc_role_e role)
{
    return role_names[role];
}

int twc_role_parse(const char *name)
{
    for (int i = TWC_ROLE_NONE; i <= TWC_ROLE_SUPER; i++)
        if (strcmp(role_names[i], name) == 0)
            return i;
    return -1;
}

/* ---- one account ------------------------------------------------------------------ */

#define USER_COLUMNS \
    "u.id, u.username, u.email, u.full_name, u.phone_number, u.password_hash, twchat_rank(u.id, u.is_superuser)," \
    " u.is_active, u.totp_on, u.totp_secret, u.origin = 'registered', u.password_fit"

static const twc_sql_t SQL_LOAD = { "twc_user_load",
    "SELECT " USER_COLUMNS " FROM users u WHERE u.id = $1::bigint", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_BY_NAME = { "twc_user_by_name",
    "SELECT " USER_COLUMNS " FROM users u WHERE lower(u.username) = lower($1)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_BY_LOGIN = { "twc_user_by_login",
    "SELECT " USER_COLUMNS " FROM logins l JOIN users u ON u.id = l.user_id WHERE l.login = lower($1)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_BY_IDENTITY = { "twc_user_by_identity",
    "SELECT " USER_COLUMNS " FROM logins l JOIN users u ON u.id = l.user_id"
    " WHERE l.login = lower($1) AND (lower(u.username) = l.login OR u.email_confirmed)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static twc_user_t *row_user(const twc_rows_t *rows, apr_pool_t *pool)
{
    twc_user_t *user = apr_pcalloc(pool, sizeof(*user));

    user->id = twc_rows_int(rows, 0, 0);
    user->username = twc_rows_text(rows, 0, 1, pool);
    user->email = twc_rows_text(rows, 0, 2, pool);
    user->full_name = twc_rows_text(rows, 0, 3, pool);
    user->phone_number = twc_rows_text(rows, 0, 4, pool);
    user->password_hash = twc_rows_text(rows, 0, 5, pool);
    user->role = (twc_role_e)twc_rows_int(rows, 0, 6);
    user->active = twc_rows_bool(rows, 0, 7);
    user->totp_on = twc_rows_bool(rows, 0, 8);
    if (!twc_rows_null(rows, 0, 9))
        user->totp_secret = twc_rows_bytes(rows, 0, 9, pool);
    user->registered = twc_rows_bool(rows, 0, 10);
    user->password_fit = twc_rows_bool(rows, 0, 11);
    return user;
}

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "user_unknown", "There is no such user.");
}

static apr_status_t find(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_user_t **user)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    *user = row_user(rows, ctx->pool);
    return APR_SUCCESS;
}

apr_status_t twc_user_load(twc_ctx_t *ctx, apr_int64_t id, twc_user_t **user)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    return find(ctx, &SQL_LOAD, &args, user);
}

static apr_status_t by_text(twc_ctx_t *ctx, const twc_sql_t *sql, const char *text, twc_user_t **user)
{
    twc_args_t args;

    if (!twc_text_is_clean(text, strlen(text)))
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, text);
    return find(ctx, sql, &args, user);
}

apr_status_t twc_user_by_name(twc_ctx_t *ctx, const char *username, twc_user_t **user)
{
    return by_text(ctx, &SQL_BY_NAME, username, user);
}

apr_status_t twc_user_by_login(twc_ctx_t *ctx, const char *login, twc_user_t **user)
{
    return by_text(ctx, &SQL_BY_LOGIN, login, user);
}

apr_status_t twc_user_by_identity(twc_ctx_t *ctx, const char *identity, twc_user_t **user)
{
    return by_text(ctx, &SQL_BY_IDENTITY, identity, user);
}

/* ---- new and changed ---------------------------------------------------------------- */

/* What stands in the way is looked up in the same statement. Where two come at once the keys decide, and the later one is told
 * "conflict": it may look again. Single sign-on's word for a name outweighs what somebody says of themselves, and an address that is
 * somebody else's is left out there. */
static const twc_sql_t SQL_INSERT = { "twc_user_insert",
    "WITH taken AS (SELECT EXISTS (SELECT 1 FROM logins l JOIN users o ON o.id = l.user_id WHERE l.login = lower($1)"
    "   AND ($8 <> 'apache' OR o.email_confirmed OR lower(o.username) = l.login)) AS username,"
    "  EXISTS (SELECT 1 FROM logins WHERE login = lower($2)) OR EXISTS (SELECT 1 FROM users WHERE lower(email) = lower($2)) AS email,"
    "  EXISTS (SELECT 1 FROM users WHERE phone_number = $4) AS phone"
    "), made AS ("
    " INSERT INTO users (username, email, full_name, phone_number, password_hash, password_at, is_active, is_superuser, origin, email_confirmed,"
    "  password_fit)"
    " SELECT $1, CASE WHEN NOT t.email THEN $2 END, $3, $4, $5, CASE WHEN $5::text IS NOT NULL THEN now() END, $6::boolean, $7::int = 4, $8,"
    "  $8 <> 'registered', $9::boolean"
    " FROM taken t WHERE NOT t.username AND NOT t.phone AND (NOT t.email OR $8 = 'apache')"
    " ON CONFLICT DO NOTHING RETURNING id"
    "), given AS ("
    " INSERT INTO user_roles SELECT m.id, r.id FROM made m JOIN roles r ON r.rank = $7::int AND r.rank > 0"
    ") "
    "SELECT (SELECT id FROM made), t.username, t.email, t.phone FROM taken t", 0 };

static const struct { const char *code, *field, *detail; } takens[] = {
    { "username_taken", "username", "Username already registered" },
    { "email_taken", "email", "Email already registered" },
    { "phone_taken", "phone_number", "Phone number already registered" },
};
enum { USERNAME, EMAIL, PHONE };

static apr_status_t taken(twc_ctx_t *ctx, int which)
{
    twc_problem_clear(ctx);
    (void)twc_problem(ctx, APR_EEXIST, takens[which].code, "%s", takens[which].detail);
    ctx->problem->field = takens[which].field;
    return APR_EEXIST;
}

apr_status_t twc_user_insert(twc_ctx_t *ctx, const twc_user_draft_t *draft, apr_int64_t *id)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, draft->username);
    twc_arg_text(&args, draft->email);
    twc_arg_text(&args, draft->full_name);
    twc_arg_text(&args, draft->phone_number);
    twc_arg_text(&args, draft->password_hash);
    twc_arg_bool(&args, !draft->inactive);
    twc_arg_int(&args, draft->role);
    twc_arg_text(&args, draft->origin ? draft->origin : "local");
    twc_arg_bool(&args, draft->password_fit);
    TWC_TRY(twc_db_run(ctx, &SQL_INSERT, &args, &rows));
    if (!twc_rows_null(rows, 0, 0)) {
        *id = twc_rows_int(rows, 0, 0);
        return APR_SUCCESS;
    }
    for (int which = USERNAME; which <= PHONE; which++)
        if (twc_rows_bool(rows, 0, 1 + which))
            return taken(ctx, which);
    return twc_problem(ctx, APR_EEXIST, "conflict", "It exists already.");
}

static const twc_sql_t SQL_UPDATE = { "twc_user_update",
    "WITH others AS (SELECT EXISTS (SELECT 1 FROM logins WHERE user_id <> $1::bigint AND login = lower($4))"
    "   OR EXISTS (SELECT 1 FROM users WHERE id <> $1::bigint AND lower(email) = lower($4)) AS email,"
    "  EXISTS (SELECT 1 FROM users WHERE id <> $1::bigint AND phone_number = $5) AS phone"
    "), done AS ("
    " UPDATE users u SET full_name = CASE WHEN $2::text IS NULL THEN full_name ELSE nullif($2, '') END,"
    "  bio = CASE WHEN $3::text IS NULL THEN bio ELSE nullif($3, '') END,"
    "  email = CASE WHEN $4::text IS NULL THEN u.email ELSE nullif($4, '') END,"
    "  email_confirmed = CASE WHEN $4::text IS NULL THEN u.email_confirmed"
    "   WHEN lower(nullif($4, '')) = lower(u.email) THEN u.email_confirmed OR $6::boolean ELSE $6::boolean END,"
    "  phone_number = CASE WHEN $5::text IS NULL THEN phone_number ELSE nullif($5, '') END, updated_at = now()"
    "  FROM others o WHERE u.id = $1::bigint AND NOT o.email AND NOT o.phone RETURNING 1"
    ") "
    "SELECT o.email, o.phone, EXISTS (SELECT 1 FROM done) FROM others o", 0 };

apr_status_t twc_user_update(twc_ctx_t *ctx, apr_int64_t id, const twc_user_change_t *change)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_text(&args, change->full_name);
    twc_arg_text(&args, change->bio);
    twc_arg_text(&args, change->email);
    twc_arg_text(&args, change->phone_number);
    twc_arg_bool(&args, change->email_confirmed);
    TWC_TRY(twc_db_run(ctx, &SQL_UPDATE, &args, &rows));
    if (twc_rows_bool(rows, 0, 0))
        return taken(ctx, EMAIL);
    if (twc_rows_bool(rows, 0, 1))
        return taken(ctx, PHONE);
    return twc_rows_bool(rows, 0, 2) ? APR_SUCCESS : unknown(ctx);
}

static apr_status_t change_one(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    return twc_rows_affected(rows) > 0 ? APR_SUCCESS : unknown(ctx);
}

static const twc_sql_t SQL_SET_PASSWORD = { "twc_user_set_password",
    "UPDATE users SET password_hash = $2, password_fit = $3::boolean, password_at = now(), updated_at = now() WHERE id = $1::bigint", 0 };

apr_status_t twc_user_set_password(twc_ctx_t *ctx, apr_int64_t id, const char *hash, bool fit)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_text(&args, hash);
    twc_arg_bool(&args, fit);
    return change_one(ctx, &SQL_SET_PASSWORD, &args);
}

/* The password stays the same, so nothing of its history changes; unless somebody has just set another. */
static const twc_sql_t SQL_RENEW_HASH = { "twc_user_renew_hash",
    "UPDATE users SET password_hash = $3 WHERE id = $1::bigint AND password_hash = $2", 0 };

apr_status_t twc_user_renew_hash(twc_ctx_t *ctx, apr_int64_t id, const char *old, const char *fresh)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_text(&args, old);
    twc_arg_text(&args, fresh);
    return change_one(ctx, &SQL_RENEW_HASH, &args);
}

static const twc_sql_t SQL_SET_ACTIVE = { "twc_user_set_active",
    "UPDATE users SET is_active = $2::boolean, updated_at = now() WHERE id = $1::bigint", 0 };
static const twc_sql_t SQL_SET_SUPER = { "twc_user_set_super",
    "UPDATE users SET is_superuser = $2::boolean, updated_at = now() WHERE id = $1::bigint", 0 };

static apr_status_t set_mark(twc_ctx_t *ctx, const twc_sql_t *sql, apr_int64_t id, bool on)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_bool(&args, on);
    return change_one(ctx, sql, &args);
}

apr_status_t twc_user_set_active(twc_ctx_t *ctx, apr_int64_t id, bool active)
{
    return set_mark(ctx, &SQL_SET_ACTIVE, id, active);
}

apr_status_t twc_user_set_super(twc_ctx_t *ctx, apr_int64_t id, bool super)
{
    return set_mark(ctx, &SQL_SET_SUPER, id, super);
}

static const twc_sql_t SQL_SET_ROLE = { "twc_user_set_role",
    "WITH gone AS (DELETE FROM user_roles a USING roles r WHERE a.user_id = $1::bigint AND r.id = a.role_id AND r.rank > 0"
    "               AND r.rank <> $2::int),"
    " given AS (INSERT INTO user_roles SELECT $1::bigint, r.id FROM roles r"
    "            WHERE r.rank = $2::int AND r.rank > 0 AND EXISTS (SELECT 1 FROM users WHERE id = $1::bigint) ON CONFLICT DO NOTHING) "
    "UPDATE users SET is_superuser = $2::int = 4, updated_at = now() WHERE id = $1::bigint", 0 };

apr_status_t twc_user_set_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_int(&args, role);
    return change_one(ctx, &SQL_SET_ROLE, &args);
}

static const twc_sql_t SQL_DELETE = { "twc_user_delete", "DELETE FROM users WHERE id = $1::bigint", 0 };

apr_status_t twc_user_delete(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    return change_one(ctx, &SQL_DELETE, &args);
}

/* All of them are locked, in one order, so that two administrators who demote one another end up with one of them. */
static const twc_sql_t SQL_OTHER_SUPERS = { "twc_user_other_supers",
    "SELECT count(*) FILTER (WHERE id <> $1::bigint) FROM"
    " (SELECT id FROM users WHERE is_superuser AND is_active ORDER BY id FOR UPDATE) s", 0 };

apr_status_t twc_user_other_supers(twc_ctx_t *ctx, apr_int64_t id, int *count)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_OTHER_SUPERS, &args, &rows));
    *count = (int)twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}

/* ---- second factor ---------------------------------------------------------------------- */

static const twc_sql_t SQL_SET_TOTP = { "twc_user_set_totp",
    "WITH gone AS (DELETE FROM recovery_codes WHERE user_id = $1::bigint AND $2::bytea IS NULL) "
    "UPDATE users SET totp_secret = $2::bytea, totp_on = $3::boolean, updated_at = now(),"
    " totp_step = CASE WHEN $3::boolean THEN totp_step END WHERE id = $1::bigint", 0 };

static const twc_sql_t SQL_TAKE_STEP = { "twc_user_take_step",
    "UPDATE users SET totp_step = $2::bigint WHERE id = $1::bigint AND (totp_step IS NULL OR totp_step < $2::bigint)", 0 };

static const twc_sql_t SQL_SET_RECOVERY = { "twc_user_set_recovery",
    "WITH gone AS (DELETE FROM recovery_codes WHERE user_id = $1::bigint AND NOT encode(sha256, 'hex') = ANY ($2::text[])) "
    "INSERT INTO recovery_codes (user_id, sha256) SELECT $1::bigint, decode(h, 'hex') FROM unnest($2::text[]) h"
    " ON CONFLICT DO NOTHING", 0 };

static const twc_sql_t SQL_USE_RECOVERY = { "twc_user_use_recovery",
    "WITH used AS (UPDATE recovery_codes SET used_at = now()"
    "               WHERE user_id = $1::bigint AND sha256 = decode($2, 'hex') AND used_at IS NULL RETURNING sha256) "
    "SELECT (SELECT count(*) FROM used), count(*) FROM recovery_codes c"
    " WHERE c.user_id = $1::bigint AND c.used_at IS NULL AND c.sha256 <> decode($2, 'hex')", 0 };

static const twc_sql_t SQL_COUNT_RECOVERY = { "twc_user_count_recovery",
    "SELECT count(*) FROM recovery_codes WHERE user_id = $1::bigint AND used_at IS NULL", TWC_SQL_IDEMPOTENT };

static const char *bytea(apr_pool_t *pool, twc_str_t bytes)
{
    return bytes.data ? apr_pstrcat(pool, "\\x", twc_text_hex(pool, (const unsigned char *)bytes.data, bytes.len), NULL) : NULL;
}

apr_status_t twc_user_set_totp(twc_ctx_t *ctx, apr_int64_t id, twc_str_t secret, bool on)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_text(&args, bytea(ctx->scratch, secret));
    twc_arg_bool(&args, on);
    return change_one(ctx, &SQL_SET_TOTP, &args);
}

apr_status_t twc_user_take_step(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t step)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_int(&args, step);
    TWC_TRY(twc_db_run(ctx, &SQL_TAKE_STEP, &args, &rows));
    return twc_rows_affected(rows) > 0 ? APR_SUCCESS
        : twc_problem(ctx, APR_EACCES, "code_wrong", "This code was used before. Wait for the next one.");
}

apr_status_t twc_user_set_recovery(twc_ctx_t *ctx, apr_int64_t id, const char *const *hashes, int count)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_array(&args, hashes, count);
    return twc_db_run(ctx, &SQL_SET_RECOVERY, &args, NULL);
}

apr_status_t twc_user_count_recovery(twc_ctx_t *ctx, apr_int64_t id, int *left)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_COUNT_RECOVERY, &args, &rows));
    *left = (int)twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}

apr_status_t twc_user_use_recovery(twc_ctx_t *ctx, apr_int64_t id, const char *hash, int *left)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_text(&args, hash);
    TWC_TRY(twc_db_run(ctx, &SQL_USE_RECOVERY, &args, &rows));
    *left = (int)twc_rows_int(rows, 0, 1);
    return twc_rows_int(rows, 0, 0) > 0 ? APR_SUCCESS
        : twc_problem(ctx, APR_ENOENT, "code_wrong", "There is no such recovery code, or it was used.");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

#define USER_SHAPE \
    "u.id, u.username, u.email, u.full_name, u.bio, u.phone_number, u.is_active, u.is_superuser, " \
    TWC_SQL_NAIVE("u.created_at") " AS created_at, " TWC_SQL_NAIVE("u.updated_at") " AS updated_at"

static const twc_sql_t SQL_USER = { "twc_user_json",
    "SELECT row_to_json(t) FROM (SELECT " USER_SHAPE " FROM users u WHERE u.id = $1::bigint) t",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_USERS = { "twc_user_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT " USER_SHAPE
    " FROM users u ORDER BY u.id OFFSET $1::int LIMIT $2::int) t", TWC_SQL_IDEMPOTENT };

#define ADMIN_SHAPE \
    "twchat_uuid(u.id) AS id, u.username, (ARRAY['none','viewer','agent','admin','super_admin'])" \
    "[twchat_rank(u.id, u.is_superuser) + 1] AS role, u.is_active"

static const twc_sql_t SQL_ADMIN = { "twc_user_admin",
    "SELECT row_to_json(t) FROM (SELECT " ADMIN_SHAPE " FROM users u WHERE u.id = $1::bigint) t", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_ADMINS = { "twc_user_admins",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT " ADMIN_SHAPE ", " TWC_SQL_OFFSET("u.created_at") " AS created_at"
    " FROM users u WHERE twchat_rank(u.id, u.is_superuser) > 0 ORDER BY u.created_at, u.id LIMIT 1000) t", TWC_SQL_IDEMPOTENT };

#define PAGE_SHAPE \
    "u.id, u.username, u.email, u.email_confirmed, u.full_name, u.phone_number, (ARRAY['none','viewer','agent','admin','super_admin'])" \
    "[twchat_rank(u.id, u.is_superuser) + 1] AS role," \
    " (SELECT coalesce(json_agg(r.name ORDER BY r.name), '[]'::json) FROM user_roles a JOIN roles r ON r.id = a.role_id" \
    "   WHERE a.user_id = u.id AND r.rank = 0) AS roles," \
    " u.is_active, u.origin, u.password_hash IS NOT NULL AS has_password, u.totp_on AS second_factor, " \
    TWC_SQL_ISO_MS("u.last_signin_at") " AS last_signin_at, " TWC_SQL_ISO_MS("u.created_at") " AS created_at"

static const twc_sql_t SQL_PAGE = { "twc_user_page",
    "WITH page AS (SELECT " PAGE_SHAPE " FROM users u"
    " WHERE ($1::text IS NULL OR strpos(lower(concat_ws(' ', u.username, u.email, u.full_name, u.phone_number)), lower($1)) > 0)"
    "   AND ($2::text IS NULL OR lower(u.username) > lower($2))"
    " ORDER BY lower(u.username) LIMIT $3::int + 1) "
    "SELECT json_build_object('users', coalesce((SELECT json_agg(p) FROM (SELECT * FROM page LIMIT $3::int) p), '[]'::json),"
    " 'more', (SELECT count(*) FROM page) > $3::int)", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_ROW = { "twc_user_row",
    "SELECT row_to_json(t) FROM (SELECT " PAGE_SHAPE " FROM users u WHERE u.id = $1::bigint) t", TWC_SQL_IDEMPOTENT };

static apr_status_t one_json(twc_ctx_t *ctx, const twc_sql_t *sql, apr_int64_t id, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_json(ctx, sql, &args, json));
    return *json ? APR_SUCCESS : unknown(ctx);
}

apr_status_t twc_user_json(twc_ctx_t *ctx, apr_int64_t id, const char **json) { return one_json(ctx, &SQL_USER, id, json); }
apr_status_t twc_user_admin_json(twc_ctx_t *ctx, apr_int64_t id, const char **json) { return one_json(ctx, &SQL_ADMIN, id, json); }
apr_status_t twc_user_row_json(twc_ctx_t *ctx, apr_int64_t id, const char **json) { return one_json(ctx, &SQL_ROW, id, json); }

apr_status_t twc_user_list_json(twc_ctx_t *ctx, int skip, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, skip);
    twc_arg_int(&args, limit);
    return twc_db_json(ctx, &SQL_USERS, &args, json);
}

apr_status_t twc_user_admins_json(twc_ctx_t *ctx, const char **json)
{
    return twc_db_json(ctx, &SQL_ADMINS, NULL, json);
}

apr_status_t twc_user_page_json(twc_ctx_t *ctx, const char *search, const char *after, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, search && *search ? search : NULL);
    twc_arg_text(&args, after && *after ? after : NULL);
    twc_arg_int(&args, limit);
    return twc_db_json(ctx, &SQL_PAGE, &args, json);
}

/* ---- roles by name ---------------------------------------------------------------------------- */

#define ROLE_SHAPE \
    "r.id, r.name, r.description, " TWC_SQL_NAIVE("r.created_at") " AS created_at, " TWC_SQL_NAIVE("r.updated_at") " AS updated_at"

static const twc_sql_t SQL_ROLES = { "twc_role_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT " ROLE_SHAPE " FROM roles r"
    " WHERE $1::bigint IS NULL OR EXISTS (SELECT 1 FROM user_roles a WHERE a.user_id = $1::bigint AND a.role_id = r.id)"
    " ORDER BY r.id LIMIT 1000) t", TWC_SQL_IDEMPOTENT };

/* "super_admin" is a mark of the account, so nobody may make a role that only looks like it. */
static const twc_sql_t SQL_ROLE_INSERT = { "twc_role_insert",
    "WITH r AS (INSERT INTO roles (name, description) SELECT $1, $2 WHERE lower($1) NOT IN ('super_admin', 'superuser', 'none')"
    "            ON CONFLICT DO NOTHING RETURNING id, name, description, created_at, updated_at) "
    "SELECT row_to_json(t) FROM (SELECT " ROLE_SHAPE " FROM r) t", 0 };

static const twc_sql_t SQL_ROLE_DELETE = { "twc_role_delete",
    "WITH r AS (DELETE FROM roles WHERE id = $1::bigint AND rank = 0 RETURNING id, name, description, created_at, updated_at) "
    "SELECT (SELECT name FROM r), (SELECT row_to_json(t) FROM (SELECT " ROLE_SHAPE " FROM r) t),"
    " EXISTS (SELECT 1 FROM roles WHERE id = $1::bigint AND rank > 0)", 0 };

static const twc_sql_t SQL_ROLE_ASSIGN = { "twc_role_assign",
    "WITH gone AS (DELETE FROM user_roles WHERE user_id = $1::bigint AND role_id <> ALL ($2::bigint[])) "
    "INSERT INTO user_roles SELECT $1::bigint, r.id FROM roles r WHERE r.id = ANY ($2::bigint[]) ON CONFLICT DO NOTHING", 0 };

apr_status_t twc_role_list_json(twc_ctx_t *ctx, apr_int64_t user_id, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_id(&args, user_id);
    return twc_db_json(ctx, &SQL_ROLES, &args, json);
}

apr_status_t twc_role_insert(twc_ctx_t *ctx, const char *name, const char *description, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, name);
    twc_arg_text(&args, description);
    TWC_TRY(twc_db_json(ctx, &SQL_ROLE_INSERT, &args, json));
    return *json ? APR_SUCCESS : twc_problem(ctx, APR_EEXIST, "role_taken", "Role already exists");
}

apr_status_t twc_role_delete(twc_ctx_t *ctx, apr_int64_t id, const char **name, const char **json)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_ROLE_DELETE, &args, &rows));
    *name = twc_rows_text(rows, 0, 0, ctx->pool);
    *json = twc_rows_text(rows, 0, 1, ctx->pool);
    if (*name)
        return APR_SUCCESS;
    return twc_rows_bool(rows, 0, 2) ? twc_problem(ctx, APR_EACCES, "role_built_in", "This role is built in and stays.")
        : twc_problem(ctx, APR_ENOENT, "role_unknown", "Role not found");
}

apr_status_t twc_role_assign(twc_ctx_t *ctx, apr_int64_t user_id, const char *ids)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, user_id);
    twc_arg_text(&args, ids);
    return twc_db_run(ctx, &SQL_ROLE_ASSIGN, &args, NULL);
}

const twc_sql_t *const twc_user_sql[] = {
    &SQL_LOAD, &SQL_BY_NAME, &SQL_BY_LOGIN, &SQL_BY_IDENTITY, &SQL_INSERT, &SQL_UPDATE, &SQL_SET_PASSWORD, &SQL_RENEW_HASH, &SQL_SET_ACTIVE, &SQL_SET_SUPER,
    &SQL_SET_ROLE, &SQL_DELETE, &SQL_OTHER_SUPERS, &SQL_SET_TOTP, &SQL_TAKE_STEP, &SQL_SET_RECOVERY, &SQL_USE_RECOVERY,
    &SQL_COUNT_RECOVERY, &SQL_USER, &SQL_USERS, &SQL_ADMIN, &SQL_ADMINS, &SQL_PAGE, &SQL_ROW, &SQL_ROLES, &SQL_ROLE_INSERT, &SQL_ROLE_DELETE,
    &SQL_ROLE_ASSIGN, NULL
};
