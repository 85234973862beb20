/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * recall.h - lists that were asked for lately. PostgreSQL says in a few µs which transactions a
 * statement would see (pg_current_snapshot); while they are the same as before the answer is, too, whoever
 * writes from wherever. So an answer is given again only after asking, and is never older than the question.
 * All who ask for the same list at the same time share one look.
 *
 * For statements whose result depends on their arguments and the data alone: nothing of now(), the
 * session or the user. Their rows may depend on who asks only through an argument.
 */
#ifndef TWC_STORE_RECALL_H
#define TWC_STORE_RECALL_H

#include "store/db.h"

/** The second column of such a statement: what it saw, and which life of the server, because numbers of transactions that a crash
 *  or a failover took away may be given again. */
#define TWC_SQL_STAMP "pg_current_snapshot() || ' ' || extract(epoch FROM pg_postmaster_start_time())"

/** Lives as long as pool. */
apr_status_t twc_recall_create(twc_recall_t **recall, apr_pool_t *pool);

/** What is done to JSON text before it is given away: depends on the text alone. */
typedef const char *(*twc_recall_finish_t)(apr_pool_t *pool, const char *json);

/**
 * twc_db_json for a statement that has TWC_SQL_STAMP behind its JSON.
 * Inside a transaction, and in a context without recall, it is simply run.
 * @param finish  may be NULL
 */
apr_status_t twc_recall_json(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_recall_finish_t finish,
                             const char **json);

#endif
