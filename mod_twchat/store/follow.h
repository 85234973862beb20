/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * follow.h - messages that were sent and of which nothing final was heard, answers in TwiML of which nothing was
 * heard at all, and what does not get on. docs/sending.md and docs/ingest.md explain.
 */
#ifndef TWC_STORE_FOLLOW_H
#define TWC_STORE_FOLLOW_H

#include "store/db.h"

/** Age at which a message without a final status is asked for: Twilio gives up on its own queue after ten hours. */
#define TWC_FOLLOW_AFTER apr_time_from_sec(12 * 3600)

/**
 * Walk on over the outgoing messages that have reached `after`, and leave a "follow" job for each that is still on its way;
 * for one that is still in our own queue, when it will have been sent for so long. A bounded piece at a time, by one
 * process at a time, every ten seconds: more calls do nothing. ctx->wake is set when there are jobs.
 */
apr_status_t twc_follow_sweep(twc_ctx_t *ctx, apr_interval_time_t after);

/**
 * Walk on over the answers given in TwiML that have reached `after` without Twilio naming them: whether it ever got the
 * answer nobody knows. They enter the queue as an attempt with unknown outcome: looked for at Twilio, and sent when they
 * are not there. What is older than a day is marked as failed. As often and by as many as twc_follow_sweep.
 */
apr_status_t twc_follow_answers(twc_ctx_t *ctx, apr_interval_time_t after);

/** Note that Twilio has not finished with the message, or that it has. @param changed  out: it was not known before */
apr_status_t twc_follow_mark(twc_ctx_t *ctx, apr_int64_t id, bool stuck, bool *changed);

/** {"items":[{"id","sid","peer","from_number","body","status","why","since","reason"}... oldest first],"count"} */
apr_status_t twc_follow_stuck(twc_ctx_t *ctx, int limit, const char **json);

#endif
