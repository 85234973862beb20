/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * migrate.h - the schema's version: numbered files sql/NNN_name.sql, compiled in.
 */
#ifndef TWC_STORE_MIGRATE_H
#define TWC_STORE_MIGRATE_H

#include "twc.h"

/** Version this build needs: the highest number among the files. */
int twc_migrate_wanted(void);

/** Version the database has; 0 when it is empty. */
apr_status_t twc_migrate_version(twc_ctx_t *ctx, int *version);

/**
 * Apply what is missing, each file in a transaction, one process at a time (advisory lock).
 * @param report  called with a line for each step; may be NULL
 */
apr_status_t twc_migrate_apply(twc_ctx_t *ctx, void (*report)(void *baton, const char *line), void *baton);

/** APR_SUCCESS when versions agree; else a problem "schema_old" or "schema_new" that says what to do. */
apr_status_t twc_migrate_check(twc_ctx_t *ctx);

#endif
