/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - leader and followers: what arrives while a statement runs shares the
 * next one. No timer: alone, an item goes out at once. Nobody returns before the
 * batch that carried its item has been committed.
 */
#ifndef TWC_WORK_BATCH_H
#define TWC_WORK_BATCH_H

#include "twc.h"

#define TWC_BATCH_MAX 64

typedef struct twc_batch_t twc_batch_t;

/**
 * @param run   does count items in one go, all or nothing
 * @param same  may two items not share a batch (the second waits for the next)? NULL: they always may
 * @param leaders  batches in flight at once, 1 or 2
 */
apr_status_t twc_batch_create(twc_batch_t **batch, apr_pool_t *pool, int leaders,
                              apr_status_t (*run)(twc_ctx_t *ctx, void **items, int count),
                              bool (*same)(const void *a, const void *b));

/** How long a caller's item waits at most until a batch takes it; 0, as at first: as long as it takes. Before the first call. */
void twc_batch_set_patience(twc_batch_t *batch, apr_interval_time_t patience);

/**
 * Do item, alone or with others. When a batch fails for a reason that lies in its data its items are
 * done one by one, so that a poison item harms only itself.
 * @return what run said for the batch (or, after a failure, for this item alone) | APR_TIMEUP it was not taken in time and
 *         nothing was done; problem in ctx
 */
apr_status_t twc_batch_do(twc_batch_t *batch, twc_ctx_t *ctx, void *item);

#endif
