/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * dispatch.c - the sender's side of the queue: take what is due, write down how it ended.
 * Must never hand out a message that somebody else may be sending, nor one of a conversation before its earlier ones.
 * Called by work/ledger.c, results.c and search.c.
 */
#include "store/consent.h"
#include "store/outbox.h"
#include "store/sql.h"
#include "util/phone.h"

/* ---- claims ------------------------------------------------------------------------ */

/* What a claim tells about a message, from messages m, outbox row t. */
#define CLAIM_COLUMNS                                                         \
    "t.message_id, twchat_uuid(t.message_id), t.attempts, m.to_addr, m.from_addr, m.service_sid, m.body, m.content_sid," \
    " m.content_variables,"                                                   \
    " CASE WHEN m.num_media > 0 THEN (SELECT json_agg(a.url ORDER BY a.idx) FROM message_media a WHERE a.message_id = m.id) END," \
    " NOT t.confirmation AND " TWC_SQL_OPTED_OUT("m.to_addr", "m.from_addr", "m.service_sid") ","        \
    " (extract(epoch FROM t.due_at) * 1000000)::bigint, (extract(epoch FROM t.attempted_at) * 1000000)::bigint," \
    " (extract(epoch FROM now() - t.attempted_at) * 1000000)::bigint, t.checks, m.sid, t.confirmation, t.priority"

/* Tokens of bucket s at rate r, now; never more than one second's worth, or one. */
#define RATE    "coalesce(r.rate, 1)"
#define BURST   "greatest(" RATE ", 1)"
#define TOKENS  "least(" BURST ", s.tokens + greatest(0, extract(epoch FROM now() - s.refilled_at))::float8 * " RATE ")"

/* Or it was set when the clock was ahead: its attempt lies in the future, or it is longer than any pause (an hour, where Twilio asks
 * for it). */
#define PAUSE_OVER                                                            \
    "o.not_before <= now() OR o.attempted_at > now() + interval '5 seconds' OR o.not_before > now() + interval '65 minutes'"

/* Does sender s have anything queued? Asked for by the order of the index: a plain EXISTS may read the whole table
 * for a sender that has nothing while another has much. */
#define FIRST_QUEUED                                                          \
    "(SELECT f.message_id FROM outbox f WHERE f.sender = s.sender AND f.state = 'queued'" \
    " ORDER BY f.priority, f.due_at, f.message_id LIMIT 1) q"

/* Queue row o is of the conversation of message `cli`, and asked for by twchatctl send; or there is no such condition. */
#define IS_OF_CLI(cli, o)                                                     \
    "(" cli "::bigint IS NULL OR (" o ".conv_id = (SELECT i_.conv_id FROM outbox i_ WHERE i_.message_id = " cli "::bigint)" \
    " AND (SELECT f_.source FROM messages f_ WHERE f_.id = " o ".message_id) = 'cli'))"

/* The lock on a bucket's row is what serialises claims of one sender, across threads, children and hosts: a
 * claim that finds it locked leaves that sender to the one who holds it. A message needs tokens for all its
 * segments, or a full bucket; then it goes into debt.
 *
 * Within a conversation only the very first row in order of (priority, due_at, id) may go, and only
 * when none of it is on its way; one that is due and about to be queued stands before it already. OFFSET 0 keeps
 * that look a look by the conversation's key: a join, or another index beside it, would read the whole table.
 *
 * Several senders take turns (n counts within one), so that a fast one with a long queue does not starve the others.
 *
 * Not prepared on purpose: the table is empty at one moment and long at the next, and a plan made for an empty
 * table, kept by every session, reads all of a long one. Statistics may be as old as the last empty moment all the
 * same; "= ANY" beside each join bounds what that can cost, as in SQL_SETTLE. */
