/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - a bounded buffer between requests and the webhook_journal table.
 * Must never grow with the number of calls, nor touch the database on a request's thread.
 * Called by work.c.
 */
#include <string.h>

#include <apr_thread_mutex.h>

#include "store/setting.h"
#include "util/clock.h"
#include "util/text.h"
#include "work/journal.h"
#include "work/thread.h"

#define ROWS_MAX     200                /* gathered at most between two writes */
#define RATE         20                 /* rows a second in the long run: a forged flood must not fill the disk */
#define RAW_MAX      8192               /* characters kept of a refused body */

struct twc_journal_t {
    apr_thread_mutex_t *mutex;
    apr_pool_t *gathering, *spare;      /* swapped at each write */
    twc_journal_row_t rows[ROWS_MAX];
    int count;
    int suppressed;                     /* like the last row, but only counted */
    double tokens;
    apr_time_t refilled_at;
};

static apr_status_t cleanup(void *baton)
{
    twc_journal_t *j = baton;

    apr_pool_destroy(j->gathering);
    apr_pool_destroy(j->spare);
    return APR_SUCCESS;
}

apr_status_t twc_journal_create(twc_journal_t **journal, apr_pool_t *pool)
{
    twc_journal_t *j = apr_pcalloc(pool, sizeof(*j));

    j->tokens = ROWS_MAX;
    j->refilled_at = twc_clock_ticks();
    TWC_TRY(apr_thread_mutex_create(&j->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(twc_thread_pool(&j->gathering));
    TWC_TRY(twc_thread_pool(&j->spare));
    apr_pool_cleanup_register(pool, j, cleanup, apr_pool_cleanup_null);
    *journal = j;
    return APR_SUCCESS;
}

static bool room(twc_journal_t *j)
{
    apr_time_t now = twc_clock_ticks();

    j->tokens += (double)(now - j->refilled_at) * RATE / APR_USEC_PER_SEC;
    if (j->tokens > ROWS_MAX)
        j->tokens = ROWS_MAX;
    j->refilled_at = now;
    return j->count < ROWS_MAX && j->tokens >= 1;
}

static void copy(twc_journal_row_t *row, apr_pool_t *p, const twc_call_t *call, const char *verdict,
                 const char *reason, const char *sid)
{
    *row = (twc_journal_row_t){
        .call = { .interface = apr_pstrdup(p, call->interface), .kind = apr_pstrdup(p, call->kind),
                  .method = apr_pstrdup(p, call->method), .url = apr_pstrdup(p, call->url),
                  .remote_addr = apr_pstrdup(p, call->remote_addr),
                  .content_type = apr_pstrdup(p, call->content_type),
                  .raw = call->raw ? twc_text_head(p, call->raw, RAW_MAX) : NULL,
                  .received_at = call->received_at },
        .verdict = apr_pstrdup(p, verdict), .reason = apr_pstrdup(p, reason),
        .sid = sid ? twc_text_head(p, sid, 64) : NULL };
}

bool twc_journal_add(twc_journal_t *j, const twc_call_t *call, const char *verdict, const char *reason,
                     const char *sid)
{
    bool wake = false;

    apr_thread_mutex_lock(j->mutex);
    if (room(j)) {
        copy(&j->rows[j->count++], j->gathering, call, verdict, reason, sid);
        j->tokens -= 1;
        wake = j->count == 1;
    }
    else
        j->suppressed++;
    apr_thread_mutex_unlock(j->mutex);
    return wake;
}

apr_status_t twc_journal_flush(twc_journal_t *j, twc_ctx_t *ctx)
{
    twc_journal_row_t *rows;
    apr_pool_t *written;
    apr_status_t rv;
    int count, suppressed;

    apr_thread_mutex_lock(j->mutex);
    count = j->count;
    suppressed = j->suppressed;
    written = j->gathering;
    rows = apr_pmemdup(ctx->scratch, j->rows, count * sizeof(*rows));
    if (count) {
        j->gathering = j->spare;
        j->spare = NULL;
        j->count = 0;
        j->suppressed = 0;
    }
    apr_thread_mutex_unlock(j->mutex);
    if (!count)
        return APR_SUCCESS;
    rows[count - 1].suppressed = suppressed;
    rv = twc_journal_write(ctx, rows, count);
    apr_thread_mutex_lock(j->mutex);
    if (rv != APR_SUCCESS)              /* the rows are lost with the database; their number is not */
        j->suppressed += suppressed + count;
    apr_pool_clear(written);
    j->spare = written;
    apr_thread_mutex_unlock(j->mutex);
    return rv;
}
