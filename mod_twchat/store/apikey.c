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

#include "store/entry.h"
#include "store/setting.h"
#include "store/sql.h"
#include "util/text.h"

#define KEY_MARK     "twk_"
#define KEY_BYTES    32                 /* 43 characters of base64url */
#define KEY_MAX      200                /* nobody is made to hash more; keys of another make may have been imported */
#define PREFIX_CHARS 12                 /* with the mark */

static const twc_sql_t SQL_CREATE = { "twc_apikey_create",
    "INSERT INTO api_keys (name, prefix, sha256) VALUES ($1, $2, $3::bytea)", 0 };

static const twc_sql_t SQL_CHECK = { "twc_apikey_check",
    "WITH k AS (SELECT id, name FROM api_keys WHERE sha256 = $1::bytea AND revoked_at IS NULL),"
    " used AS (UPDATE api_keys a SET last_used_at = now() FROM k"
    "  WHERE a.id = k.id AND (a.last_used_at IS NULL OR a.last_used_at < now() - interval '1 minute'))"
    " SELECT id, name FROM k", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_LIST = { "twc_apikey_list",
    "SELECT coalesce(json_agg(t), '[]'::json) FROM (SELECT id, name, prefix, "
    TWC_SQL_ISO_MS("created_at") " AS created_at, " TWC_SQL_ISO_MS("last_used_at") " AS last_used_at, "
    TWC_SQL_ISO_MS("revoked_at") " AS revoked_at FROM api_keys ORDER BY id LIMIT 1000) t", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_REVOKE = { "twc_apikey_revoke",
    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id::text = $1 OR prefix = $1", TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_apikey_sql[] = { &SQL_CREATE, &SQL_CHECK, &SQL_LIST, &SQL_REVOKE, NULL };

/* As a bytea literal. */
static const char *hash_of(apr_pool_t *pool, const char *key)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)key, strlen(key), digest);
    return apr_pstrcat(pool, "\\x", twc_text_hex(pool, digest, sizeof(digest)), NULL);
}

apr_status_t twc_apikey_create(twc_ctx_t *ctx, const char *name, const char **key)
{
    unsigned char secret[KEY_BYTES];
    char text[4 * KEY_BYTES];
    twc_args_t args;

    TWC_TRY(apr_generate_random_bytes(secret, sizeof(secret)));
    TWC_TRY(apr_encode_base64_binary(text, secret, sizeof(secret), APR_ENCODE_BASE64URL | APR_ENCODE_NOPADDING, NULL));
    *key = apr_pstrcat(ctx->pool, KEY_MARK, text, NULL);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, name);
    twc_arg_text(&args, apr_pstrmemdup(ctx->scratch, *key, PREFIX_CHARS));
    twc_arg_text(&args, hash_of(ctx->scratch, *key));
    return twc_db_run(ctx, &SQL_CREATE, &args, NULL);
}

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "apikey_unknown", "There is no such API key, or it was revoked.");
}

apr_status_t twc_apikey_check(twc_ctx_t *ctx, const char *key, apr_int64_t *id, const char **name)
{
    twc_args_t args;
    twc_rows_t *rows;

    if (strlen(key) > KEY_MAX)
        return unknown(ctx);
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, hash_of(ctx->scratch, key));
    TWC_TRY(twc_db_run(ctx, &SQL_CHECK, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return unknown(ctx);
    *id = twc_rows_int(rows, 0, 0);
    *name = twc_rows_text(rows, 0, 1, ctx->pool);
    return APR_SUCCESS;
}

apr_status_t twc_apikey_list(twc_ctx_t *ctx, const char **json)
{
    return twc_db_json(ctx, &SQL_LIST, NULL, json);
}

apr_status_t twc_apikey_revoke(twc_ctx_t *ctx, const char *id_or_prefix)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, id_or_prefix);
    TWC_TRY(twc_db_run(ctx, &SQL_REVOKE, &args, &rows));
    return twc_rows_affected(rows) > 0 ? APR_SUCCESS : unknown(ctx);
}
