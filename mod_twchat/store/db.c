/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * db.c - statements on lent connections, within a deadline.
 * Must never hold a connection longer than a statement or a transaction, and
 * never repeat a statement that may have been executed unless it says it may.
 * Called by store/ only.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <libpq-events.h>

#include "store/rows.h"

/* How long a caller may be kept waiting for a database that has just gone away:
 * a restart takes about that long. After it, calls fail at once. */
#define AWAY_PATIENCE   apr_time_from_sec(2)
#define AWAY_PROBE      (200 * 1000)    /* one call in so many µs finds out whether it is back */
#define RETRY_PAUSE     (50 * 1000)
#define CONFLICT_TRIES  3               /* serialisation failures and deadlocks */
#define PREPARED_MAX    128

struct twc_db_t {
    twc_db_lender_t lender;
    apr_interval_time_t timeout;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *freed;
    int in_flight;
    int statements_max;
    apr_time_t away_since;              /* 0: there, as far as we know */
    apr_time_t probed_at;
};

struct twc_tx_t {
    twc_db_loan_t loan;
    bool conflict;                      /* failed with a serialisation failure or deadlock */
    bool broken;                        /* the connection is gone */
};

/* What we know of one server session; hangs on the PGconn through libpq's events. */
typedef struct session_t {
    int prepared_count;
    const twc_sql_t *prepared[PREPARED_MAX];
    bool ready;                         /* session settings made */
} session_t;

/* ---- sessions -------------------------------------------------------------- */

static int session_event(PGEventId event, void *info, void *pass)
{
    if (event == PGEVT_CONNRESET) {
        session_t *s = PQinstanceData(((PGEventConnReset *)info)->conn, session_event);
        if (s)
            *s = (session_t){ .ready = false };
    }
    else if (event == PGEVT_CONNDESTROY) {
        free(PQinstanceData(((PGEventConnDestroy *)info)->conn, session_event));
    }
    return 1;
}

static session_t *session_of(PGconn *conn)
{
    session_t *s = PQinstanceData(conn, session_event);

    if (!s && PQregisterEventProc(conn, session_event, "mod_twchat", NULL)) {
        s = calloc(1, sizeof(*s));
        if (s && !PQsetInstanceData(conn, session_event, s)) {
            free(s);
            s = NULL;
        }
    }
    return s;
}

static bool session_has(const session_t *s, const twc_sql_t *sql)
{
    for (int i = 0; i < s->prepared_count; i++)
        if (s->prepared[i] == sql)
            return true;
    return false;
}

/* ---- running one command on a connection -------------------------------------- */

/* The server may have closed the connection while it was idle: then nothing was
 * sent yet and another connection will do, whatever the statement. */
static bool gone_while_idle(PGconn *conn)
{
    struct pollfd fd = { .fd = PQsocket(conn), .events = POLLIN };

    if (PQstatus(conn) != CONNECTION_OK)
        return true;
    if (poll(&fd, 1, 0) <= 0)
        return false;
    return !PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK;
}

static bool wait_socket(PGconn *conn, short events, apr_time_t deadline)
{
    apr_interval_time_t left = deadline - apr_time_now();
    struct pollfd fd = { .fd = PQsocket(conn), .events = events };

    return left > 0 && fd.fd >= 0 && poll(&fd, 1, (int)(left / 1000) + 1) > 0;
}

/* Collect the last result of what was sent; NULL when the deadline passed or the connection broke. */
static PGresult *collect(PGconn *conn, apr_time_t deadline, bool *late)
{
    PGresult *res, *last = NULL;
    int more;

    while ((more = PQflush(conn)) > 0) {
        if (!wait_socket(conn, POLLIN | POLLOUT, deadline)) {
            *late = true;
            return NULL;
        }
        if (!PQconsumeInput(conn))
            break;
    }
    for (;;) {
        while (PQisBusy(conn)) {
            if (!wait_socket(conn, POLLIN, deadline)) {
                PQclear(last);
                *late = true;
                return NULL;
            }
            if (!PQconsumeInput(conn))
                break;
        }
        res = PQgetResult(conn);
        if (!res)
            return last;
        PQclear(last);
        last = res;
    }
}

