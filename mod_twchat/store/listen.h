/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * listen.h - a connection of its own for LISTEN and NOTIFY: pooled connections must
 * not carry such state. It leads where those lead. Nothing here waits: its owner polls the descriptor,
 * and calls twc_listen_read when it is ready and once a second in any case.
 */
#ifndef TWC_STORE_LISTEN_H
#define TWC_STORE_LISTEN_H

#include "store/db.h"

typedef struct twc_listener_t twc_listener_t;

/**
 * Begin to connect and to LISTEN. The caller closes it. Only the look-up of a server's name, where there is one, is done at once.
 * @return APR_SUCCESS | APR_EAGAIN no connection was lent yet, nobody knows where to | APR_EGENERAL
 */
apr_status_t twc_listen_open(twc_listener_t **listener, twc_db_t *db, const char *channel);
void twc_listen_close(twc_listener_t *listener);

/** Its descriptor for poll(), and what to wait for there; both may change with every twc_listen_read. */
int twc_listen_fd(const twc_listener_t *listener, short *events);

/**
 * Go on, and take what has arrived.
 * @param heard  out: true when somebody else notified
 * @return APR_SUCCESS, or an error: reconnect. A server that does not answer for three seconds is one
 */
apr_status_t twc_listen_read(twc_listener_t *listener, bool *heard);

/** NOTIFY, without waiting for the answer. APR_EAGAIN: not now, it still waits for an answer */
apr_status_t twc_listen_notify(twc_listener_t *listener);

#endif
