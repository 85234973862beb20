/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * guess.c - a try at a secret, counted for what it turns out to be.
 * Must never tell an answer that could not be counted.
 * Called by domain/signin.c and domain/account.c.
 */
#include <string.h>

#include "domain/guess.h"
#include "util/clock.h"
#include "util/hasher.h"

#define PATIENCE   apr_time_from_sec(2)
#define LOOK_AGAIN (APR_USEC_PER_SEC / 5)

static bool is_code(const twc_problem_t *problem, const char *code)
{
    return problem->code && strcmp(problem->code, code) == 0;
}

apr_status_t twc_guess_begin(twc_ctx_t *ctx, twc_attempt_t *attempt)
{
    apr_time_t until = twc_clock_ticks() + PATIENCE;
    apr_status_t rv = twc_attempt_begin(ctx, attempt);

    while (rv != APR_SUCCESS && is_code(ctx->problem, "busy") && twc_clock_ticks() < until) {
        twc_problem_clear(ctx);
        TWC_TRY(twc_hasher_linger(ctx->hasher, ctx, LOOK_AGAIN));
        rv = twc_attempt_begin(ctx, attempt);
    }
    return rv;
}

apr_status_t twc_guess_end(twc_ctx_t *ctx, const twc_attempt_t *attempt, apr_status_t came_out)
{
    const twc_problem_t why = *ctx->problem;

    if (came_out == APR_SUCCESS)
        return twc_attempt_forgive(ctx, attempt);
    twc_problem_clear(ctx);
    if (came_out == APR_EACCES && !is_code(&why, "code_needed"))
        TWC_TRY(twc_attempt_fail(ctx, attempt));
    else if (twc_attempt_end(ctx, attempt) != APR_SUCCESS)
        twc_problem_clear(ctx);         /* it ends by itself */
    *ctx->problem = why;
    return came_out;
}
