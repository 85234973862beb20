/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * answer.h - what happens after an inbound message was stored: reserved words
 * first, then the automatic reply, then the bot. At most one answer each.
 */
#ifndef TWC_DOMAIN_ANSWER_H
#define TWC_DOMAIN_ANSWER_H

#include "store/job.h"

/** What became of it, for the log. */
typedef enum {
    TWC_ANSWER_NONE,                    /* nothing to say */
    TWC_ANSWER_QUEUED,
    TWC_ANSWER_SILENCED,                /* the peer had its share of automatic answers */
    TWC_ANSWER_REFUSED                  /* it could not be queued; problem says why */
} twc_answer_e;

/**
 * Do the next due answer job in one transaction, or nothing.
 * @param answer   out: the job, also when it failed (job_id 0: it never got that far)
 * @return APR_SUCCESS | APR_ENOENT nothing is due | else the job is still there, try it later
 */
apr_status_t twc_answer_next(twc_ctx_t *ctx, twc_answer_t *answer, twc_answer_e *outcome);

#endif
