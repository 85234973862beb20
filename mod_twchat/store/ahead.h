/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ahead.h - what lies further ahead than it ever can: the database's clock was set back.
 */
#ifndef TWC_STORE_AHEAD_H
#define TWC_STORE_AHEAD_H

#include "store/db.h"

/**
 * Bring rates, pauses of senders, leases, jobs and sweeps that lie in a future nobody gave them back to now; a lease begins anew.
 * @param count  out: how many there were
 */
apr_status_t twc_ahead_pull(twc_ctx_t *ctx, int *count);

#endif
