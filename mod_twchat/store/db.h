/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * db.h - the only door to PostgreSQL. Connections are lent by somebody else
 * (mod_dbd in the server, a connection of their own in twchatctl and tests);
 * statements run through libpq, asynchronously, within a deadline.
 *
 * What it takes care of, so that nobody else has to: prepared statements per
 * server session (made lazily, made again after a reconnect), SQL NULL, SQLSTATE,
 * a bound on statements in flight, retries where a statement may be repeated,
 * and a connection that is clean when it goes back.
 */
#ifndef TWC_STORE_DB_H
#define TWC_STORE_DB_H

#include "twc.h"

/** One loan: what take() returns and give() gets back. */
typedef struct twc_db_loan_t {
    void *conn;                         /* PGconn */
    void *token;                        /* the lender's own */
} twc_db_loan_t;

/** Who lends connections. Both may be called from any thread. */
typedef struct twc_probe_t twc_probe_t;    /* probe.h */

typedef struct twc_db_lender_t {
    /** @return APR_SUCCESS, or an error when there is no connection to be had right now */
    apr_status_t (*take)(void *baton, twc_db_loan_t *loan);
    /** broken: the connection must not be lent again as it is */
    void (*give)(void *baton, twc_db_loan_t *loan, bool broken);
    void *baton;
} twc_db_lender_t;

/**
 * One tenant's database as this process sees it.
 * @param statements_max  statements in flight at once; a caller beyond it waits up to the statement time-out, then APR_EAGAIN
 * @param timeout         a statement that takes longer is cancelled: APR_TIMEUP. A server that does not say so within another second
 *                        counts as away, like one that cannot be reached
 */
apr_status_t twc_db_create(twc_db_t **db, apr_pool_t *pool, const twc_db_lender_t *lender,
                           int statements_max, apr_interval_time_t timeout);

/**
 * The process is about to end: from now on a statement may take two seconds, and a database that is away is not asked
 * again. From any thread, any number of times; does not wait.
 */
void twc_db_stop(twc_db_t *db);

/** How many statements and transactions are under way by way of it. From any thread. */
int twc_db_in_flight(twc_db_t *db);

/** A lender of one kind for programs without mod_dbd: its own small pool of connections. */
apr_status_t twc_db_lender_direct(twc_db_lender_t *lender, apr_pool_t *pool, const char *conninfo);
/** Why the last connection of such a lender could not be made, in libpq's words; NULL when none failed. */
const char *twc_db_lender_error(const twc_db_lender_t *lender, apr_pool_t *pool);

/** Flags of a statement. */
#define TWC_SQL_PREPARE     0x1u        /* busy: keep it prepared per session */
#define TWC_SQL_IDEMPOTENT  0x2u        /* may be run again when the connection broke under it */

/** A named statement: a static in the store file that uses it. */
typedef struct twc_sql_t {
    const char *name;                   /* [a-z0-9_]+, unique in the program */
    const char *text;
    unsigned flags;
} twc_sql_t;

#define TWC_ARGS_MAX 40

/** Arguments of one statement, $1 first. All travel as text; PostgreSQL infers types. */
typedef struct twc_args_t {
    apr_pool_t *pool;
    int count;
    const char *value[TWC_ARGS_MAX];
} twc_args_t;

void twc_args_init(twc_args_t *args, apr_pool_t *pool);
void twc_arg_text(twc_args_t *args, const char *text);             /* NULL: SQL NULL */
void twc_arg_int(twc_args_t *args, apr_int64_t value);
void twc_arg_id(twc_args_t *args, apr_int64_t id);                  /* 0 and less: SQL NULL */
void twc_arg_bool(twc_args_t *args, bool value);
void twc_arg_num(twc_args_t *args, double value);
void twc_arg_time(twc_args_t *args, apr_time_t t);                  /* 0: SQL NULL */
/** An array of text, NULL entries being SQL NULL. */
void twc_arg_array(twc_args_t *args, const char *const *values, int count);

/** A result; lives as long as the pool of the context it was made with. */
typedef struct twc_rows_t twc_rows_t;

/**
 * Run one statement on the open transaction, or on a connection held only for it.
 * @param rows  out, may be NULL
 * @return APR_SUCCESS | APR_EEXIST unique violation | APR_EINVAL a value PostgreSQL refuses (22xxx, 23514, 23502)
 *         | APR_ENOENT foreign key | APR_EAGAIN serialisation, deadlock, too busy, or no database (problem code "database_unavailable")
 *         | APR_TIMEUP too slow | APR_EGENERAL anything else; problem filled in each case
 */
apr_status_t twc_db_run(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_rows_t **rows);

/** Run several statements in one string, without arguments or result (migrations). */
apr_status_t twc_db_script(twc_ctx_t *ctx, const char *script);

/**
 * Run fn inside BEGIN ... COMMIT on one connection. fn's failure rolls back and is
 * returned; APR_SUCCESS only after the commit was acknowledged. Nested calls join the outer one.
 * Serialisation failures and deadlocks are retried twice. A failed COMMIT whose outcome is unknown is APR_EAGAIN
 * with problem code "commit_unknown".
 */
apr_status_t twc_tx_run(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton);

/**
 * The same for what has no further effect when it is done twice: it is repeated as long as twc_db_run repeats a statement
 * that says so of itself, an unknown outcome included.
 */
apr_status_t twc_tx_repeat(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton);

int twc_rows_count(const twc_rows_t *rows);
int twc_rows_affected(const twc_rows_t *rows);
bool twc_rows_null(const twc_rows_t *rows, int row, int col);
/** Copied into pool; NULL for SQL NULL. */
const char *twc_rows_text(const twc_rows_t *rows, int row, int col, apr_pool_t *pool);
/** Not copied: valid only while the result lives; "" for SQL NULL. */
twc_str_t twc_rows_view(const twc_rows_t *rows, int row, int col);
apr_int64_t twc_rows_int(const twc_rows_t *rows, int row, int col);  /* 0 for NULL */
bool twc_rows_bool(const twc_rows_t *rows, int row, int col);
/** A bytea column; data in pool. */
twc_str_t twc_rows_bytes(const twc_rows_t *rows, int row, int col, apr_pool_t *pool);

/** A statement whose one row and column is JSON text: the usual form of lists. NULL when no row. */
apr_status_t twc_db_json(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, const char **json);

/** Did the last thing that was tried find the database away? Somebody tries again now and then; meanwhile others are refused at once. */
bool twc_db_seems_away(twc_db_t *db);

/** Where its connections lead, as far as one was ever lent; NULL before. Lives as long as db. */
const twc_probe_t *twc_db_probe(twc_db_t *db);

/** How many connections were found broken so far. As long as it stays the same the server has not been away from those we had. */
apr_uint32_t twc_db_losses(const twc_db_t *db);

/** Is this SQLSTATE class "the database is away" (connection lost, shutting down, starting up)? */
bool twc_db_is_away(const twc_ctx_t *ctx);

#endif
