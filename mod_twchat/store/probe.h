/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - for db.c and listen.c: where the lender's connections lead, and a sign of life from there without one of them.
 */
#ifndef TWC_STORE_PROBE_H
#define TWC_STORE_PROBE_H

#include <libpq-fe.h>

#include "store/db.h"

/** Remember where a connection leads; NULL: out of memory. Freed by twc_probe_free. */
twc_probe_t *twc_probe_create(PGconn *conn);
void twc_probe_free(twc_probe_t *probe);

/** Begin to connect there: PQconnectPoll goes on, PQfinish ends it. NULL: out of memory. */
PGconn *twc_probe_connect(const twc_probe_t *probe);

/** Does the server there take connections? Waits two seconds at most. Called by one thread at a time. */
bool twc_probe_answers(const twc_probe_t *probe);

#endif
