/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * media.c - attachments as they are served.
 * Must never fetch anything: bytes that are not stored yet are somebody else's job.
 * Called by api/.
 */
#include "store/message.h"
#include "store/sql.h"

static const twc_sql_t SQL_MEDIA = { "twc_msg_media",
    "SELECT a.state, a.url, a.content_type, a.reason, b.bytes"
    "  FROM message_media a LEFT JOIN media_blobs b ON b.sha256 = a.sha256"
    " WHERE a.message_id = $1 AND a.idx = $2", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_media_sql[] = { &SQL_MEDIA, NULL };

apr_status_t twc_msg_media(twc_ctx_t *ctx, apr_int64_t id, int index, twc_media_t *media)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    twc_arg_int(&args, index);
    TWC_TRY(twc_db_run(ctx, &SQL_MEDIA, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return twc_problem(ctx, APR_ENOENT, "media_unknown", "There is no such attachment.");
    *media = (twc_media_t){
        .state = twc_rows_text(rows, 0, 0, ctx->pool),
        .url = twc_rows_text(rows, 0, 1, ctx->pool),
        .content_type = twc_rows_text(rows, 0, 2, ctx->pool),
        .reason = twc_rows_text(rows, 0, 3, ctx->pool),
    };
    if (!twc_rows_null(rows, 0, 4))
        media->bytes = twc_rows_bytes(rows, 0, 4, ctx->pool);
    return APR_SUCCESS;
}
