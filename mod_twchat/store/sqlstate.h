/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sqlstate.h - private to db.c: failures of PostgreSQL as problems.
 */
#ifndef TWC_STORE_SQLSTATE_H
#define TWC_STORE_SQLSTATE_H

#include <libpq-fe.h>

#include "store/db.h"

/** The database is away: problem "database_unavailable"; internal is for the log, or NULL. */
apr_status_t twc_sqlstate_away(twc_ctx_t *ctx, const char *internal);

/** What a failed result means; name says which statement it was, for the log. */
apr_status_t twc_sqlstate_explain(twc_ctx_t *ctx, const char *name, const PGresult *res);

#endif
