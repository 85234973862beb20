/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * entry.h - the JSON shapes that several statements share, as SQL text, and the one
 * thing PostgreSQL cannot add to them. For files of store/ only.
 *
 * A shape is a row value: json_agg() of it gives objects whose keys are the column names, in
 * compact form. Lists are built to keep their plan when LIMIT is a parameter: what belongs to a
 * row is fetched by subselects on keys, never by joins the planner could turn into a hash of a whole table.
 */
#ifndef TWC_STORE_ENTRY_H
#define TWC_STORE_ENTRY_H

#include "twc.h"

/** "2025-01-31T09:00:00", UTC */
#define TWC_SQL_ISO(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
/** "2025-01-31T09:00:00.123Z" */
#define TWC_SQL_ISO_MS(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/** "2025-01-31T09:00:00.123456Z" */
#define TWC_SQL_ISO_US(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
/** "2025-01-31T09:00:00.123456", UTC without saying so (ai-messaging) */
#define TWC_SQL_NAIVE(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
/** "2025-01-31T09:00:00.123456+00:00" (appointment-bot) */
#define TWC_SQL_OFFSET(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"

/** What the shapes below read of messages; a statement calls the source m. */
#define TWC_SQL_MESSAGE_COLUMNS                                               \
    "id, conv_id, sid, direction, source, from_addr, to_addr, body, status, error_code, error_message," \
    " num_media, extra, send_at, created_at, updated_at"

#define TWC_SQL_ITEM_COLUMNS                                                  \
    "m.id, m.sid, m.direction, m.to_addr AS to_number, m.from_addr AS from_number, m.body, m.status," \
    " m.error_message AS error, " TWC_SQL_ISO("m.created_at") " AS created_at, "                     \
    TWC_SQL_ISO("m.updated_at") " AS updated_at"

/** flask-chat's item. */
#define TWC_SQL_ITEM "(SELECT i FROM (SELECT " TWC_SQL_ITEM_COLUMNS ") i)"

/** Whose conversation message m is of: what its own row says of the other side, so that no list looks for each. */
#define TWC_SQL_PEER                                                          \
    "coalesce(CASE m.direction WHEN 'inbound' THEN m.from_addr ELSE m.to_addr END,"                   \
    " (SELECT v.peer FROM conversations v WHERE v.id = m.conv_id))"

/** docs/page-api.md's entry, but for error_reason and error_advice: see twc_entry_explain. */
#define TWC_SQL_ENTRY                                                         \
    "(SELECT i FROM (SELECT " TWC_SQL_ITEM_COLUMNS ","                        \
    " " TWC_SQL_PEER " AS peer, m.source, m.error_code, "                     \
    TWC_SQL_ISO("m.send_at") " AS send_at,"                                   \
    " CASE WHEN m.num_media > 0 THEN"                                         \
    "  coalesce((SELECT json_agg(x) FROM"                                     \
    "   (SELECT a.idx AS index, a.content_type, a.state,"                     \
    "           CASE a.state WHEN 'remote' THEN a.url ELSE 'api/media/' || m.id || '/' || a.idx END AS url" \
    "      FROM message_media a WHERE a.message_id = m.id ORDER BY a.idx) x), '[]'::json)" \
    "  ELSE '[]'::json END AS media,"                                         \
    " coalesce(m.extra, '{}'::jsonb) AS extra) i)"

/** A row of docs/page-api.md's threads; the conversation is c. A name that is the bare number, as it was once kept, is none. */
#define TWC_SQL_THREAD                                                        \
    "(SELECT i FROM (SELECT c.peer, c.channel,"                               \
    "  coalesce(nullif(btrim(concat_ws(' ', k.first_name, k.last_name)), ''), nullif(c.profile_name, c.address)) AS name," \
    "  m.body AS last_body, m.direction AS last_direction, m.status AS last_status, "                 \
    TWC_SQL_ISO("c.last_at") " AS last_at, c.unread, c.total,"                \
    "  EXISTS (SELECT 1 FROM consents o WHERE o.peer = c.peer AND o.state = 'opted_out') AS opted_out," \
    "  c.loop_guard_at IS NOT NULL AS loop_guard"                             \
    "  FROM (SELECT 1) one LEFT JOIN contacts k ON k.address = c.address"     \
    "  LEFT JOIN messages m ON m.id = c.last_message_id) i)"

/** Id of the conversation that a client's canonical address means: SMS, or WhatsApp when there is no SMS. */
#define TWC_SQL_CONV_OF(param)                                                \
    "(SELECT v.id FROM conversations v"                                       \
    "  WHERE v.peer IN (" param "::text, 'whatsapp:' || " param "::text) AND v.last_at IS NOT NULL" \
    "  ORDER BY v.peer = " param "::text DESC LIMIT 1)"

/** Where the page before message `param` starts, as (created_at, id); NULL: at the newest. A message that is gone
 *  is stood in for by the next older one. */
#define TWC_SQL_BEFORE(param)                                                 \
    "(CASE WHEN " param "::bigint IS NULL THEN 'infinity'::timestamptz ELSE"  \
    "  (SELECT b.created_at FROM messages b WHERE b.id <= " param "::bigint ORDER BY b.id DESC LIMIT 1) END," \
    " coalesce(" param "::bigint, 9223372036854775807))"

/**
 * Add error_reason and error_advice behind each error_code of JSON that was made of
 * TWC_SQL_ENTRY. The texts are twilio/error.h's; looked up here, no table of them has to
 * travel to the database and back.
 */
const char *twc_entry_explain(apr_pool_t *pool, const char *json);

#endif
