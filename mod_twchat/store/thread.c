/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * thread.c - conversations as our own pages list them, and the counters above them.
 * Must never read all messages of a conversation to tell something about it.
 * Called by api/, the pages' routes, and for live events.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>

#include "store/entry.h"
#include "store/list.h"
#include "store/recall.h"
#include "store/sql.h"
#include "util/text.h"

/* `next` is the place of the page's last row: µs since 1970 and the conversation's id. */
#define THREADS(condition) \
    "SELECT json_build_object('items', coalesce(json_agg(p.item ORDER BY p.n) FILTER (WHERE p.n <= $3), '[]'::json)," \
    "                         'next', CASE WHEN count(*) > $3::bigint THEN max(p.place) FILTER (WHERE p.n = $3) END), " TWC_SQL_STAMP " FROM (" \
    " SELECT row_number() OVER (ORDER BY c.last_at DESC, c.id DESC) AS n, " TWC_SQL_THREAD " AS item," \
    "        (extract(epoch FROM c.last_at) * 1000000)::bigint || '.' || c.id AS place" \
    "   FROM conversations c" \
    "  WHERE c.last_at IS NOT NULL AND (c.last_at, c.id) < ($1::timestamptz, $2::bigint) " condition \
    "  ORDER BY c.last_at DESC, c.id DESC LIMIT $3::bigint + 1) p"

