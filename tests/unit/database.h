/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * database.h - a schema of its own for each test program, in the database that TWCHAT_TEST_DATABASE, a conninfo
 * string, leads to.
 */
#ifndef TESTS_UNIT_DATABASE_H
#define TESTS_UNIT_DATABASE_H

#include <stdbool.h>

#include "store/db.h"

extern apr_pool_t *pool;                /* as long as the program */
extern twc_db_t *db;                    /* between database_make and database_drop */
extern twc_conf_t conf;                 /* defined by the program: what its contexts have */

/* ---- life of a program ---- */

/** All of main: a group of tests in a schema of that name. @return what main returns */
#define database_run(name, tests, setup, teardown)                            \
    database_end(database_begin(name) ? cmocka_run_group_tests(tests, setup, teardown) : 0)

/* Or in parts, where some tests need no database: */

/**
 * Begin main: APR and `pool`.
 * @param name  of the schema and, for pg_stat_activity, of the program
 * @return false: there is no database, and nothing that needs one may be run
 */
bool database_begin(const char *name);
/** Set up a group: the schema, afresh and as the newest migration leaves it. */
int database_make(void **state);
/** Tear a group down: no schema any more. */
int database_drop(void **state);
/** End main. @return what it returns: failed, or 77 (skipped) when nothing failed and there was no database */
int database_end(int failed);

/** How to get into the schema without `db`. */
const char *database_conninfo(void);
/** Connections beside those of `db`, as another process has them; NULL when there are none. */
twc_db_t *database_another(void);

/* ---- asking ---- */

/** A context in `pool`. */
twc_ctx_t *ctx_new(void);
/** One in a pool of the caller's; for threads. */
twc_ctx_t *ctx_in(apr_pool_t *p);
/** Run a statement. @return the first column of the first row, in `pool`; NULL for SQL NULL and where there is no row */
const char *value(const char *text);
/** The same as a number; 0 for NULL. Leaves nothing in `pool`. */
apr_int64_t count(const char *text);

#endif
