/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sqlstate.c - one table from SQLSTATE to our statuses and words.
 * Must never put PostgreSQL's words into what people outside are shown.
 * Called by db.c only.
 */
#include <string.h>

#include "store/sqlstate.h"

apr_status_t twc_sqlstate_away(twc_ctx_t *ctx, const char *internal)
{
    apr_status_t rv = twc_problem(ctx, APR_EAGAIN, "database_unavailable",
                                  "The database cannot be reached right now.");

    if (!ctx->problem->internal && internal)
        ctx->problem->internal = apr_pstrdup(ctx->pool, internal);
    return rv;
}

bool twc_db_is_away(const twc_ctx_t *ctx)
{
    return ctx->problem->code && strcmp(ctx->problem->code, "database_unavailable") == 0;
}

typedef struct sqlstate_row_t {
    const char *prefix;
    apr_status_t status;
    const char *code;
    const char *detail;
} sqlstate_row_t;

static const sqlstate_row_t sqlstates[] = {
    { "23505", APR_EEXIST, "conflict", "It exists already." },
    { "23503", APR_ENOENT, "reference", "Something this refers to does not exist." },
    { "23514", APR_EINVAL, "value", "A value is outside what is allowed." },
    { "23502", APR_EINVAL, "value", "A value is missing." },
    { "22", APR_EINVAL, "value", "A value cannot be stored." },
    { "40001", APR_EAGAIN, "conflict_retry", "Somebody else changed the same thing at the same moment; try again." },
    { "40P01", APR_EAGAIN, "conflict_retry", "Somebody else changed the same thing at the same moment; try again." },
    { "55P03", APR_EAGAIN, "conflict_retry", "Somebody else is changing the same thing; try again." },
    { "57014", APR_TIMEUP, "database_slow", "The database took too long." },
    { "42", APR_EGENERAL, "database_schema", "The database does not have the expected schema." },
    { "3F", APR_EGENERAL, "database_schema", "The database does not have the expected schema." },
    { "", APR_EGENERAL, "database_error", "The database refused." },
};

apr_status_t twc_sqlstate_explain(twc_ctx_t *ctx, const char *name, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *internal = apr_psprintf(ctx->pool, "%s: %s", name, PQresultErrorMessage(res));
    const sqlstate_row_t *row = sqlstates;
    apr_status_t rv;

    if (!state || strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 || strncmp(state, "53", 2) == 0)
        return twc_sqlstate_away(ctx, internal);
    while (strncmp(state, row->prefix, strlen(row->prefix)) != 0)
        row++;
    rv = twc_problem(ctx, row->status, row->code, "%s", row->detail);
    if (!ctx->problem->internal)
        ctx->problem->internal = internal;
    return rv;
}