static const twc_sql_t SQL_CLAIM = { "twc_outbox_claim",
    "WITH rates AS MATERIALIZED ("
    " SELECT * FROM unnest($1::text[], $2::float8[]) AS r(kind, rate)"
    "), bucket AS MATERIALIZED ("
    " SELECT s.sender, " BURST " AS burst, " TOKENS " AS tokens"
    "   FROM senders s LEFT JOIN rates r USING (kind) CROSS JOIN LATERAL " FIRST_QUEUED
    "  WHERE (s.parked_until IS NULL OR s.parked_until <= now()) AND " TOKENS " >= 0.999"
    "    AND ($5::bigint IS NULL OR s.sender IN (SELECT o.sender FROM outbox o WHERE o.state = 'queued' AND " IS_OF_CLI("$5", "o") "))"
    "  FOR UPDATE OF s SKIP LOCKED"
    "), ready AS MATERIALIZED ("
    " SELECT b.sender, b.tokens, b.burst, c.*"
    "   FROM bucket b CROSS JOIN LATERAL ("
    "    SELECT o.message_id, o.priority, o.due_at, o.segments FROM outbox o"
    "     WHERE o.sender = b.sender AND o.state = 'queued' AND (o.not_before IS NULL OR " PAUSE_OVER ")"
    "       AND " IS_OF_CLI("$5", "o")
    "       AND NOT EXISTS (SELECT 1 FROM (SELECT * FROM outbox k WHERE k.conv_id = o.conv_id OFFSET 0) e"
    "            WHERE e.message_id <> o.message_id"
    "            AND (e.state IN ('sending', 'unknown')"
    "                 OR ((e.state = 'queued' OR (e.state = 'scheduled' AND e.due_at <= now()))"
    "                     AND (e.priority, e.due_at, e.message_id) < (o.priority, o.due_at, o.message_id))))"
    "     ORDER BY o.priority, o.due_at, o.message_id"
    "     LIMIT least($3::int, ceil(b.tokens)::int) FOR UPDATE OF o SKIP LOCKED) c"
    "), priced AS ("
    " SELECT *, sum(segments) OVER w - segments AS before, row_number() OVER w AS n"
    "   FROM ready WINDOW w AS (PARTITION BY sender ORDER BY priority, due_at, message_id ROWS UNBOUNDED PRECEDING)"
    "), chosen AS MATERIALIZED ("
    " SELECT sender, message_id, segments, priority, n FROM priced"
    "  WHERE tokens - before >= least(segments, burst) - 0.001"
    "  ORDER BY priority, n, due_at, message_id LIMIT $3::int"
    "), charged AS ("
    " UPDATE senders s SET tokens = b.tokens - c.cost, refilled_at = greatest(s.refilled_at, now())"
    "   FROM bucket b JOIN (SELECT sender, sum(segments) AS cost FROM chosen GROUP BY sender) c USING (sender)"
    "  WHERE s.sender = b.sender"
    "), t AS ("
    " UPDATE outbox o SET state = 'sending', attempts = o.attempts + 1, attempted_at = now(), not_before = NULL, checks = 0,"
    "        lease_until = now() + $4::bigint * interval '1 microsecond'"
    "   FROM chosen c WHERE o.message_id = c.message_id AND o.message_id = ANY (ARRAY(SELECT message_id FROM chosen))"
    " RETURNING o.message_id, o.attempts, o.due_at, o.attempted_at, o.confirmation, o.checks, c.priority, c.n"
    ") "
    "SELECT " CLAIM_COLUMNS " FROM t JOIN messages m ON m.id = t.message_id AND m.id = ANY (ARRAY(SELECT message_id FROM chosen))"
    " ORDER BY t.priority, t.n, t.message_id", 0 };

static void bind_rates(twc_args_t *args, const twc_ctx_t *ctx)
{
    const char *kinds[TWC_SENDER_KINDS], *rates[TWC_SENDER_KINDS];

    for (int i = 0; i < TWC_SENDER_KINDS; i++) {
        kinds[i] = twc_sender_kind_name((twc_sender_kind_e)i);
        rates[i] = apr_psprintf(args->pool, "%.6f", ctx->conf->rate[i]);
    }
    twc_arg_array(args, kinds, TWC_SENDER_KINDS);
    twc_arg_array(args, rates, TWC_SENDER_KINDS);
}