typedef struct command_t {
    const twc_sql_t *sql;
    const twc_args_t *args;
    const char *script;                 /* instead of sql: several statements */
} command_t;

static PGresult *exec_simple(PGconn *conn, const char *text, apr_time_t deadline, bool *late)
{
    return PQsendQuery(conn, text) ? collect(conn, deadline, late) : NULL;
}

static bool succeeded(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);

    return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

static bool is_state(const PGresult *res, const char *sqlstate)
{
    const char *s = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    return s && strcmp(s, sqlstate) == 0;
}

/* Make the statement known to this session. Returns a failed result, or NULL when all is well. */
static PGresult *prepare(PGconn *conn, session_t *s, const twc_sql_t *sql, apr_time_t deadline, bool *late)
{
    PGresult *res;

    if (session_has(s, sql))
        return NULL;
    if (s->prepared_count == PREPARED_MAX || !PQsendPrepare(conn, sql->name, sql->text, 0, NULL))
        return PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    res = collect(conn, deadline, late);
    if (!res)
        return PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    if (!succeeded(res) && !is_state(res, "42P05"))     /* 42P05: it is there already */
        return res;
    PQclear(res);
    s->prepared[s->prepared_count++] = sql;
    return NULL;
}

static PGresult *exec_once(twc_db_t *db, PGconn *conn, const command_t *cmd, apr_time_t deadline, bool *late)
{
    session_t *s = session_of(conn);
    const twc_sql_t *sql = cmd->sql;
    int n = cmd->args ? cmd->args->count : 0;
    const char *const *values = cmd->args ? cmd->args->value : NULL;
    PGresult *res;

    if (!s)
        return NULL;
    if (!s->ready) {
        /* The client's own deadline is a second behind the server's, so that a slow statement
         * is normally cancelled by the server and the connection stays usable. */
        char text[96];
        apr_snprintf(text, sizeof(text), "SET statement_timeout = %" APR_INT64_T_FMT,
                     (apr_int64_t)(db->timeout / 1000));
        res = exec_simple(conn, text, deadline, late);
        s->ready = res && succeeded(res);
        PQclear(res);
        if (!s->ready)
            return NULL;
    }
    if (cmd->script)
        return exec_simple(conn, cmd->script, deadline, late);
    if (!(sql->flags & TWC_SQL_PREPARE))
        return PQsendQueryParams(conn, sql->text, n, NULL, values, NULL, NULL, 0)
                   ? collect(conn, deadline, late) : NULL;
    res = prepare(conn, s, sql, deadline, late);
    if (res)
        return res;
    return PQsendQueryPrepared(conn, sql->name, n, values, NULL, NULL, 0)
               ? collect(conn, deadline, late) : NULL;
}

/* 26000: the session forgot the statement (a pooler between us); 0A000: its result type changed. */
static PGresult *exec(twc_db_t *db, PGconn *conn, const command_t *cmd, apr_time_t deadline, bool *late)
{
    PGresult *res = exec_once(db, conn, cmd, deadline, late);
    session_t *s = session_of(conn);

    if (res && s && cmd->sql && PQtransactionStatus(conn) == PQTRANS_IDLE
        && (is_state(res, "26000") || (is_state(res, "0A000") && session_has(s, cmd->sql)))) {
        bool ignored = false;
        PQclear(exec_simple(conn, "DEALLOCATE ALL", deadline, &ignored));
        PQclear(res);
        s->prepared_count = 0;
        res = exec_once(db, conn, cmd, deadline, late);
    }
    return res;
}

/* ---- what went wrong ------------------------------------------------------------ */

