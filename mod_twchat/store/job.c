/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * job.c - the jobs table and what its kinds need.
 * Must never lose a job: it goes away only with the work that it stood for.
 * Called by work/runner.c and domain/answer.c.
 */
#include <openssl/evp.h>

#include "store/job.h"
#include "store/sql.h"
#include "util/text.h"

/* The answers to one conversation follow each other: of those that are due next, only the first of each conversation is for the
 * taking. One that somebody is at work on still stands here for everybody else, so that it keeps the later ones back; one that was
 * put off does not. Looking no further than this many keeps a claim as cheap with a thousand waiting as with one. */
#define NEXT_DUE                                                              \
    "SELECT q.id FROM ("                                                      \
    " SELECT n.id, n.run_at, row_number() OVER (PARTITION BY coalesce(c.conv_id, -n.id) ORDER BY n.message_id, n.id) AS place" \
    "   FROM (SELECT id, message_id, run_at FROM jobs WHERE kind = 'answer' AND run_at <= now() ORDER BY run_at, id LIMIT 32) n" \
    "   LEFT JOIN LATERAL (SELECT conv_id FROM messages WHERE id = n.message_id OFFSET 0) c ON true) q WHERE q.place = 1"

/* A job is taken whether its message is still there or not: left alone it would stand before all others for ever.
 * Somebody may have deleted the row of settings by hand, too. */
static const twc_sql_t SQL_TAKE_ANSWER = { "twc_job_take_answer",
    "WITH job AS ("
    " DELETE FROM jobs WHERE id = (SELECT id FROM jobs WHERE id = ANY (ARRAY(" NEXT_DUE "))"
    "                               ORDER BY run_at, id FOR UPDATE SKIP LOCKED LIMIT 1)"
    " RETURNING id, attempts, arg, message_id) "
    "SELECT j.id, j.attempts, j.arg, m.id, m.conv_id, m.from_addr, m.to_addr, m.body, m.num_media, m.service_sid,"
    "       m.extra->>'opt_out_type', m.stop_bot, coalesce(a.enabled = 1, false), a.message,"
    "       EXISTS (SELECT 1 FROM consents c WHERE c.peer = m.from_addr AND c.state = 'opted_out'"
    "                AND c.sender IN (m.to_addr, m.service_sid, '*'))"
    "  FROM job j"
    "  LEFT JOIN LATERAL (SELECT n.id, n.conv_id, n.from_addr, n.to_addr, n.body, n.num_media, n.service_sid, n.extra, v.stop_bot"
    "                       FROM messages n JOIN conversations v ON v.id = n.conv_id WHERE n.id = j.message_id OFFSET 0) m ON true"
    "  LEFT JOIN auto_reply_config a ON a.id = 1", TWC_SQL_PREPARE };