static void row_claim(const twc_rows_t *rows, int r, apr_pool_t *p, twc_claim_t *c)
{
    *c = (twc_claim_t){
        .id = twc_rows_int(rows, r, 0), .uuid = twc_rows_text(rows, r, 1, p), .attempt = (int)twc_rows_int(rows, r, 2),
        .to = twc_rows_text(rows, r, 3, p), .from = twc_rows_text(rows, r, 4, p), .service_sid = twc_rows_text(rows, r, 5, p),
        .body = twc_rows_text(rows, r, 6, p), .content_sid = twc_rows_text(rows, r, 7, p),
        .content_variables = twc_rows_text(rows, r, 8, p), .opted_out = twc_rows_bool(rows, r, 10),
        .due_at = twc_rows_int(rows, r, 11), .attempted_at = twc_rows_int(rows, r, 12), .age = twc_rows_int(rows, r, 13),
        .checks = (int)twc_rows_int(rows, r, 14), .sid = twc_rows_text(rows, r, 15, p),
        .confirmation = twc_rows_bool(rows, r, 16), .priority = (int)twc_rows_int(rows, r, 17) };
    c->num_media = twc_outbox_read_urls(p, twc_rows_view(rows, r, 9), &c->media_urls);
}

static apr_status_t run_claims(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_claim_t **claims, int *count)
{
    twc_rows_t *rows;

    *count = 0;
    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    *count = twc_rows_count(rows);
    *claims = apr_palloc(ctx->pool, (*count + 1) * sizeof(**claims));
    for (int i = 0; i < *count; i++)
        row_claim(rows, i, ctx->pool, *claims + i);
    return APR_SUCCESS;
}

apr_status_t twc_outbox_claim(twc_ctx_t *ctx, int limit, apr_int64_t cli, apr_interval_time_t lease,
                              twc_claim_t **claims, int *count)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    bind_rates(&args, ctx);
    twc_arg_int(&args, limit);
    twc_arg_int(&args, lease);
    twc_arg_id(&args, cli);
    return run_claims(ctx, &SQL_CLAIM, &args, claims, count);
}

/* A row whose lease ran out belongs to a process that died, or lost its database: what it did nobody knows. */
static const twc_sql_t SQL_UNKNOWN = { "twc_outbox_unknown",
    "WITH d AS MATERIALIZED ("
    " SELECT message_id FROM outbox WHERE state IN ('sending', 'unknown') AND lease_until <= now()"
    "    AND " IS_OF_CLI("$3", "outbox")
    "  ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED"
    "), t AS ("
    " UPDATE outbox o SET state = 'unknown', lease_until = now() + $2::bigint * interval '1 microsecond'"
    "  WHERE o.message_id = ANY (ARRAY(SELECT message_id FROM d))"
    " RETURNING o.message_id, o.attempts, o.due_at, o.attempted_at, o.confirmation, o.checks, o.priority"
    ") "
    "SELECT " CLAIM_COLUMNS " FROM t JOIN messages m ON m.id = t.message_id AND m.id = ANY (ARRAY(SELECT message_id FROM d))"
    " ORDER BY t.message_id", 0 };

apr_status_t twc_outbox_take_unknown(twc_ctx_t *ctx, int limit, apr_int64_t cli, apr_interval_time_t lease,
                                     twc_claim_t **claims, int *count)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, limit);
    twc_arg_int(&args, lease);
    twc_arg_id(&args, cli);
    return run_claims(ctx, &SQL_UNKNOWN, &args, claims, count);
}

static const twc_sql_t SQL_CONSENT = { "twc_outbox_consent_again",
    "SELECT g.ord FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS g(peer, sender, service, ord)"
    " WHERE " TWC_SQL_OPTED_OUT("g.peer", "g.sender", "g.service"), TWC_SQL_IDEMPOTENT };

apr_status_t twc_outbox_consent_again(twc_ctx_t *ctx, twc_claim_t *const *claims, int count)
{
    const char **peers = apr_palloc(ctx->scratch, (count + 1) * sizeof(*peers));
    const char **senders = apr_palloc(ctx->scratch, (count + 1) * sizeof(*senders));
    const char **services = apr_palloc(ctx->scratch, (count + 1) * sizeof(*services));
    twc_args_t args;
    twc_rows_t *rows;

    for (int i = 0; i < count; i++) {
        peers[i] = claims[i]->to;
        senders[i] = claims[i]->from;
        services[i] = claims[i]->service_sid;
    }
    twc_args_init(&args, ctx->scratch);
    twc_arg_array(&args, peers, count);
    twc_arg_array(&args, senders, count);
    twc_arg_array(&args, services, count);
    TWC_TRY(twc_db_run(ctx, &SQL_CONSENT, &args, &rows));
    for (int i = 0; i < count; i++)
        claims[i]->opted_out = false;
    for (int r = 0; r < twc_rows_count(rows); r++) {
        twc_claim_t *claim = claims[twc_rows_int(rows, r, 0) - 1];

        claim->opted_out = !claim->confirmation;
    }
    return APR_SUCCESS;
}

