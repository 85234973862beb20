/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * idempotency.h - the Idempotency-Key header: the same key of the same caller on the same path
 * never does a thing twice within 24 hours.
 */
#ifndef TWC_GLUE_IDEMPOTENCY_H
#define TWC_GLUE_IDEMPOTENCY_H

#include "glue/request.h"

typedef struct twc_once_t {
    const char *scope, *key;            /* key NULL: none was given, everything below does nothing */
    bool answered;                      /* the request was answered here: the first answer again, 409 or 422 */
    apr_int64_t message_id;             /* an earlier request got this far and has not answered; 0 none */
} twc_once_t;

/**
 * Claim the key of this request, where there is one.
 * @return APR_SUCCESS, look at once->answered and message_id | errors of the database
 */
apr_status_t twc_once_begin(twc_req_t *q, twc_once_t *once);

/** Inside the transaction that queues it. */
apr_status_t twc_once_message(twc_req_t *q, const twc_once_t *once, apr_int64_t message_id);

/** Keep the answer. */
apr_status_t twc_once_finish(twc_req_t *q, const twc_once_t *once, int status, const char *answer);

/** Nothing was done: the key is free again. Leaves ctx->problem as it is, and returns rv. */
apr_status_t twc_once_forget(twc_req_t *q, const twc_once_t *once, apr_status_t rv);

#endif