apr_status_t twc_job_take_answer(twc_ctx_t *ctx, twc_answer_t *a)
{
    twc_args_t args;
    twc_rows_t *rows;
    apr_pool_t *p = ctx->pool;

    twc_args_init(&args, ctx->scratch);
    TWC_TRY(twc_db_run(ctx, &SQL_TAKE_ANSWER, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return APR_ENOENT;
    *a = (twc_answer_t){
        .job_id = twc_rows_int(rows, 0, 0), .attempts = (int)twc_rows_int(rows, 0, 1),
        .arg = twc_rows_text(rows, 0, 2, p),
        .turn = { .message_id = twc_rows_int(rows, 0, 3), .conv_id = twc_rows_int(rows, 0, 4),
                  .peer = twc_rows_text(rows, 0, 5, p), .ours = twc_rows_text(rows, 0, 6, p),
                  .body = twc_rows_text(rows, 0, 7, p), .num_media = (int)twc_rows_int(rows, 0, 8) },
        .service_sid = twc_rows_text(rows, 0, 9, p), .opt_out_type = twc_rows_text(rows, 0, 10, p),
        .stop_bot = twc_rows_bool(rows, 0, 11), .auto_reply = twc_rows_bool(rows, 0, 12),
        .auto_reply_text = twc_rows_text(rows, 0, 13, p), .opted_out = twc_rows_bool(rows, 0, 14) };
    return APR_SUCCESS;
}

static const twc_sql_t SQL_COUNT_ANSWER = { "twc_job_count_answer",
    "UPDATE conversations c SET"
    "  answers_since = CASE WHEN o.open THEN o.answers_since ELSE now() END,"
    "  answers = CASE WHEN o.open THEN o.answers + 1 ELSE 1 END,"
    "  loop_guard_at = CASE WHEN o.open AND o.answers + 1 > $3::int THEN coalesce(o.loop_guard_at, now()) ELSE o.loop_guard_at END"
    " FROM (SELECT id, answers, answers_since, loop_guard_at,"
    "              coalesce(answers_since > now() - $2::bigint * interval '1 microsecond', false) AS open"
    "         FROM conversations WHERE id = $1 FOR UPDATE) o"
    " WHERE c.id = o.id"
    " RETURNING c.answers <= $3::int, o.loop_guard_at IS NULL AND c.loop_guard_at IS NOT NULL", TWC_SQL_PREPARE };

apr_status_t twc_job_count_answer(twc_ctx_t *ctx, apr_int64_t conv_id, bool *allowed, bool *first)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, conv_id);
    twc_arg_int(&args, ctx->conf->answers_window);
    twc_arg_int(&args, ctx->conf->answers_max);
    TWC_TRY(twc_db_run(ctx, &SQL_COUNT_ANSWER, &args, &rows));
    *allowed = twc_rows_count(rows) > 0 && twc_rows_bool(rows, 0, 0);
    *first = twc_rows_count(rows) > 0 && twc_rows_bool(rows, 0, 1);
    return APR_SUCCESS;
}

static const twc_sql_t SQL_LEASE = { "twc_job_lease",
    "UPDATE jobs SET run_at = now() + $1::bigint * interval '1 microsecond', attempts = attempts + 1"
    " WHERE id = (SELECT id FROM jobs WHERE kind <> 'answer' AND run_at <= now()"
    "              ORDER BY run_at, id FOR UPDATE SKIP LOCKED LIMIT 1)"
    " RETURNING id, kind, message_id, attempts", TWC_SQL_PREPARE };

apr_status_t twc_job_lease(twc_ctx_t *ctx, apr_interval_time_t lease, twc_job_t *job)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, lease);
    TWC_TRY(twc_db_run(ctx, &SQL_LEASE, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return APR_ENOENT;
    *job = (twc_job_t){ .id = twc_rows_int(rows, 0, 0), .kind = twc_rows_text(rows, 0, 1, ctx->pool),
                        .message_id = twc_rows_int(rows, 0, 2), .attempts = (int)twc_rows_int(rows, 0, 3) };
    return APR_SUCCESS;
}

static const twc_sql_t SQL_DONE = { "twc_job_done", "DELETE FROM jobs WHERE id = $1",
                                    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_job_done(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    return twc_db_run(ctx, &SQL_DONE, &args, NULL);
}

static const twc_sql_t SQL_LATER = { "twc_job_later",
    "UPDATE jobs SET run_at = now() + $2::bigint * interval '1 microsecond', last_error = $3,"
    "                attempts = CASE WHEN kind = 'answer' THEN attempts + 1 ELSE attempts END"
    " WHERE id = $1", TWC_SQL_IDEMPOTENT };

apr_status_t twc_job_later(twc_ctx_t *ctx, apr_int64_t id, apr_interval_time_t delay, const char *why)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_int(&args, delay);
    twc_arg_text(&args, why);
    return twc_db_run(ctx, &SQL_LATER, &args, NULL);
}

/* ---- media -------------------------------------------------------------------------- */

static const twc_sql_t SQL_MEDIA = { "twc_job_media",
    "SELECT idx, url FROM message_media WHERE message_id = $1 AND state = 'pending' ORDER BY idx LIMIT $2",
    TWC_SQL_IDEMPOTENT };

apr_status_t twc_job_media(twc_ctx_t *ctx, apr_int64_t message_id, twc_pending_media_t *out, int max, int *count)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, message_id);
    twc_arg_int(&args, max);
    TWC_TRY(twc_db_run(ctx, &SQL_MEDIA, &args, &rows));
    *count = twc_rows_count(rows);
    for (int i = 0; i < *count; i++)
        out[i] = (twc_pending_media_t){ .idx = (int)twc_rows_int(rows, i, 0),
                                        .url = twc_rows_text(rows, i, 1, ctx->pool) };
    return APR_SUCCESS;
}

