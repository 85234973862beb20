/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * idempotency.c - the Idempotency-Key header: one key, one message, one answer.
 * Must never let a key that has a message make a second one, whatever died in between.
 * Called by api/ around every route that sends.
 */
#include <openssl/sha.h>

#include "store/setting.h"
#include "store/sql.h"
#include "util/text.h"

/* A key is free again after a day. Key and message are committed together, so a key that is seen has its message. */
static const twc_sql_t SQL_CLAIM = { "twc_idem_claim",
    "INSERT INTO idempotency_keys AS k (scope, key, request) VALUES ($1, $2, $3::bytea)"
    " ON CONFLICT (scope, key) DO UPDATE SET request = EXCLUDED.request, message_id = NULL, status = NULL, answer = NULL,"
    "   created_at = now()"
    " WHERE k.created_at < now() - interval '24 hours'"
    " RETURNING 1", TWC_SQL_PREPARE };

static const twc_sql_t SQL_FIND = { "twc_idem_find",
    "SELECT request = $3::bytea, status, answer, message_id FROM idempotency_keys WHERE scope = $1 AND key = $2",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_MESSAGE = { "twc_idem_message",
    "UPDATE idempotency_keys SET message_id = $3 WHERE scope = $1 AND key = $2", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_FINISH = { "twc_idem_finish",
    "UPDATE idempotency_keys SET status = $3, answer = $4 WHERE scope = $1 AND key = $2",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_idempotency_sql[] = { &SQL_CLAIM, &SQL_FIND, &SQL_MESSAGE, &SQL_FINISH, NULL };

static void key_args(twc_args_t *args, apr_pool_t *pool, const char *scope, const char *key)
{
    twc_args_init(args, pool);
    twc_arg_text(args, scope);
    twc_arg_text(args, key);
}

static twc_idem_e outcome_of(const twc_rows_t *rows)
{
    if (!twc_rows_bool(rows, 0, 0))
        return TWC_IDEM_MISMATCH;
    return twc_rows_null(rows, 0, 1) ? TWC_IDEM_RUNNING : TWC_IDEM_REPLAY;
}

apr_status_t twc_idem_begin(twc_ctx_t *ctx, const char *scope, const char *key, twc_str_t body,
                            twc_idem_e *outcome, int *status, const char **answer, apr_int64_t *message_id)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    twc_args_t args;
    twc_rows_t *rows;

    SHA256((const unsigned char *)body.data, body.len, digest);
    key_args(&args, ctx->scratch, scope, key);
    twc_arg_text(&args, apr_pstrcat(ctx->scratch, "\\x", twc_text_hex(ctx->scratch, digest, sizeof(digest)), NULL));
    *message_id = 0;
    *outcome = TWC_IDEM_NEW;
    TWC_TRY(twc_db_run(ctx, &SQL_CLAIM, &args, &rows));
    if (twc_rows_count(rows) > 0)
        return APR_SUCCESS;
    TWC_TRY(twc_db_run(ctx, &SQL_FIND, &args, &rows));
    if (twc_rows_count(rows) == 0)      /* purged between our two statements */
        return twc_problem(ctx, APR_EAGAIN, "conflict_retry", "The same key is being used right now; try again.");
    *outcome = outcome_of(rows);
    *status = (int)twc_rows_int(rows, 0, 1);
    *answer = twc_rows_text(rows, 0, 2, ctx->pool);
    *message_id = twc_rows_int(rows, 0, 3);
    return APR_SUCCESS;
}

apr_status_t twc_idem_message(twc_ctx_t *ctx, const char *scope, const char *key, apr_int64_t message_id)
{
    twc_args_t args;

    key_args(&args, ctx->scratch, scope, key);
    twc_arg_int(&args, message_id);
    return twc_db_run(ctx, &SQL_MESSAGE, &args, NULL);
}

apr_status_t twc_idem_finish(twc_ctx_t *ctx, const char *scope, const char *key, int status, const char *answer)
{
    twc_args_t args;

    key_args(&args, ctx->scratch, scope, key);
    twc_arg_int(&args, status);
    twc_arg_text(&args, answer);
    return twc_db_run(ctx, &SQL_FINISH, &args, NULL);
}
