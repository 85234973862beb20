/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * seen.c - messages met in Twilio's own lists: kept when unknown, their status taken when known.
 * Must never make a second row of a message that is on its way out, nor start an answer.
 * Called by api/ after a remote list or fetch, and by the reconciliation in work/.
 */
#include <string.h>

#include "store/message.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/phone.h"

/* Unknown outgoing messages are left alone while something of ours to the same recipient is between
 * the POST and the answer: it may be that one, and its sender is about to write down the SID.
 * An answer given in TwiML has no SID until Twilio tells; it is paired with ours of the same text and
 * time, each at most once, in order of time.
 * The resource is Twilio's last word: where it has another final status than we have, it wins. */
static const twc_sql_t SQL_SEEN = { "twc_msg_seen",
    "WITH given AS MATERIALIZED ("
    " SELECT DISTINCT ON (t.sid) t.*, nextval('messages_id_seq') AS new_id"
    "   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],"
    "               $9::smallint[], $10::smallint[], $11::int[], $12::text[], $13::text[], $14::timestamptz[])"
    "        AS t(sid, status, direction, peer, channel, address, ours, body, num_media, num_segments, code, reason, service_sid, at)"
    "  ORDER BY t.sid"
    "), strange AS MATERIALIZED ("
    " SELECT g.*, v.id AS conv_id FROM given g LEFT JOIN conversations v ON v.peer = g.peer"
    "  WHERE NOT EXISTS (SELECT 1 FROM message_sids s WHERE s.sid = g.sid)"
    "    AND NOT (g.direction = 'outbound' AND EXISTS (SELECT 1 FROM outbox o"
    "         WHERE o.conv_id = v.id AND (o.state IN ('sending', 'unknown') OR o.attempts > 0)))"
    "), theirs AS ("
    " SELECT sid, conv_id, body, at, row_number() OVER (PARTITION BY conv_id, body ORDER BY at, sid) AS nth"
    "   FROM strange WHERE direction = 'outbound' AND conv_id IS NOT NULL"
    "), ours AS ("
    " SELECT m.id, m.conv_id, m.body, m.created_at AS at, row_number() OVER (PARTITION BY m.conv_id, m.body ORDER BY m.created_at, m.id) AS nth"
    "   FROM (SELECT conv_id, min(at) AS first, max(at) AS last FROM theirs GROUP BY conv_id) w JOIN messages m"
    "     ON m.conv_id = w.conv_id AND m.created_at BETWEEN w.first - interval '2 minutes' AND w.last + interval '2 minutes'"
    "  WHERE m.source = 'twiml' AND m.sid IS NULL"
    "), paired AS ("
    " SELECT t.sid, o.id FROM theirs t JOIN ours o USING (conv_id, body, nth)"
    "  WHERE o.at BETWEEN t.at - interval '2 minutes' AND t.at + interval '2 minutes'"
    "), fresh AS ("
    " INSERT INTO message_sids (sid, message_id, created_at)"
    " SELECT g.sid, coalesce(p.id, g.new_id), g.at FROM strange g LEFT JOIN paired p USING (sid) ORDER BY g.sid"
    " ON CONFLICT (sid) DO NOTHING RETURNING sid, message_id"
    "), new AS ("
    " SELECT g.* FROM strange g JOIN fresh f ON f.sid = g.sid AND f.message_id = g.new_id"
    "), con AS ("
    " INSERT INTO contacts (address) SELECT DISTINCT n.address FROM new n"
    "  WHERE NOT EXISTS (SELECT 1 FROM contacts k WHERE k.address = n.address) ORDER BY 1"
    " ON CONFLICT (address) DO NOTHING"
    "), conv AS ("
    " INSERT INTO conversations AS c (peer, channel, address, ours, last_message_id, last_at, last_inbound_at, unread, total)"
    " SELECT peer, min(channel), min(address), (array_agg(ours ORDER BY at DESC) FILTER (WHERE ours IS NOT NULL))[1],"
    "        (array_agg(new_id ORDER BY at DESC, new_id DESC))[1], max(at), max(at) FILTER (WHERE direction = 'inbound'),"
    "        count(*) FILTER (WHERE direction = 'inbound' AND at > now() - interval '1 day'), count(*)"
    "   FROM new GROUP BY peer ORDER BY peer"
    " ON CONFLICT (peer) DO UPDATE SET"
    "  ours = coalesce(c.ours, EXCLUDED.ours),"
    "  last_message_id = CASE WHEN c.last_at IS NULL OR EXCLUDED.last_at >= c.last_at THEN EXCLUDED.last_message_id ELSE c.last_message_id END,"
    "  last_at = greatest(c.last_at, EXCLUDED.last_at),"
    "  last_inbound_at = greatest(c.last_inbound_at, EXCLUDED.last_inbound_at),"
    "  unread = c.unread + EXCLUDED.unread, total = c.total + EXCLUDED.total"
    " RETURNING c.id, c.peer"
    "), made AS ("
    " INSERT INTO messages (id, conv_id, sid, account_sid, service_sid, direction, source, from_addr, to_addr, body, status,"
    "                       error_code, error_message, num_media, num_segments, created_at, updated_at)"
    " SELECT n.new_id, v.id, n.sid, $15, n.service_sid, n.direction, 'twilio',"
    "        CASE n.direction WHEN 'inbound' THEN n.peer ELSE n.ours END, CASE n.direction WHEN 'inbound' THEN n.ours ELSE n.peer END,"
    "        n.body, n.status, n.code, n.reason, n.num_media, n.num_segments, n.at, n.at"
    "   FROM new n JOIN conv v USING (peer) ORDER BY n.at, n.sid"
    " RETURNING id, conv_id, direction, status, created_at"
    "), known AS ("
    " SELECT g.*, m.id, m.status AS old_status, twchat_status_may_follow(m.status, g.status)"
    "    OR (twchat_status_rank(g.status) >= 60 AND twchat_status_rank(m.status) >= 60 AND m.status <> g.status"
    "        AND NOT (m.status = 'read' AND g.status = 'delivered')) AS takes"
    "   FROM given g LEFT JOIN message_sids s USING (sid) LEFT JOIN paired p USING (sid)"
    "   JOIN messages m ON m.id = coalesce(s.message_id, p.id) AND m.direction = 'outbound'"
    "), locked AS ("
    " SELECT id FROM messages WHERE id IN (SELECT id FROM known) ORDER BY id FOR UPDATE"
    "), moved AS ("
    " UPDATE messages m SET sid = coalesce(m.sid, k.sid),"
    "   status = CASE WHEN k.takes THEN k.status ELSE m.status END,"
    "   error_code = CASE WHEN k.takes THEN k.code ELSE m.error_code END,"
    "   error_message = CASE WHEN k.takes THEN k.reason ELSE m.error_message END,"
    "   from_addr = coalesce(m.from_addr, k.ours), service_sid = coalesce(m.service_sid, k.service_sid),"
    "   num_segments = coalesce(k.num_segments, m.num_segments), updated_at = now()"
    "  FROM known k JOIN locked l ON l.id = k.id"
    " WHERE m.id = k.id AND (k.takes OR m.sid IS NULL OR (m.from_addr IS NULL AND k.ours IS NOT NULL))"
    " RETURNING m.id, m.conv_id, (m.status IN ('failed', 'undelivered'))::int - (k.old_status IN ('failed', 'undelivered'))::int AS failed"
    "), told AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM made UNION ALL SELECT id, conv_id FROM moved RETURNING id"
    "), counted AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT day, metric, pg_backend_pid() % 16, sum(n) FROM ("
    "   SELECT (created_at AT TIME ZONE 'UTC')::date AS day, direction AS metric, 1 AS n FROM made"
    "   UNION ALL SELECT (created_at AT TIME ZONE 'UTC')::date, 'failed', 1 FROM made WHERE direction = 'outbound' AND status IN ('failed', 'undelivered')"
    "   UNION ALL SELECT (now() AT TIME ZONE 'UTC')::date, 'failed', failed FROM moved WHERE failed <> 0) e"
    "  GROUP BY day, metric HAVING sum(n) <> 0 ORDER BY day, metric"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    ") SELECT count(*) FROM told", TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_seen_sql[] = { &SQL_SEEN, NULL };

#define SEEN_SLICE 200

static bool is_inbound(const twc_remote_msg_t *m)
{
    return m->direction && strcmp(m->direction, "inbound") == 0;
}

/* Not every resource has all we need to place it in a conversation. */
static bool placeable(const twc_remote_msg_t *m)
{
    const char *peer = is_inbound(m) ? m->from : m->to;

    return m->sid && m->status && peer && *peer;
}

static const char *count_text(const char *number)
{
    return number && *number && strspn(number, "0123456789") == strlen(number) && strlen(number) < 5 ? number : NULL;
}

static apr_status_t store_slice(twc_ctx_t *ctx, const twc_remote_msg_t *const *msgs, int count)
{
    enum { SID, STATUS, DIRECTION, PEER, CHANNEL, ADDRESS, OURS, BODY, MEDIA, SEGMENTS, CODE, REASON, SERVICE, AT, COLUMNS };
    apr_pool_t *p = ctx->scratch;
    const char *column[COLUMNS][SEEN_SLICE];
    twc_args_t args;
    twc_rows_t *rows;
    int n = 0;

    for (int i = 0; i < count; i++) {
        const twc_remote_msg_t *m = msgs[i];
        bool inbound = is_inbound(m);
        const char *ours = inbound ? m->to : m->from;

        if (!placeable(m))
            continue;
        column[SID][n] = m->sid;
        column[STATUS][n] = m->status;
        column[DIRECTION][n] = inbound ? "inbound" : "outbound";
        column[PEER][n] = twc_phone_received(p, inbound ? m->from : m->to);
        column[CHANNEL][n] = twc_phone_channel(p, column[PEER][n]);
        column[ADDRESS][n] = twc_phone_bare(column[PEER][n]);
        column[OURS][n] = ours && *ours ? twc_phone_received(p, ours) : NULL;
        column[BODY][n] = m->body ? m->body : "";
        column[MEDIA][n] = count_text(m->num_media) ? m->num_media : "0";
        column[SEGMENTS][n] = count_text(m->num_segments);
        column[CODE][n] = m->has_error && m->error_code ? apr_itoa(p, m->error_code) : NULL;
        column[REASON][n] = m->error_message;
        column[SERVICE][n] = m->service_sid;
        column[AT][n] = twc_clock_sql(p, m->date_created ? m->date_created : apr_time_now());
        n++;
    }
    if (n == 0)
        return APR_SUCCESS;
    twc_args_init(&args, p);
    for (int c = 0; c < COLUMNS; c++)
        twc_arg_array(&args, column[c], n);
    twc_arg_text(&args, ctx->conf->account_sid);
    TWC_TRY(twc_db_run(ctx, &SQL_SEEN, &args, &rows));
    if (twc_rows_int(rows, 0, 0) > 0)
        ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

apr_status_t twc_msg_seen(twc_ctx_t *ctx, const twc_remote_msg_t *const *msgs, int count)
{
    for (int from = 0; from < count; from += SEEN_SLICE) {
        int n = count - from < SEEN_SLICE ? count - from : SEEN_SLICE;
        TWC_TRY(store_slice(ctx, msgs + from, n));
    }
    return APR_SUCCESS;
}