static const twc_sql_t SQL_THREADS = { "twc_threads", THREADS(""), TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

/* A search for something rare finds who they are by their trigrams and puts them in order; one for something common walks along
 * the order until a page is full. Which it is shows when the trigrams are asked: not which plan PostgreSQL thinks is better. */
#define RARE_MAX "2000"

/* Not kept prepared: the index is of use when the pattern is known. NULL: more than a rare word has. */
static const twc_sql_t SQL_FIND = { "twc_threads_find",
    "SELECT CASE WHEN count(*) <= " RARE_MAX " THEN coalesce(array_agg(f.conv_id), '{}') END FROM"
    " (SELECT conv_id FROM conversation_words WHERE words ILIKE $1 OR words ILIKE $2 LIMIT " RARE_MAX " + 1) f", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_AMONG = { "twc_threads_among", THREADS(" AND c.id = ANY ($4::bigint[])"),
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_WALK = { "twc_threads_walk", THREADS(
    " AND (SELECT w.words FROM conversation_words w WHERE w.conv_id = c.id) ILIKE ANY (ARRAY[$4::text, $5::text])"),
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_THREAD = { "twc_thread",
    "SELECT row_to_json(t.item) FROM (SELECT " TWC_SQL_THREAD " AS item FROM conversations c"
    " WHERE c.id = " TWC_SQL_CONV_OF("$1") ") t", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_STATS = { "twc_stats",
    "SELECT json_build_object('total', d.inbound + d.outbound, 'inbound', d.inbound, 'outbound', d.outbound,"
    " 'unread', (SELECT coalesce(sum(c.unread), 0) FROM conversations c WHERE c.unread > 0),"
    " 'failed', d.failed, 'queued', (SELECT count(*) FROM outbox), 'today', d.today,"
    " 'conversations', (SELECT count(*) FROM conversations c WHERE c.last_at IS NOT NULL),"
    " 'stuck', (SELECT count(*) FROM stuck_messages), 'opted_out', (SELECT count(DISTINCT o.peer) FROM consents o WHERE o.state = 'opted_out'))"
    " FROM (SELECT coalesce(sum(n) FILTER (WHERE metric = 'inbound'), 0)::bigint AS inbound,"
    "              coalesce(sum(n) FILTER (WHERE metric = 'outbound'), 0)::bigint AS outbound,"
    "              coalesce(sum(n) FILTER (WHERE metric = 'failed'), 0)::bigint AS failed,"
    "              coalesce(sum(n) FILTER (WHERE metric IN ('inbound', 'outbound')"
    "                                        AND day = (now() AT TIME ZONE 'UTC')::date), 0)::bigint AS today"
    "         FROM daily_counts) d", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_thread_sql[] = { &SQL_THREADS, &SQL_FIND, &SQL_AMONG, &SQL_WALK, &SQL_THREAD, &SQL_STATS, NULL };

/* ---- search patterns ------------------------------------------------------------- */

#define SEARCH_MAX_CHARS 100

static const char *like_contains(apr_pool_t *pool, const char *text)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 3), *p = out;

    *p++ = '%';
    for (; *text; text++) {
        if (strchr("%_\\", *text))
            *p++ = '\\';
        *p++ = *text;
    }
    *p++ = '%';
    *p = '\0';
    return out;
}

/* Numbers are found however they are spelled: "(415) 555-0123". NULL when it is no part of a number. */
static const char *number_part(apr_pool_t *pool, const char *text)
{
    char *out = apr_palloc(pool, strlen(text) + 1), *p = out;

    for (; *text; text++) {
        if (apr_isdigit(*text))
            *p++ = *text;
        else if (!strchr(" +-().", *text))
            return NULL;
    }
    *p = '\0';
    return *out ? out : NULL;
}

/* ---- lists ------------------------------------------------------------------------- */

static apr_status_t read_place(twc_ctx_t *ctx, const char *before, twc_args_t *args)
{
    char *end;
    apr_int64_t at, id;

    if (!before) {
        twc_arg_text(args, "infinity");
        twc_arg_int(args, APR_INT64_MAX);
        return APR_SUCCESS;
    }
    at = apr_strtoi64(before, &end, 10);
    if (at <= 0 || *end != '.' || (id = apr_strtoi64(end + 1, &end, 10)) <= 0 || *end)
        return twc_problem_field(ctx, "before", "before_invalid", "\"before\" must be a value that \"next\" had.");
    twc_arg_time(args, at);
    twc_arg_int(args, id);
    return APR_SUCCESS;
}

/* What is searched are lines, each by itself. */
static const char *one_line(apr_pool_t *pool, const char *text)
{
    char *line = apr_pstrdup(pool, twc_text_trim(pool, text));

    for (char *p = line; *p; p++)
        if (apr_iscntrl(*p))
            *p = ' ';
    return line;
}

/* Words of fewer than three letters have no trigrams. */
#define INDEXED_MIN 3

/* @param ids  out: who they are, as an array; NULL: too many to say */
static apr_status_t find(twc_ctx_t *ctx, const char *text, const char *number, const char **ids)
{
    twc_args_t args;
    twc_rows_t *rows;

    *ids = NULL;
    if (twc_text_chars(text) < INDEXED_MIN || (number && strlen(number) < INDEXED_MIN))
        return APR_SUCCESS;
    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, like_contains(ctx->scratch, text));
    twc_arg_text(&args, like_contains(ctx->scratch, number ? number : text));
    TWC_TRY(twc_db_run(ctx, &SQL_FIND, &args, &rows));
    *ids = twc_rows_text(rows, 0, 0, ctx->scratch);
    return APR_SUCCESS;
}

static apr_status_t search_threads(twc_ctx_t *ctx, twc_args_t *args, const char *text, const char **json)
{
    const char *number = number_part(ctx->scratch, text), *ids;

    TWC_TRY(find(ctx, text, number, &ids));
    if (ids) {
        twc_arg_text(args, ids);
        return twc_db_json(ctx, &SQL_AMONG, args, json);
    }
    twc_arg_text(args, like_contains(ctx->scratch, text));
    twc_arg_text(args, like_contains(ctx->scratch, number ? number : text));
    return twc_db_json(ctx, &SQL_WALK, args, json);
}

apr_status_t twc_list_threads(twc_ctx_t *ctx, const char *search, const char *before, int limit, const char **json)
{
    apr_pool_t *pool = ctx->scratch;
    twc_args_t args;

    twc_args_init(&args, pool);
    TWC_TRY(read_place(ctx, before, &args));
    twc_arg_int(&args, limit);
    if (!search || twc_text_blank(search))
        return twc_recall_json(ctx, &SQL_THREADS, &args, NULL, json);
    return search_threads(ctx, &args, twc_text_head(pool, one_line(pool, search), SEARCH_MAX_CHARS), json);
}

apr_status_t twc_list_thread(twc_ctx_t *ctx, const char *peer, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, peer);
    TWC_TRY(twc_db_json(ctx, &SQL_THREAD, &args, json));
    if (!*json)
        return twc_problem(ctx, APR_ENOENT, "conversation_unknown", "There is no conversation with %s.", peer);
    return APR_SUCCESS;
}

apr_status_t twc_list_stats(twc_ctx_t *ctx, const char **json)
{
    return twc_db_json(ctx, &SQL_STATS, NULL, json);
}
