/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * database.c - a schema of its own for each test program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <apr_general.h>

#include "database.h"
#include "store/migrate.h"

apr_pool_t *pool;
twc_db_t *db;

static const char *given, *schema;

/* ---- life of a program ---------------------------------------------------------------- */

bool database_begin(const char *name)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    schema = name;
    given = getenv("TWCHAT_TEST_DATABASE");
    return given != NULL;
}

int database_end(int failed)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return failed || given ? failed : 77;
}

const char *database_conninfo(void)
{
    return apr_psprintf(pool, "%s application_name=%s options='-c search_path=%s'", given, schema, schema);
}

static twc_db_t *opened(const char *conninfo)
{
    twc_db_lender_t lender;
    twc_db_t *made;

    if (twc_db_lender_direct(&lender, pool, conninfo) != APR_SUCCESS
        || twc_db_create(&made, pool, &lender, 8, apr_time_from_sec(20)) != APR_SUCCESS)
        return NULL;
    return made;
}

twc_db_t *database_another(void)
{
    return opened(database_conninfo());
}

/* What cmocka wants to hear of a step; says why it failed. */
static int done(apr_status_t rv, const twc_ctx_t *ctx)
{
    if (rv == APR_SUCCESS)
        return 0;
    print_error("%s: %s %s\n", schema, ctx->problem->detail, ctx->problem->internal ? ctx->problem->internal : "");
    return -1;
}

static int run_script(twc_db_t *in, const char *script)
{
    twc_ctx_t ctx;

    twc_ctx_init(&ctx, pool, in, &conf);
    return done(twc_db_script(&ctx, script), &ctx);
}

int database_make(void **state)
{
    const char *afresh = apr_psprintf(pool, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", schema, schema);
    twc_db_t *outside = opened(given);
    twc_ctx_t *ctx;

    db = database_another();
    if (!outside || !db || run_script(outside, afresh) != 0)
        return -1;
    ctx = ctx_new();
    return done(twc_migrate_apply(ctx, NULL, NULL), ctx);
}

int database_drop(void **state)
{
    return run_script(db, apr_psprintf(pool, "DROP SCHEMA %s CASCADE", schema));
}

/* ---- asking ------------------------------------------------------------------------------ */

twc_ctx_t *ctx_in(apr_pool_t *p)
{
    twc_ctx_t *ctx = apr_palloc(p, sizeof(*ctx));

    twc_ctx_init(ctx, p, db, &conf);
    return ctx;
}

twc_ctx_t *ctx_new(void)
{
    return ctx_in(pool);
}

static const char *value_in(apr_pool_t *p, const char *text)
{
    twc_sql_t sql = { "test", text, 0 };
    twc_rows_t *rows;

    assert_int_equal(twc_db_run(ctx_in(p), &sql, NULL, &rows), APR_SUCCESS);
    return twc_rows_count(rows) ? twc_rows_text(rows, 0, 0, p) : NULL;
}

const char *value(const char *text)
{
    return value_in(pool, text);
}

apr_int64_t count(const char *text)
{
    apr_pool_t *own;
    const char *first;
    apr_int64_t n;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    first = value_in(own, text);
    n = first ? apr_atoi64(first) : 0;
    apr_pool_destroy(own);
    return n;
}
