/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * balance.c - remembers what Twilio last said the balance was.
 * Must never hold its mutex while Twilio is asked.
 * Called by sms_store.c; made by glue/tenant.c.
 */
#include <apr_thread_mutex.h>

#include "api/balance.h"
#include "twilio/client.h"
#include "util/clock.h"

#define FRESH apr_time_from_sec(60)
#define WORD_MAX 32

struct twc_balance_t {
    apr_thread_mutex_t *mutex;
    char amount[WORD_MAX], currency[WORD_MAX];
    apr_time_t until;                   /* 0: never asked */
};

apr_status_t twc_balance_create(twc_balance_t **balance, apr_pool_t *pool)
{
    *balance = apr_pcalloc(pool, sizeof(**balance));
    return apr_thread_mutex_create(&(*balance)->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
}

static bool recall(twc_balance_t *balance, apr_pool_t *pool, const char **amount, const char **currency)
{
    bool fresh;

    apr_thread_mutex_lock(balance->mutex);
    fresh = balance->until > twc_clock_ticks();
    if (fresh) {
        *amount = apr_pstrdup(pool, balance->amount);
        *currency = *balance->currency ? apr_pstrdup(pool, balance->currency) : NULL;
    }
    apr_thread_mutex_unlock(balance->mutex);
    return fresh;
}

apr_status_t twc_balance_get(twc_req_t *q, const char **amount, const char **currency)
{
    twc_balance_t *balance = q->tenant->balance;

    if (recall(balance, q->r->pool, amount, currency))
        return APR_SUCCESS;
    TWC_TRY(twc_client_balance(q->ctx, amount, currency));
    apr_thread_mutex_lock(balance->mutex);
    apr_cpystrn(balance->amount, *amount ? *amount : "", WORD_MAX);
    apr_cpystrn(balance->currency, *currency ? *currency : "", WORD_MAX);
    balance->until = twc_clock_ticks() + FRESH;
    apr_thread_mutex_unlock(balance->mutex);
    return APR_SUCCESS;
}
