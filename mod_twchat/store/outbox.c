/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - messages asked for: into the queue, and back out of it.
 * Must never queue a message to somebody who opted out, nor a second answer to one message.
 * Called by domain/message.c and work/waiters.c; dispatch.c is the sender's side.
 */
#include <jansson.h>

#include "store/consent.h"
#include "store/outbox.h"
#include "store/sql.h"
#include "twilio/error.h"
#include "util/phone.h"

/* What is refused leaves no trace, or a message that has failed where somebody asked for it: everything hangs on `go`, and what
 * leads to a request on `ok`. An answer that was given between this look and the insert meets the unique index on reply_to. */
static const twc_sql_t SQL_INSERT = { "twc_outbox_insert",
    "WITH looked AS MATERIALIZED ("
    " SELECT nextval('messages_id_seq') AS id,"
    "        NOT $17::boolean AND " TWC_SQL_OPTED_OUT("$1::text", "$4::text", "$5::text") " AS opted_out,"
    "        EXISTS (SELECT 1 FROM messages r WHERE r.reply_to = $16::bigint) AS answered,"
    "        greatest($15::timestamptz, now()) AS due_at"
    "), given AS MATERIALIZED ("
    " SELECT l.*, CASE WHEN opted_out THEN 'failed' WHEN $15::timestamptz > now() THEN 'scheduled' ELSE 'queued' END AS state FROM looked l"
    "), go AS ("
    " SELECT * FROM given WHERE NOT answered AND (NOT opted_out OR $19::boolean)"
    "), ok AS ("
    " SELECT * FROM go WHERE NOT opted_out"
    "), con AS ("
    " INSERT INTO contacts (address) SELECT $3 FROM go WHERE NOT EXISTS (SELECT 1 FROM contacts c WHERE c.address = $3)"
    " ON CONFLICT (address) DO NOTHING"
    "), conv AS ("
    " INSERT INTO conversations AS c (peer, channel, address, last_message_id, last_at, total)"
    " SELECT $1, $2, $3, id, now(), 1 FROM go"
    " ON CONFLICT (peer) DO UPDATE SET"
    "  last_message_id = CASE WHEN c.last_at IS NULL OR EXCLUDED.last_at >= c.last_at THEN EXCLUDED.last_message_id ELSE c.last_message_id END,"
    "  last_at = greatest(c.last_at, EXCLUDED.last_at), total = c.total + 1"
    " RETURNING c.id"
    "), msg AS ("
    " INSERT INTO messages (id, conv_id, account_sid, service_sid, direction, source, from_addr, to_addr, body, content_sid,"
    "                       content_variables, status, num_media, num_segments, reply_to, send_at,"
    "                       error_code, error_message)"
    " SELECT g.id, v.id, $6, $5, 'outbound', $7, $4, $1, $8, $9, $10, g.state, coalesce(cardinality($11::text[]), 0), $14::smallint,"
    "        $16::bigint, $15::timestamptz, CASE WHEN g.opted_out THEN 21610 END, CASE WHEN g.opted_out THEN $20 END"
    "   FROM go g CROSS JOIN conv v"
    "), media AS ("
    " INSERT INTO message_media (message_id, idx, url, state)"
    " SELECT g.id, u.ord - 1, u.url, 'remote' FROM go g CROSS JOIN unnest($11::text[]) WITH ORDINALITY AS u(url, ord)"
    "), bucket AS ("
    " INSERT INTO senders (sender, kind) SELECT $12, $13 FROM ok WHERE NOT EXISTS (SELECT 1 FROM senders s WHERE s.sender = $12)"
    " ON CONFLICT (sender) DO NOTHING"
    "), queued AS ("
    " INSERT INTO outbox (message_id, conv_id, sender, priority, segments, state, due_at, confirmation)"
    " SELECT g.id, v.id, $12, $18::smallint, $14::smallint, g.state, g.due_at, $17::boolean FROM ok g CROSS JOIN conv v"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT g.id, v.id FROM go g CROSS JOIN conv v"
    "), counted AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (now() AT TIME ZONE 'UTC')::date, c.metric, pg_backend_pid() % 16, 1"
    "   FROM go g JOIN (VALUES ('outbound', false), ('failed', true)) AS c(metric, only_failed) ON g.opted_out OR NOT c.only_failed"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + 1"
    ") "
    "SELECT id, state, opted_out, answered, twchat_uuid(id) FROM given", TWC_SQL_PREPARE };

static void bind_insert(twc_args_t *args, twc_ctx_t *ctx, const twc_outgoing_t *m)
{
    const char *bucket = m->from ? m->from : m->service_sid;

    twc_args_init(args, ctx->scratch);
    twc_arg_text(args, m->to);
    twc_arg_text(args, twc_phone_channel(ctx->scratch, m->to));
    twc_arg_text(args, twc_phone_bare(m->to));
    twc_arg_text(args, m->from);
    twc_arg_text(args, m->service_sid);
    twc_arg_text(args, ctx->conf->account_sid);
    twc_arg_text(args, m->source);
    twc_arg_text(args, m->body);
    twc_arg_text(args, m->content_sid);
    twc_arg_text(args, m->content_variables);
    twc_arg_array(args, m->media_urls, m->num_media);
    twc_arg_text(args, bucket);
    twc_arg_text(args, twc_sender_kind_name(twc_phone_sender_kind(bucket)));
    twc_arg_int(args, m->segments);
    twc_arg_time(args, m->send_at);
    twc_arg_id(args, m->reply_to);
    twc_arg_bool(args, m->confirmation);
    twc_arg_int(args, m->priority);
    twc_arg_bool(args, m->keep_refused);
    twc_arg_text(args, twc_error_info(TWC_ERROR_OPTED_OUT, 400)->reason);
}

