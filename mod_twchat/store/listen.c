/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - LISTEN and NOTIFY on a dedicated connection.
 * Must never be used for statements: those go through db.c.
 * Called by work/hub.c, on one thread.
 */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "store/listen.h"

#define KEYWORDS_MAX 64

struct twc_listener_t {
    PGconn *conn;
    char channel[64];
    bool busy;                          /* a NOTIFY is under way */
};

/* The parameters of a connection the lender has open, so that administrators configure one place. */
static PGconn *connect_like(const twc_db_lender_t *lender)
{
    const char *keys[KEYWORDS_MAX + 1] = { "connect_timeout" }, *values[KEYWORDS_MAX + 1] = { "3" };
    twc_db_loan_t loan;
    PQconninfoOption *options;
    PGconn *conn;
    int n = 1;

    if (lender->take(lender->baton, &loan) != APR_SUCCESS)
        return NULL;
    options = PQconninfo(loan.conn);
    lender->give(lender->baton, &loan, PQstatus(loan.conn) != CONNECTION_OK);
    if (!options)
        return NULL;
    for (PQconninfoOption *o = options; o->keyword && n < KEYWORDS_MAX; o++) {
        if (!o->val || !*o->val)
            continue;
        keys[n] = o->keyword;
        values[n++] = o->val;
    }
    keys[n] = NULL;
    values[n] = NULL;
    conn = PQconnectdbParams(keys, values, 0);
    PQconninfoFree(options);
    return conn;
}

apr_status_t twc_listen_open(twc_listener_t **listener, const twc_db_lender_t *lender, const char *channel)
{
    PGconn *conn = connect_like(lender);
    char text[96];
    PGresult *res = NULL;
    bool ok = false;

    if (conn && PQstatus(conn) == CONNECTION_OK) {
        apr_snprintf(text, sizeof(text), "LISTEN %s", channel);
        res = PQexec(conn, text);
        ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    }
    PQclear(res);
    *listener = ok ? calloc(1, sizeof(**listener)) : NULL;
    if (!*listener) {
        PQfinish(conn);
        return APR_EGENERAL;
    }
    (*listener)->conn = conn;
    apr_cpystrn((*listener)->channel, channel, sizeof((*listener)->channel));
    return APR_SUCCESS;
}

void twc_listen_close(twc_listener_t *l)
{
    if (l) {
        PQfinish(l->conn);
        free(l);
    }
}

int twc_listen_fd(const twc_listener_t *l)
{
    return PQsocket(l->conn);
}

apr_status_t twc_listen_read(twc_listener_t *l, bool *heard)
{
    PGnotify *note;

    *heard = false;
    if (!PQconsumeInput(l->conn) || PQstatus(l->conn) != CONNECTION_OK)
        return APR_EGENERAL;
    while (l->busy && !PQisBusy(l->conn)) {
        PGresult *res = PQgetResult(l->conn);
        if (!res)
            l->busy = false;
        PQclear(res);
    }
    while ((note = PQnotifies(l->conn))) {
        if (note->be_pid != PQbackendPID(l->conn))
            *heard = true;
        PQfreemem(note);
    }
    return APR_SUCCESS;
}

apr_status_t twc_listen_notify(twc_listener_t *l)
{
    char text[96];

    if (l->busy)
        return APR_EAGAIN;
    apr_snprintf(text, sizeof(text), "NOTIFY %s", l->channel);
    if (!PQsendQuery(l->conn, text))
        return APR_EGENERAL;
    l->busy = true;
    return APR_SUCCESS;
}
