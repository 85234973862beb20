/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * listen.h - a connection of its own for LISTEN and NOTIFY: pooled connections must
 * not carry such state. Its parameters are copied from a connection of the lender.
 */
#ifndef TWC_STORE_LISTEN_H
#define TWC_STORE_LISTEN_H

#include "store/db.h"

typedef struct twc_listener_t twc_listener_t;

/** Connect and LISTEN. Blocks at most a few seconds. The caller closes it. */
apr_status_t twc_listen_open(twc_listener_t **listener, const twc_db_lender_t *lender, const char *channel);
void twc_listen_close(twc_listener_t *listener);

/** Its descriptor for poll(). */
int twc_listen_fd(const twc_listener_t *listener);

/** Take what has arrived. @param heard out: true when somebody else notified; APR_SUCCESS or an error: reconnect. */
apr_status_t twc_listen_read(twc_listener_t *listener, bool *heard);

/** NOTIFY, without waiting for the answer. */
apr_status_t twc_listen_notify(twc_listener_t *listener);

#endif