static apr_status_t away(twc_ctx_t *ctx, const char *internal)
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

static apr_status_t explain(twc_ctx_t *ctx, const command_t *cmd, const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *internal = apr_psprintf(ctx->pool, "%s: %s", cmd->sql ? cmd->sql->name : "script",
                                        PQresultErrorMessage(res));
    const sqlstate_row_t *row = sqlstates;
    apr_status_t rv;

    if (!state || strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 || strncmp(state, "53", 2) == 0)
        return away(ctx, internal);
    while (strncmp(state, row->prefix, strlen(row->prefix)) != 0)
        row++;
    rv = twc_problem(ctx, row->status, row->code, "%s", row->detail);
    if (!ctx->problem->internal)
        ctx->problem->internal = internal;
    return rv;
}

/* ---- borrowing -------------------------------------------------------------------- */

apr_status_t twc_db_create(twc_db_t **db, apr_pool_t *pool, const twc_db_lender_t *lender,
                           int statements_max, apr_interval_time_t timeout)
{
    twc_db_t *d = apr_pcalloc(pool, sizeof(*d));

    d->lender = *lender;
    d->statements_max = statements_max > 0 ? statements_max : 1;
    d->timeout = timeout;
    TWC_TRY(apr_thread_mutex_create(&d->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(apr_thread_cond_create(&d->freed, pool));
    *db = d;
    return APR_SUCCESS;
}

static apr_status_t enter(twc_ctx_t *ctx, apr_time_t deadline)
{
    twc_db_t *db = ctx->db;
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(db->mutex);
    while (db->in_flight >= db->statements_max && rv == APR_SUCCESS) {
        apr_interval_time_t left = deadline - apr_time_now();
        rv = left > 0 ? apr_thread_cond_timedwait(db->freed, db->mutex, left) : APR_TIMEUP;
    }
    if (rv == APR_SUCCESS)
        db->in_flight++;
    apr_thread_mutex_unlock(db->mutex);
    if (rv != APR_SUCCESS)
        return twc_problem(ctx, APR_EAGAIN, "busy", "Too many requests are waiting for the database.");
    return APR_SUCCESS;
}

static void leave(twc_db_t *db)
{
    apr_thread_mutex_lock(db->mutex);
    db->in_flight--;
    apr_thread_cond_signal(db->freed);
    apr_thread_mutex_unlock(db->mutex);
}

/* Note how a try ended; true when another one is worth while for this caller. */
static bool note_away(twc_db_t *db, bool is_away)
{
    apr_time_t now = apr_time_now();
    bool again;

    apr_thread_mutex_lock(db->mutex);
    if (!is_away)
        db->away_since = 0;
    else if (db->away_since == 0)
        db->away_since = now;
    again = is_away && now - db->away_since < AWAY_PATIENCE;
    apr_thread_mutex_unlock(db->mutex);
    return again;
}

/* While the database has been away for long, only a probe now and then gets through. */
static bool may_try(twc_db_t *db)
{
    apr_time_t now = apr_time_now();
    bool may = true;

    apr_thread_mutex_lock(db->mutex);
    if (db->away_since && now - db->away_since >= AWAY_PATIENCE) {
        may = now - db->probed_at >= AWAY_PROBE;
        if (may)
            db->probed_at = now;
    }
    apr_thread_mutex_unlock(db->mutex);
    return may;
}

/* A connection that was alive a moment ago, inside the bound on statements in flight. */
static apr_status_t borrow(twc_ctx_t *ctx, twc_db_loan_t *loan, apr_time_t deadline)
{
    twc_db_t *db = ctx->db;

    if (!may_try(db))
        return away(ctx, "known to be away");
    TWC_TRY(enter(ctx, deadline));
    for (int i = 0; i <= db->statements_max; i++) {
        if (db->lender.take(db->lender.baton, loan) != APR_SUCCESS)
            break;
        if (!gone_while_idle(loan->conn)) {
            PQsetnonblocking(loan->conn, 1);
            return APR_SUCCESS;
        }
        db->lender.give(db->lender.baton, loan, true);
    }
    leave(db);
    return away(ctx, "no connection to be had");
}

static void give_back(twc_db_t *db, twc_db_loan_t *loan, bool broken)
{
    PGconn *conn = loan->conn;

    if (PQstatus(conn) != CONNECTION_OK || PQtransactionStatus(conn) != PQTRANS_IDLE)
        broken = true;
    if (!broken)
        PQsetnonblocking(conn, 0);
    db->lender.give(db->lender.baton, loan, broken);
    leave(db);
}

/* ---- statements --------------------------------------------------------------------- */

static apr_status_t rows_cleanup(void *data)
{
    PQclear(((twc_rows_t *)data)->res);
    return APR_SUCCESS;
}

/* One try on a connection in hand. broken: it must not be used again. */
static apr_status_t run_on(twc_ctx_t *ctx, PGconn *conn, const command_t *cmd, twc_rows_t **rows, bool *broken)
{
    bool late = false;
    PGresult *res = exec(ctx->db, conn, cmd, apr_time_now() + ctx->db->timeout + apr_time_from_sec(1), &late);
    apr_status_t rv;

    if (!res || PQstatus(conn) != CONNECTION_OK) {
        *broken = true;
        if (late) {
            PQclear(res);
            return twc_problem(ctx, APR_TIMEUP, "database_slow", "The database took too long.");
        }
        rv = away(ctx, res ? PQresultErrorMessage(res) : PQerrorMessage(conn));
        PQclear(res);
        return rv;
    }
    if (!succeeded(res)) {
        rv = explain(ctx, cmd, res);
        PQclear(res);
        return rv;
    }
    if (rows) {
        *rows = apr_palloc(ctx->pool, sizeof(**rows));
        (*rows)->res = res;
        apr_pool_cleanup_register(ctx->pool, *rows, rows_cleanup, apr_pool_cleanup_null);
        return APR_SUCCESS;
    }
    PQclear(res);
    return APR_SUCCESS;
}

static apr_status_t run_in_tx(twc_ctx_t *ctx, const command_t *cmd, twc_rows_t **rows)
{
    twc_tx_t *tx = ctx->tx;
    apr_status_t rv;

    if (tx->broken)
        return away(ctx, "the transaction's connection is gone");
    rv = run_on(ctx, tx->loan.conn, cmd, rows, &tx->broken);
    if (rv == APR_EAGAIN && ctx->problem->code && strcmp(ctx->problem->code, "conflict_retry") == 0)
        tx->conflict = true;
    return rv;
}

static apr_status_t run(twc_ctx_t *ctx, const command_t *cmd, twc_rows_t **rows)
{
    twc_db_t *db = ctx->db;
    bool idempotent = cmd->sql && (cmd->sql->flags & TWC_SQL_IDEMPOTENT);
    twc_problem_t before = *ctx->problem;
    int conflicts = 0;

    if (ctx->tx)
        return run_in_tx(ctx, cmd, rows);
    for (;;) {
        twc_db_loan_t loan;
        bool broken = false, taken, is_away, again;
        apr_status_t rv = borrow(ctx, &loan, apr_time_now() + db->timeout);

        taken = rv == APR_SUCCESS;
        if (taken) {
            rv = run_on(ctx, loan.conn, cmd, rows, &broken);
            give_back(db, &loan, broken);
        }
        is_away = rv != APR_SUCCESS && twc_db_is_away(ctx);
        again = (taken || is_away) ? note_away(db, is_away) : false;
        if (rv == APR_SUCCESS)
            return rv;
        if (ctx->problem->code && strcmp(ctx->problem->code, "conflict_retry") == 0)
            again = ++conflicts < CONFLICT_TRIES;
        else if (taken && !idempotent)
            again = false;
        if (!again)
            return rv;
        *ctx->problem = before;
        apr_sleep(is_away ? RETRY_PAUSE : 1000);
    }
}

apr_status_t twc_db_run(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_rows_t **rows)
{
    return run(ctx, &(command_t){ .sql = sql, .args = args }, rows);
}

apr_status_t twc_db_script(twc_ctx_t *ctx, const char *script)
{
    return run(ctx, &(command_t){ .script = script }, NULL);
}

apr_status_t twc_db_json(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, const char **json)
{
    twc_rows_t *rows;

    *json = NULL;
    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    if (twc_rows_count(rows) > 0 && !twc_rows_null(rows, 0, 0))
        *json = twc_rows_view(rows, 0, 0).data;   /* lives in ctx->pool, like rows */
    return APR_SUCCESS;
}

/* ---- transactions --------------------------------------------------------------------- */

static const command_t BEGIN = { .script = "BEGIN" };
static const command_t COMMIT = { .script = "COMMIT" };
static const command_t ROLLBACK = { .script = "ROLLBACK" };

static apr_status_t finish_tx(twc_ctx_t *ctx, twc_tx_t *tx, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        PGconn *conn = tx->loan.conn;
        bool failed = PQtransactionStatus(conn) == PQTRANS_INERROR;   /* fn swallowed a failure: COMMIT would roll back */

        rv = failed ? twc_problem(ctx, APR_EGENERAL, "database_error", "The database refused.")
                    : run_on(ctx, conn, &COMMIT, NULL, &tx->broken);
        if (rv != APR_SUCCESS && tx->broken) {
            twc_problem_clear(ctx);
            rv = twc_problem(ctx, APR_EAGAIN, "commit_unknown",
                             "The connection to the database broke while saving; look before you repeat this.");
        }
    }
    if (rv != APR_SUCCESS && !tx->broken && PQtransactionStatus(tx->loan.conn) != PQTRANS_IDLE) {
        twc_problem_t kept = *ctx->problem;
        run_on(ctx, tx->loan.conn, &ROLLBACK, NULL, &tx->broken);
        *ctx->problem = kept;
    }
    return rv;
}

/* One try. began: false when nothing of it can have reached the database. */
static apr_status_t try_tx(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *, void *), void *baton,
                           bool *began, bool *conflict)
{
    twc_tx_t tx = { .conflict = false };
    apr_status_t rv = borrow(ctx, &tx.loan, apr_time_now() + ctx->db->timeout);

    if (rv != APR_SUCCESS)
        return rv;
    rv = run_on(ctx, tx.loan.conn, &BEGIN, NULL, &tx.broken);
    if (rv == APR_SUCCESS) {
        *began = true;
        ctx->tx = &tx;
        rv = fn(ctx, baton);
        ctx->tx = NULL;
        rv = finish_tx(ctx, &tx, rv);
    }
    *conflict = tx.conflict;
    give_back(ctx->db, &tx.loan, tx.broken);
    return rv;
}

apr_status_t twc_tx_run(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton)
{
    twc_problem_t before = *ctx->problem;
    unsigned wake = ctx->wake;
    int conflicts = 0;

    if (ctx->tx)
        return fn(ctx, baton);
    for (;;) {
        bool began = false, conflict = false, is_away, again;
        apr_status_t rv = try_tx(ctx, fn, baton, &began, &conflict);

        if (rv == APR_SUCCESS) {
            note_away(ctx->db, false);
            return rv;
        }
        is_away = twc_db_is_away(ctx);
        again = note_away(ctx->db, is_away) && !began;
        if (!again && !(conflict && ++conflicts < CONFLICT_TRIES))
            return rv;
        *ctx->problem = before;
        ctx->wake = wake;
        apr_sleep(is_away ? RETRY_PAUSE : 1000);
    }
}