apr_status_t twc_outbox_insert(twc_ctx_t *ctx, twc_outgoing_t *m)
{
    twc_args_t args;
    twc_rows_t *rows;

    bind_insert(&args, ctx, m);
    TWC_TRY(twc_db_run(ctx, &SQL_INSERT, &args, &rows));
    if (twc_rows_bool(rows, 0, 2) && !m->keep_refused) {
        apr_status_t rv = twc_problem(ctx, APR_EACCES, "opted_out", "The recipient has opted out (STOP) and gets no messages"
                                      " until they text START.");
        ctx->problem->twilio_code = TWC_ERROR_OPTED_OUT;
        return rv;
    }
    if (twc_rows_bool(rows, 0, 3))
        return twc_problem(ctx, APR_EEXIST, "answered", "This message was answered already.");
    m->id = twc_rows_int(rows, 0, 0);
    m->status = twc_rows_text(rows, 0, 1, ctx->pool);
    m->uuid = twc_rows_text(rows, 0, 4, ctx->pool);
    ctx->wake |= strcmp(m->status, "failed") == 0 ? TWC_WAKE_EVENTS : TWC_WAKE_SENDER | TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

/* ---- taking back ------------------------------------------------------------------ */

static const twc_sql_t SQL_CANCEL = { "twc_outbox_cancel",
    "WITH gone AS ("
    " DELETE FROM outbox WHERE message_id = $1 AND state IN ('scheduled', 'queued') RETURNING message_id"
    "), upd AS ("
    " UPDATE messages m SET status = 'canceled', updated_at = now() FROM gone g WHERE m.id = g.message_id RETURNING m.id, m.conv_id"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM upd"
    ") "
    "SELECT EXISTS (SELECT 1 FROM gone), EXISTS (SELECT 1 FROM messages WHERE id = $1 AND direction = 'outbound')", 0 };

static apr_status_t no_message(twc_ctx_t *ctx, apr_int64_t id)
{
    return twc_problem(ctx, APR_ENOENT, "not_found", "There is no outgoing message %" APR_INT64_T_FMT ".", id);
}

apr_status_t twc_outbox_cancel(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_CANCEL, &args, &rows));
    if (!twc_rows_bool(rows, 0, 1))
        return no_message(ctx, id);
    if (!twc_rows_bool(rows, 0, 0))
        return twc_problem(ctx, APR_EEXIST, "not_queued", "The message is no longer queued, so it cannot be taken back.");
    ctx->wake |= TWC_WAKE_EVENTS | TWC_WAKE_SENDER;     /* it may have stood before others of its conversation */
    return APR_SUCCESS;
}

/* ---- once more ---------------------------------------------------------------------- */

static const twc_sql_t SQL_AGAIN = { "twc_outbox_again",
    "SELECT m.status IN ('failed', 'undelivered'), m.to_addr, m.from_addr, m.service_sid, m.body, m.content_sid, m.content_variables,"
    "       m.source, (SELECT json_agg(a.url ORDER BY a.idx) FROM message_media a WHERE a.message_id = m.id AND a.state = 'remote')"
    "  FROM messages m WHERE m.id = $1 AND m.direction = 'outbound'", TWC_SQL_IDEMPOTENT };

int twc_outbox_read_urls(apr_pool_t *pool, twc_str_t json, const char *const **urls)
{
    json_t *list = json.len ? json_loadb(json.data, json.len, 0, NULL) : NULL, *item;
    const char **out = apr_pcalloc(pool, (json_array_size(list) + 1) * sizeof(*out));
    size_t i;

    json_array_foreach(list, i, item)
        out[i] = apr_pstrdup(pool, json_string_value(item));
    json_decref(list);
    *urls = out;
    return (int)i;
}

apr_status_t twc_outbox_again(twc_ctx_t *ctx, apr_int64_t id, twc_outgoing_t *m)
{
    apr_pool_t *p = ctx->pool;
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_AGAIN, &args, &rows));
    if (twc_rows_count(rows) == 0)
        return no_message(ctx, id);
    if (!twc_rows_bool(rows, 0, 0))
        return twc_problem(ctx, APR_EEXIST, "not_failed", "Only a message that has failed can be sent again.");
    *m = (twc_outgoing_t){ .to = twc_rows_text(rows, 0, 1, p), .from = twc_rows_text(rows, 0, 2, p),
                           .service_sid = twc_rows_text(rows, 0, 3, p), .body = twc_rows_text(rows, 0, 4, p),
                           .content_sid = twc_rows_text(rows, 0, 5, p), .content_variables = twc_rows_text(rows, 0, 6, p),
                           .source = twc_rows_text(rows, 0, 7, p) };
    m->num_media = twc_outbox_read_urls(p, twc_rows_view(rows, 0, 8), &m->media_urls);
    return APR_SUCCESS;
}

static const twc_sql_t SQL_PENDING = { "twc_outbox_pending",
    "SELECT EXISTS (SELECT 1 FROM outbox WHERE message_id = $1)", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_outbox_pending(twc_ctx_t *ctx, apr_int64_t id, bool *pending)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, id);
    TWC_TRY(twc_db_run(ctx, &SQL_PENDING, &args, &rows));
    *pending = twc_rows_bool(rows, 0, 0);
    return APR_SUCCESS;
}

const twc_sql_t *const twc_outbox_sql[] = { &SQL_INSERT, &SQL_CANCEL, &SQL_AGAIN, &SQL_PENDING, NULL };
