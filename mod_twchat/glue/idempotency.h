/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * idempotency.h - the Idempotency-Key header: the same key of the same caller on the same path
 * never does a thing twice within 24 hours.
 */
#ifndef TWC_GLUE_IDEMPOTENCY_H
#define TWC_GLUE_IDEMPOTENCY_H

#include "glue/request.h"

typedef struct twc_once_t {
    const char *scope, *key;            /* key NULL: none was given */
    bool answered;                      /* the request was answered here: the first answer again, 400, 409 or 422 */
    bool repeated;                      /* message_id was queued by an earlier request, which has not answered */
    apr_int64_t message_id;             /* the message of this request */
} twc_once_t;

/** Queue a message. Runs inside a transaction, perhaps more than once, until it is committed. */
typedef apr_status_t (*twc_once_fn)(twc_ctx_t *ctx, void *baton, apr_int64_t *message_id);

/**
 * Queue the message of this request unless its key has one already. Key and message are made in one transaction: whoever
 * dies, or is refused by fn, leaves neither behind.
 * @return APR_SUCCESS, look at once | what fn returned | errors of the database
 */
apr_status_t twc_once_run(twc_req_t *q, twc_once_t *once, twc_once_fn fn, void *baton);

/** Keep the answer for those who repeat the request; should that fail, they are told from the message itself. */
void twc_once_finish(twc_req_t *q, const twc_once_t *once, int status, const char *answer);

#endif
