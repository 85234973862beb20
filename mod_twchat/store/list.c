/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * list.c - messages and conversations in the shapes of flask-chat and sms-store.
 * Must never return an unbounded list or wait for anything but PostgreSQL.
 * Called by api/, one function per route.
 */
#include <apr_uuid.h>

#include "store/entry.h"
#include "store/list.h"
#include "store/recall.h"
#include "store/sql.h"

/* ---- flask-chat ------------------------------------------------------------------ */

#define ITEMS "SELECT json_build_object('items', coalesce(json_agg(p.item ORDER BY p.created_at DESC, p.id DESC), '[]'::json)," \
              " 'count', count(*)), " TWC_SQL_STAMP " FROM (SELECT m.created_at, m.id, " TWC_SQL_ITEM " AS item"
#define ITEMS_END " ORDER BY m.created_at DESC, m.id DESC LIMIT $1::bigint) p"

#define NEWEST(direction) \
    "SELECT " TWC_SQL_MESSAGE_COLUMNS " FROM messages WHERE direction = " direction \
    " ORDER BY created_at DESC, id DESC LIMIT $1::bigint"

static const twc_sql_t SQL_FLASK_MESSAGES = { "twc_flask_messages",
    ITEMS " FROM ((" NEWEST("'inbound'") ") UNION ALL (" NEWEST("'outbound'") ")) m" ITEMS_END,
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_FLASK_DIRECTION = { "twc_flask_messages_direction",
    ITEMS " FROM (" NEWEST("$2") ") m" ITEMS_END, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_FLASK_CONVERSATIONS = { "twc_flask_conversations",
    "SELECT json_build_object('items', coalesce(json_agg(p.item ORDER BY p.last_at DESC, p.id DESC), '[]'::json),"
    " 'count', count(*)), " TWC_SQL_STAMP
    " FROM (SELECT c.last_at, c.id,"
    "  (SELECT i FROM (SELECT c.peer AS participant, m.body AS last_body, m.direction AS last_direction, m.status AS last_status,"
    "    m.error_message AS last_error, " TWC_SQL_ISO("m.created_at") " AS last_created_at, "
         TWC_SQL_ISO("m.updated_at") " AS last_updated_at, c.total AS total_messages"
    "    FROM messages m WHERE m.id = c.last_message_id) i) AS item"
    "  FROM conversations c WHERE c.last_at IS NOT NULL ORDER BY c.last_at DESC, c.id DESC LIMIT $1::bigint) p"
    " WHERE p.item IS DISTINCT FROM NULL", TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_FLASK_THREAD = { "twc_flask_thread",
    "SELECT json_build_object('participant', $2::text,"
    " 'items', coalesce(json_agg(p.item ORDER BY p.created_at, p.id), '[]'::json), 'count', count(*)), " TWC_SQL_STAMP
    " FROM (SELECT m.created_at, m.id, " TWC_SQL_ITEM " AS item"
    "  FROM messages m WHERE m.conv_id = " TWC_SQL_CONV_OF("$3") ITEMS_END,
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_FLASK_STATS = { "twc_flask_stats",
    "SELECT json_build_object('total', d.inbound + d.outbound, 'inbound', d.inbound, 'outbound', d.outbound, 'latest',"
    " (SELECT " TWC_SQL_ITEM " FROM ((" NEWEST("'inbound'") ") UNION ALL (" NEWEST("'outbound'") ")) m"
    "   ORDER BY m.created_at DESC, m.id DESC LIMIT 1)), " TWC_SQL_STAMP
    " FROM (SELECT coalesce(sum(n) FILTER (WHERE metric = 'inbound'), 0)::bigint AS inbound,"
    "              coalesce(sum(n) FILTER (WHERE metric = 'outbound'), 0)::bigint AS outbound FROM daily_counts) d",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_list_flask_messages(twc_ctx_t *ctx, const char *direction, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, limit);
    if (!direction)
        return twc_recall_json(ctx, &SQL_FLASK_MESSAGES, &args, NULL, json);
    twc_arg_text(&args, direction);
    return twc_recall_json(ctx, &SQL_FLASK_DIRECTION, &args, NULL, json);
}

apr_status_t twc_list_flask_conversations(twc_ctx_t *ctx, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, limit);
    return twc_recall_json(ctx, &SQL_FLASK_CONVERSATIONS, &args, NULL, json);
}

apr_status_t twc_list_flask_thread(twc_ctx_t *ctx, const char *peer, const char *participant, int limit, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, limit);
    twc_arg_text(&args, participant);
    twc_arg_text(&args, peer);
    return twc_recall_json(ctx, &SQL_FLASK_THREAD, &args, NULL, json);
}

apr_status_t twc_list_flask_stats(twc_ctx_t *ctx, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, 1);
    return twc_recall_json(ctx, &SQL_FLASK_STATS, &args, NULL, json);
}

/* ---- sms-store --------------------------------------------------------------------- */

#define STORED_COLUMNS \
    "id, sid, account_sid, from_addr, to_addr, body, direction, status, num_media, processed, chat_id, response_sid," \
    " error_code, error_message, created_at, processed_at"

#define STORED \
    "(SELECT i FROM (SELECT twchat_uuid(m.id) AS id, m.sid AS \"messageSid\", m.account_sid AS \"accountSid\"," \
    " m.from_addr AS \"from\", m.to_addr AS \"to\", m.body, m.direction, m.status, m.num_media AS \"numMedia\"," \
    " CASE WHEN m.num_media > 0 THEN" \
    "  (SELECT json_agg(a.url ORDER BY a.idx) FROM message_media a WHERE a.message_id = m.id) END AS \"mediaUrls\"," \
    " m.processed, m.chat_id AS \"chatId\", m.response_sid AS \"responseMessageSid\", m.error_code AS \"errorCode\"," \
    " m.error_message AS \"errorMessage\", " TWC_SQL_ISO_MS("m.created_at") " AS \"createdAt\", " \
    TWC_SQL_ISO_MS("m.processed_at") " AS \"processedAt\") i)"

#define STORED_LIST \
    "SELECT json_build_object('messages', coalesce(json_agg(p.item ORDER BY p.created_at DESC, p.id DESC), '[]'::json)," \
    " 'count', count(*)), " TWC_SQL_STAMP " FROM (SELECT m.created_at, m.id, " STORED " AS item"

#define STORED_FILTER "($2::text IS NULL OR direction = $2) AND ($3::boolean IS NULL OR processed = $3)"
#define STORED_ORDER " ORDER BY created_at DESC, id DESC LIMIT $1::bigint"
#define STORED_NEWEST(direction) \
    "(SELECT " STORED_COLUMNS " FROM messages WHERE direction = " direction " AND " STORED_FILTER STORED_ORDER ")"

/* The filters are folded when the plan is made, so these are planned for each call. */
static const twc_sql_t SQL_STORED = { "twc_stored",
    STORED_LIST " FROM (" STORED_NEWEST("'inbound'") " UNION ALL " STORED_NEWEST("'outbound'") ") m" ITEMS_END,
    TWC_SQL_IDEMPOTENT };

/* As the other side of a conversation a number is found by its threads. As one of our own numbers it is
 * looked for among the newest messages: no index is worth its upkeep, because our own few
 * numbers are on many messages, and a number that is neither must not cost a scan of everything. */
static const twc_sql_t SQL_STORED_PHONE = { "twc_stored_phone",
    STORED_LIST " FROM ("
    " (SELECT m.id, m.sid, m.account_sid, m.from_addr, m.to_addr, m.body, m.direction, m.status, m.num_media, m.processed, m.chat_id,"
    "   m.response_sid, m.error_code, m.error_message, m.created_at, m.processed_at"
    "   FROM conversations c JOIN LATERAL (SELECT " STORED_COLUMNS " FROM messages"
    "    WHERE conv_id = c.id AND " STORED_FILTER STORED_ORDER ") m ON true"
    "   WHERE c.peer IN ($4::text, 'whatsapp:' || $4::text))"
    " UNION"
    " (SELECT " STORED_COLUMNS " FROM (SELECT " STORED_COLUMNS " FROM ("
    "    (SELECT " STORED_COLUMNS " FROM messages WHERE direction = 'inbound' ORDER BY created_at DESC, id DESC LIMIT 50000)"
    "    UNION ALL"
    "    (SELECT " STORED_COLUMNS " FROM messages WHERE direction = 'outbound' ORDER BY created_at DESC, id DESC LIMIT 50000)) n"
    "   WHERE CASE direction WHEN 'inbound' THEN to_addr ELSE from_addr END IN ($4::text, 'whatsapp:' || $4::text)"
    "     AND " STORED_FILTER STORED_ORDER ") o)"
    ") m" ITEMS_END, TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_STORED_ONE = { "twc_stored_one",
    "SELECT row_to_json(t.item) FROM (SELECT " STORED " AS item FROM messages m WHERE m.id = twchat_uuid_id($1::uuid)) t",
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_list_sql[] = {
    &SQL_FLASK_MESSAGES, &SQL_FLASK_DIRECTION, &SQL_FLASK_CONVERSATIONS, &SQL_FLASK_THREAD, &SQL_FLASK_STATS,
    &SQL_STORED, &SQL_STORED_PHONE, &SQL_STORED_ONE, NULL
};

apr_status_t twc_list_stored(twc_ctx_t *ctx, const twc_stored_filter_t *filter, const char **json)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, filter->limit);
    twc_arg_text(&args, filter->direction);
    twc_arg_text(&args, filter->processed < 0 ? NULL : filter->processed ? "t" : "f");
    if (!filter->phone)
        return twc_recall_json(ctx, &SQL_STORED, &args, NULL, json);
    twc_arg_text(&args, filter->phone);
    return twc_recall_json(ctx, &SQL_STORED_PHONE, &args, NULL, json);
}

apr_status_t twc_list_stored_one(twc_ctx_t *ctx, const char *uuid, const char **json)
{
    apr_uuid_t parsed;
    twc_args_t args;

    *json = NULL;
    if (apr_uuid_parse(&parsed, uuid) == APR_SUCCESS) {
        twc_args_init(&args, ctx->scratch);
        twc_arg_text(&args, uuid);
        TWC_TRY(twc_db_json(ctx, &SQL_STORED_ONE, &args, json));
    }
    if (!*json)
        return twc_problem(ctx, APR_ENOENT, "message_unknown", "SMS message not found");
    return APR_SUCCESS;
}