static const twc_sql_t SQL_MEDIA_KEPT = { "twc_job_media_kept",
    "WITH blob AS ("
    " INSERT INTO media_blobs (sha256, bytes) SELECT $6::bytea, $7::bytea WHERE $7 IS NOT NULL"
    " ON CONFLICT (sha256) DO NOTHING"
    "), kept AS ("
    " UPDATE message_media SET state = $3, reason = $4, content_type = coalesce($5, content_type), sha256 = $6::bytea,"
    "        size_bytes = octet_length($7::bytea)"
    "  WHERE message_id = $1 AND idx = $2 AND state = 'pending' RETURNING message_id) "
    "INSERT INTO events (message_id, conv_id) SELECT m.id, m.conv_id FROM kept JOIN messages m ON m.id = kept.message_id",
    TWC_SQL_IDEMPOTENT };

static const char *bytea(apr_pool_t *pool, const unsigned char *data, apr_size_t len)
{
    return apr_pstrcat(pool, "\\x", twc_text_hex(pool, data, len), NULL);
}

apr_status_t twc_job_media_kept(twc_ctx_t *ctx, apr_int64_t message_id, int idx, const char *state,
                                const char *reason, const char *content_type, const twc_str_t *bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;
    twc_args_t args;

    if (bytes && EVP_Digest(bytes->data, bytes->len, digest, &digest_len, EVP_sha256(), NULL) != 1)
        return twc_problem(ctx, APR_EGENERAL, "digest", "The attachment could not be hashed.");
    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, message_id);
    twc_arg_int(&args, idx);
    twc_arg_text(&args, state);
    twc_arg_text(&args, reason);
    twc_arg_text(&args, content_type);
    twc_arg_text(&args, bytes ? bytea(ctx->scratch, digest, digest_len) : NULL);
    twc_arg_text(&args, bytes ? bytea(ctx->scratch, (const unsigned char *)bytes->data, bytes->len) : NULL);
    TWC_TRY(twc_db_run(ctx, &SQL_MEDIA_KEPT, &args, NULL));
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

/* ---- opt-outs -------------------------------------------------------------- */

static const twc_sql_t SQL_PAIR = { "twc_job_pair",
    "SELECT from_addr, service_sid, to_addr FROM messages WHERE id = $1 AND direction = 'outbound'", TWC_SQL_IDEMPOTENT };

apr_status_t twc_job_pair(twc_ctx_t *ctx, apr_int64_t message_id, const char **sender, const char **service,
                          const char **peer)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, message_id);
    TWC_TRY(twc_db_run(ctx, &SQL_PAIR, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return APR_ENOENT;
    *sender = twc_rows_text(rows, 0, 0, ctx->pool);
    *service = twc_rows_text(rows, 0, 1, ctx->pool);
    *peer = twc_rows_text(rows, 0, 2, ctx->pool);
    return APR_SUCCESS;
}

const twc_sql_t *const twc_job_sql[] = {
    &SQL_TAKE_ANSWER, &SQL_COUNT_ANSWER, &SQL_LEASE, &SQL_DONE, &SQL_LATER, &SQL_MEDIA, &SQL_MEDIA_KEPT, &SQL_PAIR, NULL
};
