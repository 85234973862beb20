/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * list.h - what the interfaces show, as JSON that PostgreSQL built in the shape
 * each of them is used to; passed through without being taken apart.
 * All return JSON text in ctx->pool. Limits are already clamped by the caller.
 */
#ifndef TWC_STORE_LIST_H
#define TWC_STORE_LIST_H

#include "twc.h"

/* flask-chat: {"items":[item...],"count":n} and relatives (api/flask_chat.c says when) */
apr_status_t twc_list_flask_messages(twc_ctx_t *ctx, const char *direction, int limit, const char **json);
apr_status_t twc_list_flask_conversations(twc_ctx_t *ctx, int limit, const char **json);
/** peer: canonical; participant: as the client wrote it, echoed. SMS first, WhatsApp when there is no SMS conversation. */
apr_status_t twc_list_flask_thread(twc_ctx_t *ctx, const char *peer, const char *participant, int limit, const char **json);
apr_status_t twc_list_flask_stats(twc_ctx_t *ctx, const char **json);

/* sms-store */
typedef struct twc_stored_filter_t {
    const char *direction;              /* inbound, outbound or NULL */
    int processed;                      /* 1, 0 or -1: any */
    const char *phone;                  /* canonical address, sender or recipient, or NULL */
    int limit;
} twc_stored_filter_t;
apr_status_t twc_list_stored(twc_ctx_t *ctx, const twc_stored_filter_t *filter, const char **json);
/** APR_ENOENT when uuid is none of ours. */
apr_status_t twc_list_stored_one(twc_ctx_t *ctx, const char *uuid, const char **json);

/* our own pages: docs/page-api.md */
apr_status_t twc_list_entries(twc_ctx_t *ctx, const char *direction, apr_int64_t before, int limit, const char **json);
apr_status_t twc_list_threads(twc_ctx_t *ctx, const char *search, const char *before, int limit, const char **json);
apr_status_t twc_list_thread(twc_ctx_t *ctx, const char *peer, const char **json);
apr_status_t twc_list_thread_entries(twc_ctx_t *ctx, const char *peer, apr_int64_t before, int limit, const char **json);
apr_status_t twc_list_stats(twc_ctx_t *ctx, const char **json);

#endif
