/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * db.c - statements on lent connections, within a deadline.
 * Must never hold a connection longer than a statement or a transaction, and
 * never repeat a statement that may have been executed unless it says it may.
 * Called by store/ only.
 */
#include <string.h>

#include <apr_atomic.h>

#include "store/probe.h"
#include "store/rows.h"
#include "store/session.h"
#include "store/sqlstate.h"
#include "util/clock.h"
#include "util/monitor.h"

/* How long a caller may be kept waiting for a database that has just gone away:
 * a restart takes about that long. After it, calls fail at once. */
#define AWAY_PATIENCE   apr_time_from_sec(2)
#define RETRY_PAUSE     (50 * 1000)     /* meanwhile one call in so many µs finds out whether it is back, */
#define AWAY_PROBE      (200 * 1000)    /* after it one in these, */
#define LONG_AWAY       apr_time_from_sec(10)
#define LONG_PROBE      apr_time_from_sec(1)    /* and then in these: httpd logs every failure */
#define CONFLICT_TRIES  3               /* serialisation failures and deadlocks */
#define STOP_PATIENCE   apr_time_from_sec(2)    /* per statement while the process ends: httpd's parent kills it after nine */

struct twc_db_t {
    twc_db_lender_t lender;
    apr_interval_time_t timeout;
    twc_monitor_t *monitor;
    int in_flight;
    int statements_max;
    apr_time_t away_since;              /* 0: there, as far as we know */
    apr_time_t probed_at;
    bool probing;                       /* somebody is finding out right now */
    bool lending;                       /* somebody is inside lender.take() */
    twc_probe_t *probe;                 /* NULL until there was a connection */
    apr_time_t stop_at;                 /* 0: not stopping */
    apr_uint32_t stopping;              /* atomic: stop_at is set */
    apr_uint32_t losses;                /* atomic */
};

struct twc_tx_t {
    twc_db_loan_t loan;
    bool conflict;                      /* failed with a serialisation failure or deadlock */
    bool broken;                        /* the connection is gone */
};

/* ---- borrowing -------------------------------------------------------------------- */

static apr_status_t free_probe(void *db)
{
    twc_probe_free(((twc_db_t *)db)->probe);
    return APR_SUCCESS;
}

apr_status_t twc_db_create(twc_db_t **db, apr_pool_t *pool, const twc_db_lender_t *lender,
                           int statements_max, apr_interval_time_t timeout)
{
    twc_db_t *d = apr_pcalloc(pool, sizeof(*d));

    d->lender = *lender;
    d->statements_max = statements_max > 0 ? statements_max : 1;
    d->timeout = timeout;
    apr_pool_cleanup_register(pool, d, free_probe, apr_pool_cleanup_null);
    TWC_TRY(twc_monitor_create(&d->monitor, pool));
    *db = d;
    return APR_SUCCESS;
}

void twc_db_stop(twc_db_t *db)
{
    twc_monitor_lock(db->monitor);
    if (!db->stop_at)
        db->stop_at = twc_clock_ticks();
    apr_atomic_set32(&db->stopping, 1);
    twc_monitor_broadcast(db->monitor);
    twc_monitor_unlock(db->monitor);
}

static bool is_stopping(twc_db_t *db)
{
    return apr_atomic_read32(&db->stopping) != 0;
}

/* With the lock held: how long something that began then may wait, if the process ends. */
static apr_time_t stop_bound(const twc_db_t *db, apr_time_t began)
{
    return db->stop_at ? (began > db->stop_at ? began : db->stop_at) + STOP_PATIENCE : APR_INT64_MAX;
}

/* When a statement that began then must be over at the latest (twc_patience_t). */
static apr_time_t statement_bound(void *baton, apr_time_t began)
{
    twc_db_t *db = baton;
    apr_time_t most = APR_INT64_MAX;

    if (is_stopping(db)) {              /* without the lock as long as it is not: this is asked for each statement */
        twc_monitor_lock(db->monitor);
        most = stop_bound(db, began);
        twc_monitor_unlock(db->monitor);
    }
    return most;
}

