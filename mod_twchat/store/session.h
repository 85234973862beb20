/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * session.h - private to db.c and session.c: commands on one connection, within a deadline,
 * and what is known of the server session behind it.
 */
#ifndef TWC_STORE_SESSION_H
#define TWC_STORE_SESSION_H

#include <libpq-fe.h>

#include "store/db.h"

/** A statement with its arguments, or a script of several. */
typedef struct twc_command_t {
    const twc_sql_t *sql;
    const twc_args_t *args;
    const char *script;                 /* instead of sql */
} twc_command_t;

/** How long a command may take. */
typedef struct twc_patience_t {
    apr_interval_time_t timeout;        /* the server cancels what takes longer; we give up a second later */
    apr_time_t (*most)(void *baton, apr_time_t began);  /* or at this moment; asked again and again while we wait */
    void *baton;
} twc_patience_t;

/** Did the server close this connection while it lay idle? Nothing was sent on it then. */
bool twc_session_gone(PGconn *conn);

/**
 * Run a command on a connection in non-blocking mode.
 * @param late  out: set when we gave up; the connection cannot be used again
 * @return the last result, for the caller to clear; NULL when the connection broke or time ran out
 */
PGresult *twc_session_run(PGconn *conn, const twc_command_t *cmd, const twc_patience_t *patience, bool *late);

/** Is this the result of a command that worked? */
bool twc_session_succeeded(const PGresult *res);

#endif