/* ---- what is to come ------------------------------------------------------------------- */

static const twc_sql_t SQL_OUTLOOK = { "twc_outbox_outlook",
    "SELECT (1000000 * min(CASE WHEN s.parked_until > now() THEN extract(epoch FROM s.parked_until - now())::float8"
    "                           ELSE greatest(0, (1 - " TOKENS ") / " RATE ") END))::bigint"
    "  FROM senders s LEFT JOIN unnest($1::text[], $2::float8[]) AS r(kind, rate) USING (kind)"
    "  CROSS JOIN LATERAL " FIRST_QUEUED, 0 };

apr_status_t twc_outbox_outlook(twc_ctx_t *ctx, apr_interval_time_t most, apr_interval_time_t *wait)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    bind_rates(&args, ctx);
    TWC_TRY(twc_db_run(ctx, &SQL_OUTLOOK, &args, &rows));
    *wait = twc_rows_null(rows, 0, 0) || twc_rows_int(rows, 0, 0) > most ? most : twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}

static const twc_sql_t SQL_PROMOTE = { "twc_outbox_promote",
    "WITH d AS MATERIALIZED ("
    " SELECT message_id FROM outbox WHERE state = 'scheduled' AND due_at <= now()"
    "  ORDER BY due_at, message_id LIMIT $1::bigint FOR UPDATE SKIP LOCKED"
    "), due AS ("
    " UPDATE outbox o SET state = 'queued' WHERE o.message_id = ANY (ARRAY(SELECT message_id FROM d)) RETURNING o.message_id, o.conv_id"
    "), msg AS ("
    " UPDATE messages m SET status = 'queued', updated_at = now()"
    "  WHERE m.id = ANY (ARRAY(SELECT message_id FROM due)) AND m.status = 'scheduled'"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT message_id, conv_id FROM due"
    ") "
    "SELECT count(*) FROM due", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_outbox_promote(twc_ctx_t *ctx, int *count)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, TWC_PROMOTE_MAX);
    TWC_TRY(twc_db_run(ctx, &SQL_PROMOTE, &args, &rows));
    *count = (int)twc_rows_int(rows, 0, 0);
    if (*count > 0)
        ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

static const twc_sql_t SQL_KNOWN = { "twc_outbox_known_sids",
    "SELECT g.ord FROM unnest($1::text[]) WITH ORDINALITY AS g(sid, ord) JOIN message_sids s ON s.sid = g.sid",
    TWC_SQL_IDEMPOTENT };

apr_status_t twc_outbox_known_sids(twc_ctx_t *ctx, const char *const *sids, int count, bool *known)
{
    twc_args_t args;
    twc_rows_t *rows;

    for (int i = 0; i < count; i++)
        known[i] = false;
    twc_args_init(&args, ctx->scratch);
    twc_arg_array(&args, sids, count);
    TWC_TRY(twc_db_run(ctx, &SQL_KNOWN, &args, &rows));
    for (int r = 0; r < twc_rows_count(rows); r++)
        known[twc_rows_int(rows, r, 0) - 1] = true;
    return APR_SUCCESS;
}

/* ---- results ---------------------------------------------------------------------------- */

/* Locks are taken in the order of ingest's statement about callbacks: messages by id, then the queue.
 * A result counts while its attempt is the latest; a SID counts always, because Twilio will send that message,
 * and ends the queue row unless somebody is sending it again this moment. But not one that was merely found in Twilio's list and is
 * another message's by now: of two equal texts to one person both may have been looked for, and the same one found. Whose it is
 * the key of message_sids decides, also between statements that do not see each other; the other one is looked for again.
 *
 * It is prepared, perhaps while the tables are small, and the plan is kept while they grow. "= ANY" beside each join
 * bounds what that can cost: at worst a table is read once per batch, never once per row. Conditions on the state are
 * written so that the index of leases does not fit them: it holds all that is under way. */
