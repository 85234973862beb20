/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * rows.c - arguments into statements, values out of results.
 * Must never hand out memory that outlives the result without copying it.
 * Called by store/ only.
 */
#include <stdlib.h>
#include <string.h>

#include "store/rows.h"
#include "util/clock.h"

void twc_args_init(twc_args_t *args, apr_pool_t *pool)
{
    args->pool = pool;
    args->count = 0;
}

void twc_arg_text(twc_args_t *args, const char *text)
{
    if (args->count == TWC_ARGS_MAX)
        abort();                        /* a statement with more parameters is a programming error */
    args->value[args->count++] = text;
}

void twc_arg_int(twc_args_t *args, apr_int64_t value)
{
    twc_arg_text(args, apr_psprintf(args->pool, "%" APR_INT64_T_FMT, value));
}

void twc_arg_id(twc_args_t *args, apr_int64_t id)
{
    if (id > 0)
        twc_arg_int(args, id);
    else
        twc_arg_text(args, NULL);
}

void twc_arg_bool(twc_args_t *args, bool value)
{
    twc_arg_text(args, value ? "t" : "f");
}

void twc_arg_num(twc_args_t *args, double value)
{
    twc_arg_text(args, apr_psprintf(args->pool, "%.9f", value));
}

void twc_arg_time(twc_args_t *args, apr_time_t t)
{
    twc_arg_text(args, t ? twc_clock_sql(args->pool, t) : NULL);
}

/* An array literal: every element quoted, quotes and backslashes escaped. */
void twc_arg_array(twc_args_t *args, const char *const *values, int count)
{
    apr_size_t need = 3;
    char *out, *p;

    for (int i = 0; i < count; i++)
        need += values[i] ? 2 * strlen(values[i]) + 3 : 5;
    p = out = apr_palloc(args->pool, need);
    *p++ = '{';
    for (int i = 0; i < count; i++) {
        if (i)
            *p++ = ',';
        if (!values[i]) {
            memcpy(p, "NULL", 4);
            p += 4;
            continue;
        }
        *p++ = '"';
        for (const char *s = values[i]; *s; s++) {
            if (*s == '"' || *s == '\\')
                *p++ = '\\';
            *p++ = *s;
        }
        *p++ = '"';
    }
    *p++ = '}';
    *p = '\0';
    twc_arg_text(args, out);
}

int twc_rows_count(const twc_rows_t *rows)
{
    return PQntuples(rows->res);
}

int twc_rows_affected(const twc_rows_t *rows)
{
    return atoi(PQcmdTuples(rows->res));
}

bool twc_rows_null(const twc_rows_t *rows, int row, int col)
{
    return PQgetisnull(rows->res, row, col);
}

const char *twc_rows_text(const twc_rows_t *rows, int row, int col, apr_pool_t *pool)
{
    if (PQgetisnull(rows->res, row, col))
        return NULL;
    return apr_pstrmemdup(pool, PQgetvalue(rows->res, row, col), PQgetlength(rows->res, row, col));
}

twc_str_t twc_rows_view(const twc_rows_t *rows, int row, int col)
{
    return (twc_str_t){ PQgetvalue(rows->res, row, col), PQgetlength(rows->res, row, col) };
}

apr_int64_t twc_rows_int(const twc_rows_t *rows, int row, int col)
{
    return PQgetisnull(rows->res, row, col) ? 0 : apr_atoi64(PQgetvalue(rows->res, row, col));
}

bool twc_rows_bool(const twc_rows_t *rows, int row, int col)
{
    return PQgetvalue(rows->res, row, col)[0] == 't';
}

twc_str_t twc_rows_bytes(const twc_rows_t *rows, int row, int col, apr_pool_t *pool)
{
    size_t len = 0;
    unsigned char *data = PQunescapeBytea((const unsigned char *)PQgetvalue(rows->res, row, col), &len);
    twc_str_t out = { NULL, 0 };

    if (data) {
        out = (twc_str_t){ apr_pmemdup(pool, data, len + 1), len };
        PQfreemem(data);
    }
    return out;
}
