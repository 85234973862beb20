/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * hasher.h - passwords are checked here: on few threads of low priority, with a bounded queue, so that a
 * crowd signing in (or guessing) does not take the machine from the messages.
 */
#ifndef TWC_UTIL_HASHER_H
#define TWC_UTIL_HASHER_H

#include "twc.h"

typedef struct twc_hasher_t twc_hasher_t;

/** @param threads  1..8; started by the first call */
apr_status_t twc_hasher_create(twc_hasher_t **hasher, apr_pool_t *pool, int threads, int cost);
void twc_hasher_stop(twc_hasher_t *hasher);
bool twc_hasher_join(twc_hasher_t *hasher, apr_time_t deadline);

/**
 * Does the password match? Waits its turn; without a hasher (NULL: programs) works on this thread.
 * @param hash  NULL: nobody's; takes as long, and says no
 * @return APR_SUCCESS | APR_EAGAIN too many are waiting, or it is stopping: problem "busy"
 */
apr_status_t twc_hasher_check(twc_hasher_t *hasher, twc_ctx_t *ctx, const char *plain, const char *hash, bool *matches);
/** A new hash, in ctx->pool; the same, but fewer may wait for one: whoever signs in goes before. */
apr_status_t twc_hasher_hash(twc_hasher_t *hasher, twc_ctx_t *ctx, const char *plain, const char **hash);

/** Wait a moment before asking, among the few who may. The same. */
apr_status_t twc_hasher_linger(twc_hasher_t *hasher, twc_ctx_t *ctx, apr_interval_time_t pause);

#endif
