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
#include "store/sql.h"
#include "util/text.h"

/* `next` is the place of the page's last row: µs since 1970 and the conversation's id. */
#define THREADS(condition) \
    "SELECT json_build_object('items', coalesce(json_agg(p.item ORDER BY p.n) FILTER (WHERE p.n <= $3), '[]'::json)," \
    "                         'next', CASE WHEN count(*) > $3::bigint THEN max(p.place) FILTER (WHERE p.n = $3) END) FROM (" \
    " SELECT row_number() OVER (ORDER BY c.last_at DESC, c.id DESC) AS n, " TWC_SQL_THREAD " AS item," \
    "        (extract(epoch FROM c.last_at) * 1000000)::bigint || '.' || c.id AS place" \
    "   FROM conversations c" \
    "  WHERE c.last_at IS NOT NULL AND (c.last_at, c.id) < ($1::timestamptz, $2::bigint) " condition \
    "  ORDER BY c.last_at DESC, c.id DESC LIMIT $3::bigint + 1) p"

static const twc_sql_t SQL_THREADS = { "twc_threads", THREADS(""), TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

/* $4 for names, $5 for numbers; NULL matches nothing. Not kept prepared: a plan made for the
 * pattern at hand stops early for common ones. */
static const twc_sql_t SQL_SEARCH = { "twc_threads_search", THREADS(
    " AND (c.peer LIKE $5::text OR c.profile_name ILIKE $4::text OR c.address IN"
    "      (SELECT k.address FROM contacts k"
    "        WHERE (k.first_name IS NOT NULL OR k.last_name IS NOT NULL)"
    "          AND concat_ws(' ', k.first_name, k.last_name) ILIKE $4::text LIMIT 1000))"), TWC_SQL_IDEMPOTENT };

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

const twc_sql_t *const twc_thread_sql[] = { &SQL_THREADS, &SQL_SEARCH, &SQL_THREAD, &SQL_STATS, NULL };

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

apr_status_t twc_list_threads(twc_ctx_t *ctx, const char *search, const char *before, int limit, const char **json)
{
    apr_pool_t *pool = ctx->scratch;
    const char *number;
    twc_args_t args;

    twc_args_init(&args, pool);
    TWC_TRY(read_place(ctx, before, &args));
    twc_arg_int(&args, limit);
    if (!search || twc_text_blank(search))
        return twc_db_json(ctx, &SQL_THREADS, &args, json);
    search = twc_text_head(pool, twc_text_trim(pool, search), SEARCH_MAX_CHARS);
    number = number_part(pool, search);
    twc_arg_text(&args, like_contains(pool, search));
    twc_arg_text(&args, like_contains(pool, number ? number : search));
    return twc_db_json(ctx, &SQL_SEARCH, &args, json);
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
