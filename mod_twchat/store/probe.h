/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - private to db.c: asks a database server for a sign of life without a connection of the lender's.
 */
#ifndef TWC_STORE_PROBE_H
#define TWC_STORE_PROBE_H

#include <libpq-fe.h>

#include "twc.h"

typedef struct twc_probe_t twc_probe_t;

/** Remember where a connection leads; NULL: out of memory. Freed by twc_probe_free. */
twc_probe_t *twc_probe_create(PGconn *conn);
void twc_probe_free(twc_probe_t *probe);

/** Does the server there take connections? Waits two seconds at most. Called by one thread at a time. */
bool twc_probe_answers(const twc_probe_t *probe);

#endif