int twc_db_in_flight(twc_db_t *db)
{
    int count;

    twc_monitor_lock(db->monitor);
    count = db->in_flight;
    twc_monitor_unlock(db->monitor);
    return count;
}

static bool is_full(const twc_db_t *db)
{
    return db->in_flight >= db->statements_max || db->lending;
}

/* Wait for a place among the statements in flight, and for the lender: whoever makes a connection may keep the others waiting
 * in there without end, so they wait here instead, and not when it has turned out that the database is away. */
static apr_status_t enter(twc_ctx_t *ctx, bool probe)
{
    twc_db_t *db = ctx->db;
    apr_time_t began = twc_clock_ticks();
    bool refused, full;

    twc_monitor_lock(db->monitor);
    while (is_full(db) && (probe || !db->away_since)) {
        apr_time_t until = began + db->timeout, most = stop_bound(db, began);

        if (!twc_monitor_wait_until(db->monitor, most < until ? most : until))
            break;
    }
    refused = db->away_since && !probe;
    full = is_full(db);
    if (!refused && !full) {
        db->in_flight++;
        db->lending = true;
    }
    twc_monitor_unlock(db->monitor);
    if (refused)
        return twc_sqlstate_away(ctx, "known to be away");
    if (full)
        return twc_problem(ctx, APR_EAGAIN, "busy", "Too many requests are waiting for the database.");
    return APR_SUCCESS;
}

/* The lender is free for the next one. Whoever has borrowed from it alone may look at the connection, so it is here that we learn
 * where it leads. */
static void lent(twc_db_t *db, PGconn *conn)
{
    twc_probe_t *probe = conn && !db->probe ? twc_probe_create(conn) : NULL;

    twc_monitor_lock(db->monitor);
    if (probe)
        db->probe = probe;
    db->lending = false;
    twc_monitor_signal(db->monitor);
    twc_monitor_unlock(db->monitor);
}

static void leave(twc_db_t *db)
{
    twc_monitor_lock(db->monitor);
    db->in_flight--;
    twc_monitor_signal(db->monitor);
    twc_monitor_unlock(db->monitor);
}

/* Note how a try ended; true when another one is worth while for this caller. */
static bool note_away(twc_db_t *db, bool is_away)
{
    apr_time_t now = twc_clock_ticks();
    bool again;

    twc_monitor_lock(db->monitor);
    if (!is_away)
        db->away_since = 0;
    else if (db->away_since == 0) {
        db->away_since = db->probed_at = now;
        twc_monitor_broadcast(db->monitor);
    }
    again = is_away && now - db->away_since < AWAY_PATIENCE && !db->stop_at;
    twc_monitor_unlock(db->monitor);
    return again;
}

static apr_interval_time_t probe_gap(apr_interval_time_t away_for)
{
    if (away_for < AWAY_PATIENCE)
        return RETRY_PAUSE;
    return away_for < LONG_AWAY ? AWAY_PROBE : LONG_PROBE;
}

/* While the database is away only a probe now and then gets through, and one at a time: where it is frozen, or the way to it
 * swallows what is sent, a probe takes as long as connecting may take, and those that make connections wait for each other.
 * A process that ends has no time for that. */
static bool may_try(twc_db_t *db, bool *probe)
{
    apr_time_t now = twc_clock_ticks();
    bool may = true;

    twc_monitor_lock(db->monitor);
    if (db->away_since) {
        may = *probe = !db->stop_at && !db->probing && now - db->probed_at >= probe_gap(now - db->away_since);
        if (may) {
            db->probed_at = now;
            db->probing = true;
        }
    }
    twc_monitor_unlock(db->monitor);
    return may;
}

