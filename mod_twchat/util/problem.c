/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * problem.c - the call context and the one failure it carries.
 * Must never log: who renders a problem decides where it is told.
 * Called by everybody.
 */
#include <stdarg.h>

#include "twc.h"

void twc_ctx_init(twc_ctx_t *ctx, apr_pool_t *pool, twc_db_t *db, const twc_conf_t *conf)
{
    *ctx = (twc_ctx_t){ .pool = pool, .scratch = pool, .db = db, .conf = conf,
                        .problem = apr_pcalloc(pool, sizeof(twc_problem_t)) };
}

static apr_status_t fail(twc_ctx_t *ctx, apr_status_t status, const char *field, const char *code,
                         const char *detail, va_list args)
{
    twc_problem_t *p = ctx->problem;

    if (p->status == APR_SUCCESS)
        *p = (twc_problem_t){ .status = status, .code = code, .field = field,
                              .detail = apr_pvsprintf(ctx->pool, detail, args) };
    return status;
}

apr_status_t twc_problem(twc_ctx_t *ctx, apr_status_t status, const char *code, const char *detail, ...)
{
    va_list args;

    va_start(args, detail);
    status = fail(ctx, status, NULL, code, detail, args);
    va_end(args);
    return status;
}

apr_status_t twc_problem_field(twc_ctx_t *ctx, const char *field, const char *code,
                               const char *detail, ...)
{
    va_list args;
    apr_status_t rv;

    va_start(args, detail);
    rv = fail(ctx, APR_EINVAL, field, code, detail, args);
    va_end(args);
    return rv;
}

void twc_problem_clear(twc_ctx_t *ctx)
{
    *ctx->problem = (twc_problem_t){ .status = APR_SUCCESS };
}
