/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * consent.c - the history of consent and the state it leads to.
 * Must never change or remove an event.
 * Called by domain/, for keywords and operators, and by the sender for error 21610.
 */
#include "store/consent.h"
#include "store/sql.h"
#include "util/phone.h"

static const twc_sql_t SQL_STATE = { "twc_consent_state",
    "SELECT " TWC_SQL_OPTED_OUT("$1::text", "$2::text", "$3::text"),
    TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

apr_status_t twc_consent_state(twc_ctx_t *ctx, const char *sender, const char *service, const char *peer,
                               bool *opted_out)
{
    twc_args_t args;
    twc_rows_t *rows;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, peer);
    twc_arg_text(&args, sender);
    twc_arg_text(&args, service);
    TWC_TRY(twc_db_run(ctx, &SQL_STATE, &args, &rows));
    *opted_out = twc_rows_bool(rows, 0, 0);
    return APR_SUCCESS;
}

/* Ids of events rise, so the larger one is what the person said last, whoever commits first. Words that had to wait
 * for their turn, or in the spool, do not undo what the same person has written since. */
static const twc_sql_t SQL_RECORD = { "twc_consent_record",
    "WITH said AS ("
    " INSERT INTO consent_events (sender, peer, state, source, evidence, message_id)"
    " SELECT g.sender, $2, $3, $4, $5, $6::bigint"
    "   FROM (SELECT $1::text AS sender"
    "         UNION SELECT '*' FROM consents a"
    "          WHERE a.peer = $2 AND a.sender = '*' AND a.state = 'opted_out' AND $3::text = 'opted_in') g"
    " RETURNING id, sender"
    "), kept AS ("
    " INSERT INTO consents AS c (peer, sender, state, event_id)"
    " SELECT $2, sender, $3, id FROM said ORDER BY sender"
    " ON CONFLICT (peer, sender) DO UPDATE SET state = EXCLUDED.state, event_id = EXCLUDED.event_id"
    "  WHERE c.event_id < EXCLUDED.event_id AND NOT EXISTS ("
    "   SELECT 1 FROM consent_events e JOIN messages o ON o.id = e.message_id JOIN messages n ON n.id = $6::bigint"
    "    WHERE e.id = c.event_id AND o.direction = 'inbound' AND n.direction = 'inbound'"
    "      AND (o.created_at, o.id) > (n.created_at, n.id))"
    " RETURNING 1"
    ") "
    "INSERT INTO contacts AS k (address, opt_in_status) SELECT $7, $3 WHERE EXISTS (SELECT 1 FROM kept)"
    " ON CONFLICT (address) DO UPDATE SET opt_in_status = EXCLUDED.opt_in_status, updated_at = now()"
    "  WHERE k.opt_in_status <> EXCLUDED.opt_in_status",
    0 };

apr_status_t twc_consent_record(twc_ctx_t *ctx, const char *sender, const char *peer, bool opted_out,
                                const char *source, const char *evidence, apr_int64_t message_id)
{
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, sender);
    twc_arg_text(&args, peer);
    twc_arg_text(&args, opted_out ? "opted_out" : "opted_in");
    twc_arg_text(&args, source);
    twc_arg_text(&args, evidence);
    twc_arg_id(&args, message_id);
    twc_arg_text(&args, twc_phone_bare(peer));
    TWC_TRY(twc_db_run(ctx, &SQL_RECORD, &args, NULL));
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

const twc_sql_t *const twc_consent_sql[] = { &SQL_STATE, &SQL_RECORD, NULL };
