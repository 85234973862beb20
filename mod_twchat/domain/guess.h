/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * guess.h - tries at what only one person should know, of which only so many may fail.
 */
#ifndef TWC_DOMAIN_GUESS_H
#define TWC_DOMAIN_GUESS_H

#include "store/signin.h"

#define TWC_GUESS_WINDOW apr_time_from_sec(60)

/**
 * Begin one; where those under way leave no room it waits for a moment, and among few, for how they come out.
 * @return APR_SUCCESS | APR_EBUSY "too_many_attempts", problem->wait says how long | APR_EAGAIN "busy", and others of the database
 */
apr_status_t twc_guess_begin(twc_ctx_t *ctx, twc_attempt_t *attempt);

/**
 * End it as it came out: APR_SUCCESS forgives, APR_EACCES failed, unless a code was merely missing; whatever else happened was no
 * answer, and does not count.
 * @return how it came out, with its problem; but not before that is counted
 */
apr_status_t twc_guess_end(twc_ctx_t *ctx, const twc_attempt_t *attempt, apr_status_t came_out);

#endif