static void end_probe(twc_db_t *db, bool probe)
{
    if (!probe)
        return;
    twc_monitor_lock(db->monitor);
    db->probing = false;
    twc_monitor_unlock(db->monitor);
}

bool twc_db_seems_away(twc_db_t *db)
{
    bool away;

    twc_monitor_lock(db->monitor);
    away = db->away_since != 0;
    twc_monitor_unlock(db->monitor);
    return away;
}

const twc_probe_t *twc_db_probe(twc_db_t *db)
{
    const twc_probe_t *probe;

    twc_monitor_lock(db->monitor);
    probe = db->probe;
    twc_monitor_unlock(db->monitor);
    return probe;
}

apr_uint32_t twc_db_losses(const twc_db_t *db)
{
    return apr_atomic_read32((apr_uint32_t *)&db->losses);
}

static apr_status_t take(twc_db_t *db, twc_db_loan_t *loan)
{
    for (int i = 0; i <= db->statements_max; i++) {
        if (db->lender.take(db->lender.baton, loan) != APR_SUCCESS)
            break;
        if (!twc_session_gone(loan->conn)) {
            PQsetnonblocking(loan->conn, 1);
            return APR_SUCCESS;
        }
        apr_atomic_inc32(&db->losses);
        db->lender.give(db->lender.baton, loan, true);
    }
    return APR_EAGAIN;
}

/* A connection that was alive a moment ago, inside the bound on statements in flight.
 * probe: out, also when it fails: the caller calls end_probe() when it is done */
static apr_status_t borrow(twc_ctx_t *ctx, twc_db_loan_t *loan, bool *probe)
{
    twc_db_t *db = ctx->db;
    apr_status_t rv;

    *probe = false;
    if (!may_try(db, probe))
        return twc_sqlstate_away(ctx, "known to be away");
    TWC_TRY(enter(ctx, *probe));
    rv = *probe && db->probe && !twc_probe_answers(db->probe) ? APR_EAGAIN : take(db, loan);
    lent(db, rv == APR_SUCCESS ? loan->conn : NULL);
    if (rv == APR_SUCCESS)
        return rv;
    leave(db);
    return twc_sqlstate_away(ctx, "no connection to be had");
}

