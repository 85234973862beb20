/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.h - webhook calls that were not stored (refused, invalid, failed), noted
 * without making the caller wait. A flood is kept as samples and counts.
 */
#ifndef TWC_WORK_JOURNAL_H
#define TWC_WORK_JOURNAL_H

#include "store/ingest.h"

typedef struct twc_journal_t twc_journal_t;

apr_status_t twc_journal_create(twc_journal_t **journal, apr_pool_t *pool);

/** Copy what is worth keeping of the call; from any thread. @return true when the writer should be woken */
bool twc_journal_add(twc_journal_t *journal, const twc_call_t *call, const char *verdict, const char *reason,
                     const char *sid);

/** Write what has gathered, on one thread. When that fails the rows are counted with the next ones (as suppressed). */
apr_status_t twc_journal_flush(twc_journal_t *journal, twc_ctx_t *ctx);

#endif
