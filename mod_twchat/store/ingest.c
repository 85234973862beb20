/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ingest.c - a batch of webhooks in one statement each.
 * Must never do anything a second time for a SID it has heard before.
 * Called by work/, for a leader and its followers.
 */
#include <string.h>

#include "store/consent.h"
#include "store/db.h"
#include "store/ingest.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/phone.h"

/* ---- columns: one array parameter per field ----------------------------------- */

typedef struct columns_t {
    twc_args_t args;
    const char **cell;                  /* the column being filled */
    int count;
} columns_t;

static void columns_init(columns_t *c, apr_pool_t *pool, int count)
{
    twc_args_init(&c->args, pool);
    c->cell = apr_palloc(pool, count * sizeof(*c->cell));
    c->count = count;
}

/* Add one column: expr is evaluated for each `it`. */
#define COLUMN(c, items, expr)                                                \
    do {                                                                      \
        for (int i_ = 0; i_ < (c)->count; i_++) {                             \
            const __typeof__(*(items)[0]) *it = (items)[i_];                  \
            (c)->cell[i_] = (expr);                                           \
        }                                                                     \
        twc_arg_array(&(c)->args, (c)->cell, (c)->count);                     \
    } while (0)

#define CALL_COLUMNS(c, items)                                                \
    do {                                                                      \
        COLUMN(c, items, twc_clock_sql((c)->args.pool, it->call->received_at)); \
        COLUMN(c, items, it->call->interface);                                \
        COLUMN(c, items, it->call->method);                                   \
        COLUMN(c, items, it->call->url);                                      \
        COLUMN(c, items, it->call->remote_addr);                              \
        COLUMN(c, items, it->call->content_type);                             \
        COLUMN(c, items, it->call->raw);                                      \
        COLUMN(c, items, it->call->note);                                     \
    } while (0)

static const char *number(apr_pool_t *pool, apr_int64_t n)
{
    return n ? apr_psprintf(pool, "%" APR_INT64_T_FMT, n) : NULL;
}

/* ---- inbound messages -------------------------------------------------------------- */

/* What belongs to a row is looked up by subselects on keys, so that no plan reads a whole table for it. */

/* Did this very call commit before, and its answer got lost on the way here? Then its acknowledgement is still to be given.
 * It is the same call when it came at the same microsecond: a second one from Twilio comes later. */
#define SAME_CALL_ACKED                                                       \
    "EXISTS (SELECT 1 FROM messages r WHERE r.reply_to = (SELECT s.message_id FROM message_sids s WHERE s.sid = g.sid)" \
    "         AND r.source = 'twiml' AND r.sid IS NULL"                       \
    "         AND (SELECT m.created_at FROM messages m WHERE m.id = r.reply_to) = g.at)"

/* A SID is fresh when no webhook brought it before; its message may be here already
 * because Twilio's list was read first: then only the jobs are missing. Rows are taken in the order of
 * the key they conflict on, so that two batches cannot wait for each other. */
