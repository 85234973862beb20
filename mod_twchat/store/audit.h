/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * audit.h - who did what. Rows are only ever added; each carries a hash over itself and the one before.
 */
#ifndef TWC_STORE_AUDIT_H
#define TWC_STORE_AUDIT_H

#include "twc.h"

/**
 * Note what ctx->actor did; in the transaction that does it, as its last statement: writers queue for the chain until they commit.
 * @param action  "user.created"
 * @param entity  "user"; id: its id as clients see it, may be NULL
 * @param before  JSON text of what it was, NULL: nothing; after: of what it is. Never secrets.
 */
apr_status_t twc_audit(twc_ctx_t *ctx, const char *action, const char *entity, const char *id, const char *before,
                       const char *after);

/**
 * The open transaction does not wait for the disk when it commits: for what strangers can cause as often as they like. A crash of the
 * database server within the next half second may lose it.
 */
apr_status_t twc_audit_softly(twc_ctx_t *ctx);

/** What to show; NULL members and 0 do not filter. */
typedef struct twc_audit_filter_t {
    const char *entity, *id;            /* as either list has them */
    const char *actor;                  /* a part of the name, in any case */
    const char *action;                 /* beginnings: "user." or "user.created,role." */
    apr_time_t since, until;
    apr_int64_t before;                 /* rows with smaller ids only: the next page */
    bool readable;                      /* nothing about accounts, roles, keys and sign-ins */
} twc_audit_filter_t;

/**
 * [{id, entity_type, entity_id, action, actor_username, before_json, after_json, created_at}…] newest first (appointment-bot): ids are
 * UUIDs, an account is an admin_user; created_at with offset.
 */
apr_status_t twc_audit_events_json(twc_ctx_t *ctx, const twc_audit_filter_t *filter, int limit, const char **json);
/**
 * Our pages: {"events":[the same, in our own terms, + entity_name, actor_kind, remote_addr, correlation_id…],"more":bool}, created_at
 * with Z.
 */
apr_status_t twc_audit_page_json(twc_ctx_t *ctx, const twc_audit_filter_t *filter, int limit, const char **json);

/** What a look at the chain found. */
typedef struct twc_audit_state_t {
    apr_int64_t rows;
    apr_int64_t broken;                 /* the first row that is changed, missing or out of its place; 0: none */
    bool head_found;                    /* a row has the hash that was asked for */
    const char *head;                   /* hash of the last row, hex: write it down elsewhere to notice a cut-off end; NULL when empty */
} twc_audit_state_t;
/** Recompute the chain. head: a hash noted earlier, hex, or NULL */
apr_status_t twc_audit_verify(twc_ctx_t *ctx, const char *head, twc_audit_state_t *state);

/** Rows as lines of JSON, oldest first, from after `after`, at most limit; last: out, the id of the last one, 0: none. */
apr_status_t twc_audit_export(twc_ctx_t *ctx, apr_int64_t after, int limit, const char **lines, apr_int64_t *last);

#endif
