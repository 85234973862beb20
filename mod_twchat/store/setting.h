/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * setting.h - small tables: automatic reply, API keys, Idempotency-Key, journal, server.
 */
#ifndef TWC_STORE_SETTING_H
#define TWC_STORE_SETTING_H

#include "store/ingest.h"
#include "store/user.h"

/** A UUID that stands for this installation: appointment-bot's tenant. */
apr_status_t twc_server_tenant(twc_ctx_t *ctx, const char **uuid);

/** What the database server says of itself: its clock and its version ("15.4"). */
apr_status_t twc_server_facts(twc_ctx_t *ctx, apr_time_t *now, const char **version);

/** Is there an index that searching conversations goes by? sql/005_search.sql could not make it where pg_trgm may not be installed. */
apr_status_t twc_server_search_index(twc_ctx_t *ctx, bool *there);

apr_status_t twc_autoreply_get(twc_ctx_t *ctx, bool *enabled, const char **message);
/** Audited. */
apr_status_t twc_autoreply_set(twc_ctx_t *ctx, bool enabled, const char *message);

/** What a key is good for. */
typedef struct twc_apikey_t {
    apr_int64_t id;
    const char *name;
    twc_role_e role;
} twc_apikey_t;
/**
 * A new key: returned once, only its hash is kept. Form: "twk_" and 43 characters. Audited.
 * @param life  until it expires; 0: never
 */
apr_status_t twc_apikey_create(twc_ctx_t *ctx, const char *name, twc_role_e role, apr_interval_time_t life, const char **key);
/** A valid key. APR_ENOENT: unknown, revoked or expired. Updates last_used_at at most once a minute. */
apr_status_t twc_apikey_check(twc_ctx_t *ctx, const char *text, twc_apikey_t *key);
/** [{"id","name","role","prefix","created_by","created_at","expires_at","last_used_at","revoked_at"}...] */
apr_status_t twc_apikey_list(twc_ctx_t *ctx, const char **json);
/** By id or prefix. Audited. APR_ENOENT */
apr_status_t twc_apikey_revoke(twc_ctx_t *ctx, const char *id_or_prefix);

typedef enum { TWC_IDEM_NEW, TWC_IDEM_REPLAY, TWC_IDEM_RUNNING, TWC_IDEM_MISMATCH } twc_idem_e;
/**
 * Claim a key, in the transaction that queues its message; waits for another transaction that has just claimed it. REPLAY sets
 * status and answer; RUNNING, a key whose first request has not answered, sets message_id.
 */
apr_status_t twc_idem_begin(twc_ctx_t *ctx, const char *scope, const char *key, twc_str_t body,
                            twc_idem_e *outcome, int *status, const char **answer, apr_int64_t *message_id);
/** Tie the message to the key, in the same transaction. */
apr_status_t twc_idem_message(twc_ctx_t *ctx, const char *scope, const char *key, apr_int64_t message_id);
/** Keep the answer for 24 h. */
apr_status_t twc_idem_finish(twc_ctx_t *ctx, const char *scope, const char *key, int status, const char *answer);

/** Write journal rows of calls that were not stored. */
typedef struct twc_journal_row_t {
    twc_call_t call;
    const char *verdict, *reason, *sid;
    int suppressed;
} twc_journal_row_t;
apr_status_t twc_journal_write(twc_ctx_t *ctx, const twc_journal_row_t *rows, int count);
/** Newest first; verdict NULL: all. JSON array. */
apr_status_t twc_journal_list(twc_ctx_t *ctx, const char *verdict, int limit, const char **json);
apr_status_t twc_journal_show(twc_ctx_t *ctx, apr_int64_t id, const char **json);
/** What a replay needs. APR_ENOENT */
apr_status_t twc_journal_load(twc_ctx_t *ctx, apr_int64_t id, twc_journal_row_t *row);
apr_status_t twc_journal_replayed(twc_ctx_t *ctx, apr_int64_t id);
/** Delete what is older than conf->journal_keep, in slices; also callbacks of strangers, old events, idempotency keys,
 *  attachments nothing refers to. */
apr_status_t twc_journal_purge(twc_ctx_t *ctx);

#endif
