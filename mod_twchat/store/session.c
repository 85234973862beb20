/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * session.c - prepared statements per server session, and libpq driven asynchronously.
 * Must never wait without a deadline, nor trust a prepared statement of a session that was reset.
 * Called by db.c only.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-events.h>

#include "store/session.h"
#include "util/clock.h"

#define PREPARED_MAX    128
#define REPLAN_FIRST    64              /* uses after which a statement is prepared again, four times as many each time ... */
#define REPLAN_LAST     65536           /* ... up to this */
#define SLICE           apr_time_from_msec(100) /* after so long a wait looks whether it may go on */

/* A plan is made for the tables as they are at that moment. One made while they were nearly empty reads
 * them whole, and stays: so plans are thrown away now and then, soon at first. */
typedef struct prepared_t {
    const twc_sql_t *sql;
    int uses, replan_at;
} prepared_t;

/* What we know of one server session; hangs on the PGconn through libpq's events. */
typedef struct session_t {
    int prepared_count;
    prepared_t prepared[PREPARED_MAX];
    bool ready;                         /* session settings made */
    bool plan_once;                     /* plans are made for any values, not for those at hand */
} session_t;

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

static prepared_t *session_find(session_t *s, const twc_sql_t *sql)
{
    for (int i = 0; i < s->prepared_count; i++)
        if (s->prepared[i].sql == sql)
            return &s->prepared[i];
    return NULL;
}

/* ---- running one command on a connection -------------------------------------- */

/* The server may have closed the connection while it was idle: then nothing was
 * sent yet and another connection will do, whatever the statement. */
bool twc_session_gone(PGconn *conn)
{
    struct pollfd fd = { .fd = PQsocket(conn), .events = POLLIN };

    if (PQstatus(conn) != CONNECTION_OK)
        return true;
    if (poll(&fd, 1, 0) <= 0)
        return false;
    return !PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK;
}

/* One command's: when it began, and what it may take. */
typedef struct limit_t {
    const twc_patience_t *patience;
    apr_time_t began;
} limit_t;

/* The client's own deadline is a second behind the server's, so that a slow statement
 * is normally cancelled by the server and the connection stays usable. */
static apr_interval_time_t time_left(const limit_t *limit)
{
    const twc_patience_t *p = limit->patience;
    apr_time_t until = limit->began + p->timeout + apr_time_from_sec(1), most = p->most(p->baton, limit->began);

    return (most < until ? most : until) - twc_clock_ticks();
}