static const twc_sql_t SQL_SETTLE = { "twc_outbox_settle",
    "WITH told AS MATERIALIZED ("
    " SELECT g.*, m.conv_id, m.status AS was, m.to_addr, m.from_addr AS sender, m.service_sid"
    "   FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::int[],"
    "               $9::text[], $10::bigint[], $11::smallint[], $12::bigint[], $13::boolean[], $14::boolean[])"
    "     AS g(id, attempt, outcome, named, status, from_addr, segments, code, reason, delay, checked, park, opt_out, found)"
    "   JOIN messages m ON m.id = g.id AND m.id = ANY ($1::bigint[]) ORDER BY m.id FOR UPDATE OF m"
    "), owner AS ("
    " INSERT INTO message_sids AS s (sid, message_id)"
    " SELECT DISTINCT ON (named) named, id FROM told WHERE outcome = 'accepted' AND named IS NOT NULL ORDER BY named, id"
    " ON CONFLICT (sid) DO UPDATE SET message_id = s.message_id RETURNING s.sid, s.message_id"
    "), given AS MATERIALIZED ("
    " SELECT g.*, CASE WHEN x.taken THEN 'unknown' ELSE g.outcome END AS verdict, CASE WHEN x.taken THEN NULL ELSE g.named END AS sid"
    "   FROM told g LEFT JOIN owner w ON w.sid = g.named"
    "   CROSS JOIN LATERAL (SELECT g.found AND w.message_id <> g.id AS taken) x"
    "), gone AS ("
    " DELETE FROM outbox o USING given g"
    "  WHERE o.message_id = g.id AND o.message_id = ANY ($1::bigint[]) AND g.verdict IN ('accepted', 'failed')"
    "    AND (o.attempts = g.attempt OR (g.verdict = 'accepted' AND o.state <> 'sending'))"
    " RETURNING o.message_id AS id, o.sender"
    "), kept AS ("
    " UPDATE outbox o SET state = CASE g.verdict WHEN 'later' THEN 'queued' ELSE 'unknown' END,"
    "   not_before = CASE g.verdict WHEN 'later' THEN now() + g.delay * interval '1 microsecond' END,"
    "   lease_until = CASE g.verdict WHEN 'unknown' THEN now() + g.delay * interval '1 microsecond' END,"
    "   checks = CASE g.verdict WHEN 'unknown' THEN o.checks + g.checked ELSE 0 END, last_error = coalesce(g.reason, o.last_error)"
    "   FROM given g"
    "  WHERE o.message_id = g.id AND o.message_id = ANY ($1::bigint[]) AND g.verdict IN ('later', 'unknown') AND o.attempts = g.attempt"
    "    AND o.state <> 'queued' AND o.state <> 'scheduled'"
    " RETURNING o.message_id AS id, o.sender"
    "), early AS MATERIALIZED ("
    " SELECT DISTINCT ON (s.sid) s.* FROM status_events s"
    "  WHERE s.sid = ANY ($4::text[]) AND s.message_id IS NULL AND twchat_status_rank(s.status) > 0"
    "  ORDER BY s.sid, twchat_status_rank(s.status) DESC, s.id"
    "), next AS MATERIALIZED ("
    " SELECT g.*, a.status AS answered, e.id AS event_id, e.error_code AS early_code, e.error_message AS early_reason,"
    "        CASE WHEN e.id IS NOT NULL AND twchat_status_may_follow(a.status, e.status) THEN e.status ELSE a.status END AS becomes"
    "   FROM given g"
    "   CROSS JOIN LATERAL (SELECT CASE WHEN twchat_status_may_follow(g.was, g.status) THEN g.status ELSE g.was END AS status) a"
    "   LEFT JOIN early e ON e.sid = g.sid AND g.verdict = 'accepted'"
    "  WHERE g.verdict = 'accepted' OR (g.verdict = 'failed' AND g.id IN (SELECT d.id FROM gone d))"
    "), upd AS ("
    " UPDATE messages m SET sid = coalesce(m.sid, n.sid), status = n.becomes,"
    "   error_code = CASE WHEN n.becomes IS DISTINCT FROM n.answered THEN n.early_code"
    "                     WHEN n.answered IS DISTINCT FROM n.was THEN n.code ELSE m.error_code END,"
    "   error_message = CASE WHEN n.becomes IS DISTINCT FROM n.answered THEN n.early_reason"
    "                        WHEN n.answered IS DISTINCT FROM n.was THEN n.reason ELSE m.error_message END,"
    "   from_addr = coalesce(m.from_addr, n.from_addr), num_segments = coalesce(n.segments, m.num_segments), updated_at = now()"
    "   FROM next n WHERE m.id = n.id AND m.id = ANY ($1::bigint[]) RETURNING m.id, m.conv_id, n.was, m.status"
    "), applied AS ("
    " UPDATE status_events e SET message_id = n.id, applied = e.applied OR (e.id = n.event_id AND n.becomes IS DISTINCT FROM n.answered)"
    "   FROM next n WHERE n.event_id IS NOT NULL AND e.sid = n.sid AND e.sid = ANY ($4::text[]) AND e.message_id IS NULL"
    "), closed AS ("
    " INSERT INTO jobs (kind, message_id) SELECT 'opt-out', id FROM next WHERE early_code = 21610"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM upd"
    "), failed AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (now() AT TIME ZONE 'UTC')::date, 'failed', pg_backend_pid() % 16, count(*) FROM upd"
    "  WHERE status IN ('failed', 'undelivered') AND coalesce(was, '') NOT IN ('failed', 'undelivered') HAVING count(*) > 0"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    "), parked AS ("
    " UPDATE senders s SET parked_until = greatest(s.parked_until, now() + p.park * interval '1 microsecond'), parked_reason = p.reason"
    "   FROM (SELECT o.sender, max(g.park) AS park, max(g.reason) AS reason"
    "           FROM given g JOIN (SELECT id, sender FROM gone UNION ALL SELECT id, sender FROM kept) o USING (id)"
    "          WHERE g.park > 0 GROUP BY o.sender) p"
    "  WHERE s.sender = p.sender"
    "), said AS ("
    " INSERT INTO consent_events (sender, peer, state, source, evidence, message_id)"
    " SELECT x.sender, g.to_addr, 'opted_out', 'error-21610', g.reason, g.id"
    "   FROM given g CROSS JOIN LATERAL (VALUES (g.sender), (g.service_sid)) AS x(sender)"
    "  WHERE g.opt_out AND x.sender IS NOT NULL AND g.id IN (SELECT d.id FROM gone d) RETURNING id, sender, peer"
    "), consent AS ("
    " INSERT INTO consents AS c (peer, sender, state, event_id)"
    " SELECT peer, sender, 'opted_out', max(id) FROM said GROUP BY peer, sender ORDER BY peer, sender"
    " ON CONFLICT (peer, sender) DO UPDATE SET state = EXCLUDED.state, event_id = EXCLUDED.event_id WHERE c.event_id < EXCLUDED.event_id"
    "), contact AS ("
    " UPDATE contacts SET opt_in_status = 'opted_out', updated_at = now()"
    "  WHERE address = ANY (ARRAY(SELECT (SELECT v.address FROM conversations v WHERE v.peer = s.peer) FROM said s))"
    "    AND opt_in_status <> 'opted_out'"
    ") "
    "SELECT count(*) FROM upd", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const char *number(apr_pool_t *pool, apr_int64_t n)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, n);
}

