/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - LISTEN and NOTIFY on a dedicated connection.
 * Must never wait, nor be used for statements: those go through db.c.
 * Called by work/hub.c, on one thread.
 */
#include <poll.h>
#include <stdlib.h>

#include "store/listen.h"
#include "store/probe.h"
#include "util/clock.h"

#define PATIENCE apr_time_from_sec(3)   /* for the server's answer, whatever it was asked */

struct twc_listener_t {
    PGconn *conn;
    char channel[64];
    PostgresPollingStatusType step;     /* of connecting; PGRES_POLLING_OK: connected */
    bool busy;                          /* LISTEN or NOTIFY is under way */
    apr_time_t deadline;                /* while it connects or is busy */
};

apr_status_t twc_listen_open(twc_listener_t **listener, twc_db_t *db, const char *channel)
{
    const twc_probe_t *where = twc_db_probe(db);
    twc_listener_t *l;

    *listener = NULL;
    if (!where)
        return APR_EAGAIN;
    l = calloc(1, sizeof(*l));
    if (!l)
        return APR_ENOMEM;
    l->conn = twc_probe_connect(where);
    l->step = PGRES_POLLING_WRITING;
    l->deadline = twc_clock_ticks() + PATIENCE;
    apr_cpystrn(l->channel, channel, sizeof(l->channel));
    if (!l->conn || PQstatus(l->conn) == CONNECTION_BAD) {
        twc_listen_close(l);
        return APR_EGENERAL;
    }
    *listener = l;
    return APR_SUCCESS;
}

void twc_listen_close(twc_listener_t *l)
{
    if (l) {
        PQfinish(l->conn);
        free(l);
    }
}

int twc_listen_fd(const twc_listener_t *l, short *events)
{
    *events = l->step == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    return PQsocket(l->conn);
}

static apr_status_t ask(twc_listener_t *l, const char *verb)
{
    char text[96];

    apr_snprintf(text, sizeof(text), "%s %s", verb, l->channel);
    if (!PQsendQuery(l->conn, text))
        return APR_EGENERAL;
    l->busy = true;
    l->deadline = twc_clock_ticks() + PATIENCE;
    return APR_SUCCESS;
}

/* libpq wants to be asked only when the socket is ready: before that it takes an attempt for a success. */
static apr_status_t connect_on(twc_listener_t *l)
{
    struct pollfd fd = { .events = 0 };

    fd.fd = twc_listen_fd(l, &fd.events);
    if (poll(&fd, 1, 0) <= 0)
        return APR_SUCCESS;
    l->step = PQconnectPoll(l->conn);
    if (l->step == PGRES_POLLING_FAILED)
        return APR_EGENERAL;
    if (l->step != PGRES_POLLING_OK)
        return APR_SUCCESS;
    PQsetnonblocking(l->conn, 1);
    return ask(l, "LISTEN");
}

static apr_status_t take_answer(twc_listener_t *l)
{
    bool refused = false;

    if (!PQconsumeInput(l->conn) || PQstatus(l->conn) != CONNECTION_OK)
        return APR_EGENERAL;
    while (l->busy && !PQisBusy(l->conn)) {
        PGresult *res = PQgetResult(l->conn);

        if (!res)
            l->busy = false;
        refused = refused || (res && PQresultStatus(res) != PGRES_COMMAND_OK);
        PQclear(res);
    }
    return refused ? APR_EGENERAL : APR_SUCCESS;
}

apr_status_t twc_listen_read(twc_listener_t *l, bool *heard)
{
    bool connecting = l->step != PGRES_POLLING_OK;
    PGnotify *note;

    *heard = false;
    TWC_TRY(connecting ? connect_on(l) : take_answer(l));
    if ((l->busy || l->step != PGRES_POLLING_OK) && twc_clock_ticks() >= l->deadline)
        return APR_TIMEUP;
    while (!connecting && (note = PQnotifies(l->conn))) {
        if (note->be_pid != PQbackendPID(l->conn))
            *heard = true;
        PQfreemem(note);
    }
    return APR_SUCCESS;
}

apr_status_t twc_listen_notify(twc_listener_t *l)
{
    return l->busy || l->step != PGRES_POLLING_OK ? APR_EAGAIN : ask(l, "NOTIFY");
}
