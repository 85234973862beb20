/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * apikey.c - keys that programs sign in with.
 * Must never store or log a key: its hash and its first characters are enough.
 * Called by glue/ for every request that brings a key, and by twchatctl.
 */
#include <string.h>

#include <apr_encode.h>
#include <apr_general.h>
#include <openssl/sha.h>

#include "store/audit.h"
#include "store/entry.h"
#include "store/setting.h"
#include "store/sql.h"
#include "util/text.h"

#define KEY_MARK     "twk_"
#define KEY_BYTES    32                 /* 43 characters of base64url */
#define KEY_MAX      200                /* nobody is made to hash more; keys of another make may have been imported */
#define PREFIX_CHARS 12                 /* with the mark */

static const twc_sql_t SQL_CREATE = { "twc_apikey_create",
    "INSERT INTO api_keys (name, prefix, sha256, role, created_by, expires_at) VALUES ($1, $2, $3::bytea, $4, $5,"
    " CASE WHEN $6::float8 > 0 THEN now() + $6::float8 * interval '1 second' END) RETURNING id", 0 };

static const twc_sql_t SQL_CHECK = { "twc_apikey_check",
    "WITH k AS (SELECT id, name, role FROM api_keys"
    "            WHERE sha256 = $1::bytea AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())),"
    " used AS (UPDATE api_keys a SET last_used_at = now() FROM k"
    "  WHERE a.id = k.id AND (a.last_used_at IS NULL OR a.last_used_at < now() - interval '1 minute'))"
    " SELECT id, name, role FROM k", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

#define KEY_SHAPE \
    "id, name, role, prefix, created_by, " TWC_SQL_ISO_MS("created_at") " AS created_at, " \
    TWC_SQL_ISO_MS("expires_at") " AS expires_at, " TWC_SQL_ISO_MS("last_used_at") " AS last_used_at, " \
    TWC_SQL_ISO_MS("revoked_at") " AS revoked_at"

static const twc_sql_t SQL_LIST = { "twc_apikey_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT " KEY_SHAPE " FROM api_keys ORDER BY id LIMIT 1000) t", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_SHOW = { "twc_apikey_show",
    "SELECT row_to_json(t) FROM (SELECT " KEY_SHAPE " FROM api_keys WHERE id = $1::bigint) t", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_REVOKE = { "twc_apikey_revoke",
    "WITH k AS (UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id::text = $1 OR prefix = $1 RETURNING id),"
    " gone AS (UPDATE signins i SET ended_at = now(), ended_why = 'key' FROM k WHERE i.key_id = k.id AND i.ended_at IS NULL) "
    "SELECT id FROM k", TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_apikey_sql[] = { &SQL_CREATE, &SQL_CHECK, &SQL_LIST, &SQL_SHOW, &SQL_REVOKE, NULL };

/* As a bytea literal. */
static const char *hash_of(apr_pool_t *pool, const char *key)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)key, strlen(key), digest);
    return apr_pstrcat(pool, "\\x", twc_text_hex(pool, digest, sizeof(digest)), NULL);
}

static apr_status_t note(twc_ctx_t *ctx, apr_int64_t id, const char *action)
{
    const char *after;
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_json(ctx, &SQL_SHOW, &args, &after));
    return twc_audit(ctx, action, "api_key", apr_psprintf(ctx->scratch, "%" APR_INT64_T_FMT, id), NULL, after);
}

typedef struct making_t {
    const char *name, *key;
    twc_role_e role;
    apr_interval_time_t life;
} making_t;

static apr_status_t insert(twc_ctx_t *ctx, void *baton)
{
    const making_t *making = baton;
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, making->name);
    twc_arg_text(&args, apr_pstrmemdup(ctx->scratch, making->key, PREFIX_CHARS));
    twc_arg_text(&args, hash_of(ctx->scratch, making->key));
    twc_arg_text(&args, twc_role_name(making->role));
    twc_arg_text(&args, ctx->actor ? ctx->actor->name : NULL);
    twc_arg_num(&args, (double)making->life / APR_USEC_PER_SEC);
    TWC_TRY(twc_db_run(ctx, &SQL_CREATE, &args, &rows));
    return note(ctx, twc_rows_int(rows, 0, 0), "api_key.created");
}

apr_status_t twc_apikey_create(twc_ctx_t *ctx, const char *name, twc_role_e role, apr_interval_time_t life, const char **key)
{
    making_t making = { .name = name, .role = role, .life = life };
    unsigned char secret[KEY_BYTES];
    char text[4 * KEY_BYTES];

    TWC_TRY(apr_generate_random_bytes(secret, sizeof(secret)));
    TWC_TRY(apr_encode_base64_binary(text, secret, sizeof(secret), APR_ENCODE_BASE64URL | APR_ENCODE_NOPADDING, NULL));
    *key = making.key = apr_pstrcat(ctx->pool, KEY_MARK, text, NULL);
    return twc_tx_run(ctx, insert, &making);
}

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "apikey_unknown", "There is no such API key, or it was revoked.");
}

apr_status_t twc_apikey_check(twc_ctx_t *ctx, const char *text, twc_apikey_t *key)
{
    twc_args_t args;
    twc_rows_t *rows;

    if (strlen(text) > KEY_MAX)
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, hash_of(ctx->scratch, text));
    TWC_TRY(twc_db_run(ctx, &SQL_CHECK, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    key->id = twc_rows_int(rows, 0, 0);
    key->name = twc_rows_text(rows, 0, 1, ctx->pool);
    key->role = (twc_role_e)twc_role_parse(twc_rows_text(rows, 0, 2, ctx->pool));
    return APR_SUCCESS;
}

apr_status_t twc_apikey_list(twc_ctx_t *ctx, const char **json)
{
    return twc_db_json(ctx, &SQL_LIST, NULL, json);
}

static apr_status_t withdraw(twc_ctx_t *ctx, void *baton)
{
    const char *id_or_prefix = baton;
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, id_or_prefix);
    TWC_TRY(twc_db_run(ctx, &SQL_REVOKE, &args, &rows));
    return twc_rows_count(rows) > 0 ? note(ctx, twc_rows_int(rows, 0, 0), "api_key.revoked") : unknown(ctx);
}

apr_status_t twc_apikey_revoke(twc_ctx_t *ctx, const char *id_or_prefix)
{
    return twc_tx_run(ctx, withdraw, (void *)id_or_prefix);
}