/* One column per field, each expression evaluated for `it`. */
#define COLUMN(args, cell, items, count, expr)                                \
    do {                                                                      \
        for (int i_ = 0; i_ < (count); i_++) {                                \
            const twc_settle_t *it = (items)[i_];                             \
            (cell)[i_] = (expr);                                              \
        }                                                                     \
        twc_arg_array(args, cell, count);                                     \
    } while (0)

apr_status_t twc_outbox_settle(twc_ctx_t *ctx, const twc_settle_t *const *items, int count)
{
    static const char *const verdicts[] = { "accepted", "failed", "later", "unknown" };
    apr_pool_t *p = ctx->scratch;
    const char **cell = apr_palloc(p, (count + 1) * sizeof(*cell));
    twc_args_t a;

    twc_args_init(&a, p);
    COLUMN(&a, cell, items, count, number(p, it->id));
    COLUMN(&a, cell, items, count, number(p, it->attempt));
    COLUMN(&a, cell, items, count, verdicts[it->verdict]);
    COLUMN(&a, cell, items, count, it->verdict == TWC_SETTLE_ACCEPTED ? it->sid : NULL);
    COLUMN(&a, cell, items, count, it->verdict == TWC_SETTLE_FAILED ? "failed" : it->status);
    COLUMN(&a, cell, items, count, it->from);
    COLUMN(&a, cell, items, count, it->segments > 0 ? number(p, it->segments) : NULL);
    COLUMN(&a, cell, items, count, it->code ? number(p, it->code) : NULL);
    COLUMN(&a, cell, items, count, it->reason);
    COLUMN(&a, cell, items, count, number(p, it->delay));
    COLUMN(&a, cell, items, count, it->checked ? "1" : "0");
    COLUMN(&a, cell, items, count, number(p, it->park));
    COLUMN(&a, cell, items, count, it->opt_out ? "t" : "f");
    COLUMN(&a, cell, items, count, it->found ? "t" : "f");
    TWC_TRY(twc_db_run(ctx, &SQL_SETTLE, &a, NULL));
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

/* ---- callbacks that were quicker ---------------------------------------------------------- */

/* A callback's statement and the one that writes down the SID may not see each other's rows. What was
 * missed that way stands here with a SID that is known by now. Callbacks for messages of other programs stay. */
static const twc_sql_t SQL_EARLY = { "twc_outbox_early",
    "WITH found AS MATERIALIZED ("
    " SELECT e.id AS event_id, s.message_id AS id, e.status, e.error_code, e.error_message, twchat_status_rank(e.status) AS rank"
    "   FROM status_events e CROSS JOIN LATERAL (SELECT i.message_id FROM message_sids i WHERE i.sid = e.sid OFFSET 0) s"
    "  WHERE e.message_id IS NULL AND e.received_at > now() - interval '10 minutes'"
    "), locked AS MATERIALIZED ("
    " SELECT m.id, m.status FROM messages m WHERE m.id = ANY (ARRAY(SELECT id FROM found)) AND m.direction = 'outbound'"
    "  ORDER BY m.id FOR UPDATE"
    "), best AS ("
    " SELECT DISTINCT ON (f.id) f.*, l.status AS was FROM found f JOIN locked l USING (id)"
    "  WHERE f.rank > 0 ORDER BY f.id, f.rank DESC, f.event_id"
    "), upd AS ("
    " UPDATE messages m SET status = b.status, error_code = b.error_code, error_message = b.error_message, updated_at = now()"
    "   FROM best b WHERE m.id = b.id AND m.id = ANY (ARRAY(SELECT id FROM best)) AND twchat_status_may_follow(b.was, b.status)"
    " RETURNING m.id, m.conv_id, m.status, b.event_id"
    "), applied AS ("
    " UPDATE status_events e SET message_id = f.id, applied = EXISTS (SELECT 1 FROM upd u WHERE u.event_id = e.id)"
    "   FROM found f WHERE e.id = f.event_id AND e.id = ANY (ARRAY(SELECT event_id FROM found))"
    "), closed AS ("
    " INSERT INTO jobs (kind, message_id) SELECT DISTINCT 'opt-out', f.id FROM found f JOIN locked l USING (id) WHERE f.error_code = 21610"
    "), event AS ("
    " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM upd"
    "), failed AS ("
    " INSERT INTO daily_counts AS d (day, metric, shard, n)"
    " SELECT (now() AT TIME ZONE 'UTC')::date, 'failed', pg_backend_pid() % 16, count(*) FROM upd"
    "  WHERE status IN ('failed', 'undelivered') HAVING count(*) > 0"
    " ON CONFLICT (day, metric, shard) DO UPDATE SET n = d.n + EXCLUDED.n"
    ") "
    "SELECT count(*) FROM upd", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_outbox_early(twc_ctx_t *ctx)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    TWC_TRY(twc_db_run(ctx, &SQL_EARLY, &args, &rows));
    if (twc_rows_int(rows, 0, 0) > 0)
        ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

const twc_sql_t *const twc_dispatch_sql[] = { &SQL_CLAIM, &SQL_UNKNOWN, &SQL_CONSENT, &SQL_OUTLOOK, &SQL_PROMOTE, &SQL_KNOWN,
                                              &SQL_SETTLE, &SQL_EARLY, NULL };