static void give_back(twc_db_t *db, twc_db_loan_t *loan, bool broken)
{
    PGconn *conn = loan->conn;

    if (PQstatus(conn) != CONNECTION_OK || PQtransactionStatus(conn) != PQTRANS_IDLE)
        broken = true;
    if (broken)
        apr_atomic_inc32(&db->losses);
    else
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
static apr_status_t run_on(twc_ctx_t *ctx, PGconn *conn, const twc_command_t *cmd, twc_rows_t **rows, bool *broken)
{
    bool late = false;
    const twc_patience_t patience = { .timeout = ctx->db->timeout, .most = statement_bound, .baton = ctx->db };
    PGresult *res = twc_session_run(conn, cmd, &patience, &late);
    apr_status_t rv;

    if (!res || PQstatus(conn) != CONNECTION_OK) {
        *broken = true;
        if (late) {                     /* it did not even say that it took too long: it is frozen, or the way to it is cut */
            PQclear(res);
            return twc_sqlstate_away(ctx, "no answer in time");
        }
        rv = twc_sqlstate_away(ctx, res ? PQresultErrorMessage(res) : PQerrorMessage(conn));
        PQclear(res);
        return rv;
    }
    if (!twc_session_succeeded(res)) {
        rv = twc_sqlstate_explain(ctx, cmd->sql ? cmd->sql->name : "script", res);
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

static apr_status_t run_in_tx(twc_ctx_t *ctx, const twc_command_t *cmd, twc_rows_t **rows)
{
    twc_tx_t *tx = ctx->tx;
    apr_status_t rv;

    if (tx->broken)
        return twc_sqlstate_away(ctx, "the transaction's connection is gone");
    rv = run_on(ctx, tx->loan.conn, cmd, rows, &tx->broken);
    if (rv == APR_EAGAIN && ctx->problem->code && strcmp(ctx->problem->code, "conflict_retry") == 0)
        tx->conflict = true;
    return rv;
}

static apr_status_t run(twc_ctx_t *ctx, const twc_command_t *cmd, twc_rows_t **rows)
{
    twc_db_t *db = ctx->db;
    bool idempotent = cmd->sql && (cmd->sql->flags & TWC_SQL_IDEMPOTENT);
    twc_problem_t before = *ctx->problem;
    apr_time_t give_up = twc_clock_ticks() + AWAY_PATIENCE;
    int conflicts = 0;

    if (ctx->tx)
        return run_in_tx(ctx, cmd, rows);
    for (;;) {
        twc_db_loan_t loan;
        bool broken = false, probe, taken, is_away, again;
        apr_status_t rv = borrow(ctx, &loan, &probe);

        taken = rv == APR_SUCCESS;
        if (taken) {
            rv = run_on(ctx, loan.conn, cmd, rows, &broken);
            give_back(db, &loan, broken);
        }
        is_away = rv != APR_SUCCESS && twc_db_is_away(ctx);
        again = (taken || is_away) ? note_away(db, is_away) : false;
        end_probe(db, probe);
        if (rv == APR_SUCCESS)
            return rv;
        if (ctx->problem->code && strcmp(ctx->problem->code, "conflict_retry") == 0)
            again = ++conflicts < CONFLICT_TRIES;
        else if (taken && !idempotent)
            again = false;
        if (!again || (is_away && twc_clock_ticks() >= give_up))
            return rv;
        *ctx->problem = before;
        apr_sleep(is_away ? RETRY_PAUSE : 1000);
    }
}

apr_status_t twc_db_run(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_rows_t **rows)
{
    return run(ctx, &(twc_command_t){ .sql = sql, .args = args }, rows);
}

apr_status_t twc_db_script(twc_ctx_t *ctx, const char *script)
{
    return run(ctx, &(twc_command_t){ .script = script }, NULL);
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

static const twc_command_t BEGIN = { .script = "BEGIN" };
static const twc_command_t COMMIT = { .script = "COMMIT" };
static const twc_command_t ROLLBACK = { .script = "ROLLBACK" };

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
                           bool *began, bool *conflict, bool *probe)
{
    twc_tx_t tx = { .conflict = false };
    apr_status_t rv = borrow(ctx, &tx.loan, probe);

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

static bool commit_unknown(const twc_ctx_t *ctx)
{
    return ctx->problem->code && strcmp(ctx->problem->code, "commit_unknown") == 0;
}

static apr_status_t run_tx(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton, bool idempotent)
{
    twc_problem_t before = *ctx->problem;
    apr_time_t give_up = twc_clock_ticks() + AWAY_PATIENCE;
    unsigned wake = ctx->wake;
    int conflicts = 0;

    if (ctx->tx)
        return fn(ctx, baton);
    for (;;) {
        bool began = false, conflict = false, probe, is_away, again;
        apr_status_t rv = try_tx(ctx, fn, baton, &began, &conflict, &probe);

        is_away = rv != APR_SUCCESS && (twc_db_is_away(ctx) || commit_unknown(ctx));
        again = (began || is_away) && note_away(ctx->db, is_away) && (idempotent || !began) && twc_clock_ticks() < give_up;
        end_probe(ctx->db, probe);
        if (rv == APR_SUCCESS)
            return rv;
        if (!again && !(conflict && ++conflicts < CONFLICT_TRIES))
            return rv;
        *ctx->problem = before;
        ctx->wake = wake;
        apr_sleep(is_away ? RETRY_PAUSE : 1000);
    }
}

apr_status_t twc_tx_run(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton)
{
    return run_tx(ctx, fn, baton, false);
}

apr_status_t twc_tx_repeat(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton)
{
    return run_tx(ctx, fn, baton, true);
}