static const twc_sql_t SQL_MESSAGES = { "twc_ingest_messages",
    "WITH given AS MATERIALIZED ("
    " SELECT t.*, nextval('messages_id_seq') AS id"
    "   FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],"
    "               $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],"
    "               $17::text[], $18::text[], $19::text[], $20::smallint[], $21::text[], $22::boolean[])"
    "        WITH ORDINALITY AS t(at, interface, method, url, remote_addr, content_type, raw, note,"
    "               sid, account_sid, service_sid, peer, channel, address, ours, body,"
    "               profile, media, extra, num_media, answer_arg, wants_ack, ord)"
    "), fresh AS ("
    " INSERT INTO message_sids AS s (sid, message_id, heard, created_at)"
    " SELECT sid, id, true, at FROM given ORDER BY sid"
    " ON CONFLICT (sid) DO UPDATE SET heard = true WHERE NOT s.heard"
    " RETURNING s.sid, s.message_id"
    "), heard AS ("
    " SELECT g.*, f.message_id, f.message_id = g.id AS is_new,"
    "        g.wants_ack AND NOT " TWC_SQL_OPTED_OUT("g.peer", "g.ours", "g.service_sid")
    "        AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.peer = g.peer AND c.stop_bot) AS ack"
    "   FROM given g JOIN fresh f USING (sid)"
    "), con AS ("
    " INSERT INTO contacts (address)"
    " SELECT DISTINCT h.address FROM heard h"
    "  WHERE (SELECT c.id FROM contacts c WHERE c.address = h.address) IS NULL ORDER BY 1"
    " ON CONFLICT (address) DO NOTHING"
    "), conv AS ("
    " INSERT INTO conversations AS c (peer, channel, address, ours, profile_name, last_message_id, last_at, last_inbound_at,"
    "                                 unread, total, answers_since, answers, loop_guard_at)"
    " SELECT peer, min(channel), min(address), (array_agg(ours ORDER BY at DESC, id DESC))[1], max(profile),"
    "        max(message_id), max(at), max(at), count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_new) + count(*) FILTER (WHERE ack),"
    "        CASE WHEN bool_or(ack) THEN now() END, count(*) FILTER (WHERE ack), NULL"
    "   FROM heard GROUP BY peer ORDER BY peer"
    " ON CONFLICT (peer) DO UPDATE SET"
    "  ours = EXCLUDED.ours,"
    "  profile_name = coalesce(EXCLUDED.profile_name, c.profile_name),"
    "  last_message_id = CASE WHEN c.last_at IS NULL OR EXCLUDED.last_at >= c.last_at THEN EXCLUDED.last_message_id"
    "                         ELSE c.last_message_id END,"
    "  last_at = greatest(c.last_at, EXCLUDED.last_at),"
    "  last_inbound_at = greatest(c.last_inbound_at, EXCLUDED.last_inbound_at),"
    "  unread = c.unread + EXCLUDED.unread,"
    "  total = c.total + EXCLUDED.total - CASE WHEN EXCLUDED.answers > 0 AND c.answers_since > now() - $23::interval"
    "                                            AND c.answers + EXCLUDED.answers > $24::int THEN EXCLUDED.answers ELSE 0 END,"
    "  answers_since = CASE WHEN EXCLUDED.answers = 0 OR c.answers_since > now() - $23::interval THEN c.answers_since ELSE now() END,"
    "  answers = CASE WHEN EXCLUDED.answers = 0 THEN c.answers"
    "                 WHEN c.answers_since > now() - $23::interval THEN c.answers + EXCLUDED.answers ELSE EXCLUDED.answers END,"
    "  loop_guard_at = CASE WHEN EXCLUDED.answers > 0 AND c.answers_since > now() - $23::interval"
    "                            AND c.answers + EXCLUDED.answers > $24::int THEN coalesce(c.loop_guard_at, now()) ELSE c.loop_guard_at END"
    " RETURNING c.id, c.peer, c.answers"
    "), msg AS ("
    " INSERT INTO messages (id, conv_id, sid, account_sid, service_sid, direction, source, from_addr, to_addr, body, status,"
    "                       num_media, extra, created_at, updated_at)"
    " SELECT h.id, v.id, h.sid, h.account_sid, h.service_sid, 'inbound', 'twilio', h.peer, h.ours, h.body, 'received',"
    "        h.num_media, h.extra::jsonb, h.at, h.at"
    "   FROM heard h JOIN conv v USING (peer) WHERE h.is_new ORDER BY h.ord"
    "), acked AS ("
    " INSERT INTO messages (conv_id, account_sid, direction, source, from_addr, to_addr, body, status, num_segments, reply_to)"
    " SELECT v.id, h.account_sid, 'outbound', 'twiml', h.ours, h.peer, $25, 'queued', $26::smallint, h.message_id"
    "   FROM heard h JOIN conv v USING (peer) WHERE h.ack AND v.answers <= $24::int"
    " RETURNING id, conv_id, reply_to"
    "), media AS ("
    " INSERT INTO message_media (message_id, idx, url, content_type)"
    " SELECT h.message_id, e.ord - 1, e.v->>'url', e.v->>'type'"
    "   FROM heard h CROSS JOIN jsonb_array_elements(h.media::jsonb) WITH ORDINALITY AS e(v, ord)"
    "  WHERE h.media IS NOT NULL ON CONFLICT (message_id, idx) DO NOTHING"
    "), job AS ("
    " INSERT INTO jobs (kind, message_id, arg)"
    " SELECT 'answer', message_id, answer_arg FROM heard"
    "  WHERE answer_arg <> '" TWC_ANSWER_IF_AUTO_REPLY "'"
    "     OR (answer_arg IS NOT NULL AND EXISTS (SELECT 1 FROM auto_reply_config WHERE id = 1 AND enabled = 1))"
    " UNION ALL SELECT 'media', message_id, NULL FROM heard WHERE media IS NOT NULL RETURNING 1"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id)"
    " SELECT h.message_id, v.id FROM heard h JOIN conv v USING (peer)"
    " UNION ALL SELECT id, conv_id FROM acked"
    "), counted AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (at AT TIME ZONE 'UTC')::date, 'inbound', pg_backend_pid() % 16, count(*) FROM heard WHERE is_new GROUP BY 1"
    " UNION ALL"
    " SELECT (now() AT TIME ZONE 'UTC')::date, 'outbound', pg_backend_pid() % 16, count(*) FROM acked HAVING count(*) > 0"
    " ORDER BY 1, 2"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    "), journal AS ("
    " INSERT INTO webhook_journal (at, kind, interface, verdict, reason, sid, method, url, remote_addr, content_type, raw)"
    " SELECT g.at, 'message', g.interface,"
    "        CASE WHEN f.sid IS NULL THEN 'duplicate' WHEN g.note IS NOT NULL THEN 'reported' ELSE 'accepted' END,"
    "        g.note, g.sid, g.method, g.url, g.remote_addr, g.content_type, g.raw"
    "   FROM given g LEFT JOIN fresh f USING (sid)"
    ") "
    "SELECT g.ord, f.sid IS NULL, coalesce(f.message_id, (SELECT s.message_id FROM message_sids s WHERE s.sid = g.sid), 0),"
    "       CASE WHEN f.sid IS NULL AND g.wants_ack THEN " SAME_CALL_ACKED " ELSE a.reply_to IS NOT NULL END, EXISTS (SELECT 1 FROM job)"
    "  FROM given g LEFT JOIN fresh f USING (sid) LEFT JOIN acked a ON a.reply_to = f.message_id",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static apr_status_t insert_messages(twc_ctx_t *ctx, twc_inbound_t *const *items, int count)
{
    apr_pool_t *p = ctx->scratch;
    const char *window = apr_psprintf(p, "%" APR_INT64_T_FMT " microseconds", ctx->conf->answers_window);
    columns_t c;
    twc_rows_t *rows;

    columns_init(&c, p, count);
    CALL_COLUMNS(&c, items);
    COLUMN(&c, items, it->sid);
    COLUMN(&c, items, it->account_sid);
    COLUMN(&c, items, it->service_sid);
    COLUMN(&c, items, it->from);
    COLUMN(&c, items, twc_phone_channel(p, it->from));
    COLUMN(&c, items, twc_phone_bare(it->from));
    COLUMN(&c, items, it->to);
    COLUMN(&c, items, it->body);
    COLUMN(&c, items, it->profile_name);
    COLUMN(&c, items, it->media_json);
    COLUMN(&c, items, it->extra_json);
    COLUMN(&c, items, apr_psprintf(p, "%d", it->num_media));
    COLUMN(&c, items, it->answer_arg);
    COLUMN(&c, items, it->ack ? "t" : "f");
    twc_arg_text(&c.args, window);
    twc_arg_int(&c.args, ctx->conf->answers_max);
    twc_arg_text(&c.args, ctx->conf->ack_text ? ctx->conf->ack_text : "");
    twc_arg_int(&c.args, 1);
    TWC_TRY(twc_db_run(ctx, &SQL_MESSAGES, &c.args, &rows));
    for (int r = 0; r < twc_rows_count(rows); r++) {
        twc_inbound_t *item = items[twc_rows_int(rows, r, 0) - 1];
        item->duplicate = twc_rows_bool(rows, r, 1);
        item->message_id = twc_rows_int(rows, r, 2);
        item->ack_allowed = twc_rows_bool(rows, r, 3);
        if (twc_rows_bool(rows, r, 4))
            ctx->wake |= TWC_WAKE_RUNNER;
    }
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

typedef struct batch_t {
    twc_inbound_t *const *items;
    int count;
} batch_t;

static apr_status_t note_wish(twc_ctx_t *ctx, const twc_inbound_t *in)
{
    const twc_wish_t *w = &in->wish;

    TWC_TRY(twc_consent_record(ctx, in->to, in->from, w->opted_out, w->source, w->evidence, in->message_id));
    return w->service ? twc_consent_record(ctx, w->service, in->from, w->opted_out, w->source, w->evidence, in->message_id)
                      : APR_SUCCESS;
}

static apr_status_t insert_with_wishes(twc_ctx_t *ctx, void *baton)
{
    const batch_t *b = baton;

    TWC_TRY(insert_messages(ctx, b->items, b->count));
    for (int i = 0; i < b->count; i++)
        if (b->items[i]->wish.source && !b->items[i]->duplicate)
            TWC_TRY(note_wish(ctx, b->items[i]));
    return APR_SUCCESS;
}

/* Once STOP was answered nothing may go out any more, so it is committed with its message. That costs a transaction of several
 * statements, which the many batches without such a word do not pay. */
apr_status_t twc_ingest_messages(twc_ctx_t *ctx, twc_inbound_t *const *items, int count)
{
    batch_t batch = { items, count };

    for (int i = 0; i < count; i++)
        if (items[i]->wish.source)
            return twc_tx_repeat(ctx, insert_with_wishes, &batch);
    return insert_messages(ctx, items, count);
}

/* ---- status callbacks --------------------------------------------------------------- */

/* A callback finds its message by SID, by our id in its URL (it may be quicker than the answer to our
 * own request), or as the answer given in TwiML to an inbound message. One that finds none is kept.
 * What contradicts the end a message has come to, in an earlier call, at this moment or in this very batch, is
 * a question to Twilio: so the end is looked up in the row as it is once it is locked.
 * A SID that is another message's by the time it would be written down is so still, as in dispatch.c; the callback is kept for that one.
 * "= ANY" beside each join, as in dispatch.c: the plan may be older than the rows. */
static const twc_sql_t SQL_STATUSES = { "twc_ingest_statuses",
    "WITH given AS MATERIALIZED ("
    " SELECT t.*, twchat_status_rank(t.status) AS rank"
    "   FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],"
    "               $9::text[], $10::uuid[], $11::bigint[], $12::text[], $13::int[], $14::text[])"
    "        WITH ORDINALITY AS t(at, interface, method, url, remote_addr, content_type, raw, note,"
    "               sid, uuid, reply_to, status, code, reason, ord)"
    "), located AS MATERIALIZED ("
    " SELECT g.*, m.id AS mid, m.status AS old_status, m.sid AS old_sid"
    "   FROM given g LEFT JOIN LATERAL ("
    "    SELECT o.id, o.status, o.sid FROM messages o"
    "     WHERE o.id = coalesce((SELECT s.message_id FROM message_sids s WHERE s.sid = g.sid), twchat_uuid_id(g.uuid),"
    "                           (SELECT r.id FROM messages r WHERE r.reply_to = g.reply_to AND r.source = 'twiml'))"
    "       AND o.direction = 'outbound' AND (o.sid IS NULL OR o.sid = g.sid) OFFSET 0) m ON true"
    "), chosen AS ("
    " SELECT DISTINCT ON (mid) mid, ord, sid, status, code, reason FROM located WHERE mid IS NOT NULL ORDER BY mid, rank DESC, ord"
    "), locked AS ("
    " SELECT id, status FROM messages WHERE id = ANY (ARRAY(SELECT mid FROM chosen)) ORDER BY id FOR UPDATE"
    "), owner AS ("
    " INSERT INTO message_sids AS s (sid, message_id)"
    " SELECT DISTINCT ON (c.sid) c.sid, c.mid FROM chosen c JOIN locked k ON k.id = c.mid JOIN located l ON l.ord = c.ord"
    "  WHERE l.old_sid IS NULL AND c.sid IS NOT NULL ORDER BY c.sid, c.mid"
    " ON CONFLICT (sid) DO UPDATE SET message_id = s.message_id RETURNING s.sid, s.message_id"
    "), taken AS MATERIALIZED ("
    " SELECT c.mid, c.sid FROM chosen c JOIN owner w ON w.sid = c.sid AND w.message_id <> c.mid"
    "), upd AS ("
    " UPDATE messages m SET"
    "   status = CASE WHEN twchat_status_may_follow(m.status, c.status) THEN c.status ELSE m.status END,"
    "   error_code = CASE WHEN twchat_status_may_follow(m.status, c.status) THEN coalesce(c.code, m.error_code) ELSE m.error_code END,"
    "   error_message = CASE WHEN twchat_status_may_follow(m.status, c.status) THEN coalesce(c.reason, m.error_message) ELSE m.error_message END,"
    "   sid = coalesce(m.sid, c.sid), updated_at = now()"
    "  FROM chosen c JOIN locked l ON l.id = c.mid"
    " WHERE m.id = c.mid AND m.id = ANY (ARRAY(SELECT mid FROM chosen)) AND (m.sid IS NULL OR twchat_status_may_follow(m.status, c.status))"
    "   AND NOT EXISTS (SELECT 1 FROM taken t WHERE t.mid = c.mid)"
    " RETURNING m.id, m.conv_id, m.sid, m.status, c.ord, m.status = c.status AS applied"
    "), settled AS ("
    " DELETE FROM outbox o USING upd u WHERE o.message_id = u.id AND o.message_id = ANY (ARRAY(SELECT id FROM upd)) RETURNING 1"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM upd"
    "), final AS ("
    " SELECT k.id, s.status FROM locked k LEFT JOIN upd u USING (id) CROSS JOIN LATERAL (SELECT coalesce(u.status, k.status) AS status) s"
    "  WHERE twchat_status_rank(s.status) >= 60"
    "), job AS ("
    " INSERT INTO jobs (kind, message_id)"
    " SELECT DISTINCT 'refetch', l.mid FROM located l JOIN final f ON f.id = l.mid"
    "  WHERE l.rank >= 60 AND l.status <> f.status AND NOT (f.status = 'read' AND l.status = 'delivered')"
    "    AND NOT EXISTS (SELECT 1 FROM status_events e WHERE e.sid = l.sid AND NOT e.applied AND e.status = l.status)"
    " UNION ALL SELECT 'opt-out', l.mid FROM located l WHERE l.mid IS NOT NULL AND l.code = 21610 RETURNING 1"
    "), failed AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (now() AT TIME ZONE 'UTC')::date, 'failed', pg_backend_pid() % 16, count(*) FROM upd"
    "  WHERE applied AND status IN ('failed', 'undelivered') HAVING count(*) > 0"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    "), kept AS ("
    " INSERT INTO status_events (sid, message_id, status, error_code, error_message, applied, received_at)"
    " SELECT l.sid, CASE WHEN t.mid IS NULL THEN l.mid END, l.status, l.code, l.reason, coalesce(u.applied, false), l.at"
    "   FROM located l LEFT JOIN upd u ON u.ord = l.ord LEFT JOIN taken t ON t.mid = l.mid AND t.sid = l.sid ORDER BY l.ord"
    "), journal AS ("
    " INSERT INTO webhook_journal (at, kind, interface, verdict, reason, sid, method, url, remote_addr, content_type, raw)"
    " SELECT at, 'status', interface, CASE WHEN note IS NOT NULL THEN 'reported' ELSE 'accepted' END,"
    "        note, sid, method, url, remote_addr, content_type, raw FROM given ORDER BY ord"
    ") "
    "SELECT l.ord, coalesce(u.applied, false), coalesce(l.mid, 0), EXISTS (SELECT 1 FROM upd), EXISTS (SELECT 1 FROM settled),"
    "       EXISTS (SELECT 1 FROM job)"
    "  FROM located l LEFT JOIN upd u ON u.ord = l.ord",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_ingest_statuses(twc_ctx_t *ctx, twc_status_t *const *items, int count)
{
    apr_pool_t *p = ctx->scratch;
    columns_t c;
    twc_rows_t *rows;

    columns_init(&c, p, count);
    CALL_COLUMNS(&c, items);
    COLUMN(&c, items, it->sid);
    COLUMN(&c, items, it->uuid);
    COLUMN(&c, items, number(p, it->reply_to));
    COLUMN(&c, items, it->status);
    COLUMN(&c, items, number(p, it->error_code));
    COLUMN(&c, items, it->error_message);
    TWC_TRY(twc_db_run(ctx, &SQL_STATUSES, &c.args, &rows));
    for (int r = 0; r < twc_rows_count(rows); r++) {
        twc_status_t *item = items[twc_rows_int(rows, r, 0) - 1];
        item->applied = twc_rows_bool(rows, r, 1);
        item->message_id = twc_rows_int(rows, r, 2);
        if (twc_rows_bool(rows, r, 3))
            ctx->wake |= TWC_WAKE_EVENTS;
        if (twc_rows_bool(rows, r, 4))  /* the next one of its conversation may go */
            ctx->wake |= TWC_WAKE_SENDER;
        if (twc_rows_bool(rows, r, 5))
            ctx->wake |= TWC_WAKE_RUNNER;
    }
    return APR_SUCCESS;
}

const twc_sql_t *const twc_ingest_sql[] = { &SQL_MESSAGES, &SQL_STATUSES, NULL };