static bool wait_socket(PGconn *conn, short events, const limit_t *limit)
{
    struct pollfd fd = { .fd = PQsocket(conn), .events = events };
    int ready;

    do {
        apr_interval_time_t left = time_left(limit);
        if (left <= 0 || fd.fd < 0)
            return false;
        ready = poll(&fd, 1, left < SLICE ? (int)(left / 1000) + 1 : (int)(SLICE / 1000));
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return ready > 0;
}

/* Collect the last result of what was sent; NULL when the deadline passed or the connection broke. */
static PGresult *collect(PGconn *conn, const limit_t *limit, bool *late)
{
    PGresult *res, *last = NULL;
    int more;

    while ((more = PQflush(conn)) > 0) {
        if (!wait_socket(conn, POLLIN | POLLOUT, limit)) {
            *late = true;
            return NULL;
        }
        if (!PQconsumeInput(conn))
            break;
    }
    for (;;) {
        while (PQisBusy(conn)) {
            if (!wait_socket(conn, POLLIN, limit)) {
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

static PGresult *exec_simple(PGconn *conn, const char *text, const limit_t *limit, bool *late)
{
    return PQsendQuery(conn, text) ? collect(conn, limit, late) : NULL;
}

bool twc_session_succeeded(const PGresult *res)
{
    ExecStatusType st = PQresultStatus(res);

    return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

static bool is_state(const PGresult *res, const char *sqlstate)
{
    const char *s = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    return s && strcmp(s, sqlstate) == 0;
}

/* Let the session forget a statement whose plan is old. */
static bool forget(PGconn *conn, const prepared_t *p, const limit_t *limit, bool *late)
{
    char text[96];
    PGresult *res;
    bool ok;

    apr_snprintf(text, sizeof(text), "DEALLOCATE %s", p->sql->name);
    res = exec_simple(conn, text, limit, late);
    ok = res && twc_session_succeeded(res);
    PQclear(res);
    return ok;
}

/* Make the statement known to this session. Returns a failed result, or NULL when all is well. */
static PGresult *prepare(PGconn *conn, session_t *s, const twc_sql_t *sql, const limit_t *limit, bool *late)
{
    prepared_t *p = session_find(s, sql);
    PGresult *res;

    if (p && (++p->uses < p->replan_at || !forget(conn, p, limit, late)))
        return NULL;
    if (!p && s->prepared_count == PREPARED_MAX)
        return PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    res = PQsendPrepare(conn, sql->name, sql->text, 0, NULL) ? collect(conn, limit, late) : NULL;
    if (!res)
        return PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    if (!twc_session_succeeded(res) && !is_state(res, "42P05"))     /* 42P05: it is there already */
        return res;
    PQclear(res);
    if (!p) {
        p = &s->prepared[s->prepared_count++];
        *p = (prepared_t){ .sql = sql, .replan_at = REPLAN_FIRST / 4 };
    }
    p->uses = 0;
    p->replan_at = p->replan_at < REPLAN_LAST ? p->replan_at * 4 : REPLAN_LAST;
    return NULL;
}

/* What is kept prepared is written so that one plan fits all values. PostgreSQL would make one for each call nevertheless, because
 * it takes a page whose length it does not know for a large one; for a list that costs as much as running it.
 * The other statements want a plan for their values. A rollback would take the setting back, so it is left alone in transactions. */
static bool plan_once(PGconn *conn, session_t *s, bool once, const limit_t *limit, bool *late)
{
    PGresult *res;

    if (s->plan_once == once || PQtransactionStatus(conn) != PQTRANS_IDLE)
        return true;
    res = exec_simple(conn, once ? "SET plan_cache_mode = force_generic_plan" : "SET plan_cache_mode = auto", limit, late);
    if (res && twc_session_succeeded(res))
        s->plan_once = once;
    PQclear(res);
    return s->plan_once == once;
}

static PGresult *exec_once(PGconn *conn, const twc_command_t *cmd, const limit_t *limit, bool *late)
{
    session_t *s = session_of(conn);
    const twc_sql_t *sql = cmd->sql;
    int n = cmd->args ? cmd->args->count : 0;
    const char *const *values = cmd->args ? cmd->args->value : NULL;
    PGresult *res;

    if (!s)
        return NULL;
    if (!s->ready) {
        /* Compiling a statement takes 100 ms and more, each time, and saves less on rows as few as ours. */
        char text[96];
        apr_snprintf(text, sizeof(text), "SET statement_timeout = %" APR_INT64_T_FMT "; SET jit = off",
                     (apr_int64_t)(limit->patience->timeout / 1000));
        res = exec_simple(conn, text, limit, late);
        s->ready = res && twc_session_succeeded(res);
        PQclear(res);
        if (!s->ready)
            return NULL;
    }
    if (cmd->script)
        return exec_simple(conn, cmd->script, limit, late);
    if (!plan_once(conn, s, sql->flags & TWC_SQL_PREPARE, limit, late))
        return NULL;
    if (!(sql->flags & TWC_SQL_PREPARE))
        return PQsendQueryParams(conn, sql->text, n, NULL, values, NULL, NULL, 0)
                   ? collect(conn, limit, late) : NULL;
    res = prepare(conn, s, sql, limit, late);
    if (res)
        return res;
    return PQsendQueryPrepared(conn, sql->name, n, values, NULL, NULL, 0)
               ? collect(conn, limit, late) : NULL;
}

/* 26000: the session forgot the statement (a pooler between us); 0A000: its result type changed. */
PGresult *twc_session_run(PGconn *conn, const twc_command_t *cmd, const twc_patience_t *patience, bool *late)
{
    limit_t limit = { .patience = patience, .began = twc_clock_ticks() };
    PGresult *res = exec_once(conn, cmd, &limit, late);
    session_t *s = session_of(conn);

    if (res && s && cmd->sql && PQtransactionStatus(conn) == PQTRANS_IDLE
        && (is_state(res, "26000") || (is_state(res, "0A000") && session_find(s, cmd->sql)))) {
        bool ignored = false;
        PQclear(exec_simple(conn, "DEALLOCATE ALL", &limit, &ignored));
        PQclear(res);
        s->prepared_count = 0;
        res = exec_once(conn, cmd, &limit, late);
    }
    return res;
}
