/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * limit.c - this child's slices of its callers' buckets.
 * Must never hold its lock while the database is asked.
 * Called by the router.
 */
#include <apr_hash.h>
#include <apr_thread_mutex.h>

#include "glue/limit.h"
#include "store/signin.h"
#include "util/clock.h"

#define CALLERS_MAX  4096
#define SLICE_FOR    (APR_USEC_PER_SEC / 2)     /* a slice not used up by then is drawn anew: what gathers belongs to the bucket */
#define SLICES       20                         /* of a burst */

typedef struct slice_t {
    const char *key;
    int left;
    apr_time_t until;                   /* then it is void */
    apr_time_t closed_until;            /* the bucket was empty */
} slice_t;

struct twc_limits_t {
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;                   /* cleared when there are too many */
    apr_hash_t *by_key;
};

apr_status_t twc_limits_create(twc_limits_t **limits, apr_pool_t *pool)
{
    twc_limits_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_allocator_t *allocator;

    TWC_TRY(apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(apr_allocator_create(&allocator));
    TWC_TRY(apr_pool_create_ex(&made->pool, pool, NULL, allocator));
    apr_allocator_owner_set(allocator, made->pool);
    made->by_key = apr_hash_make(made->pool);
    *limits = made;
    return APR_SUCCESS;
}

/* The mutex is held. */
static slice_t *slice_of(twc_limits_t *limits, const char *key)
{
    slice_t *slice = apr_hash_get(limits->by_key, key, APR_HASH_KEY_STRING);

    if (slice)
        return slice;
    if (apr_hash_count(limits->by_key) >= CALLERS_MAX) {
        apr_pool_clear(limits->pool);
        limits->by_key = apr_hash_make(limits->pool);
    }
    slice = apr_pcalloc(limits->pool, sizeof(*slice));
    slice->key = apr_pstrdup(limits->pool, key);
    apr_hash_set(limits->by_key, slice->key, APR_HASH_KEY_STRING, slice);
    return slice;
}

typedef enum { TAKEN, CLOSED, ASK } look_e;

static look_e look(twc_limits_t *limits, const char *key, apr_interval_time_t *wait)
{
    apr_time_t now = twc_clock_ticks();
    look_e seen = ASK;
    slice_t *slice;

    apr_thread_mutex_lock(limits->mutex);
    slice = slice_of(limits, key);
    if (slice->closed_until > now) {
        *wait = slice->closed_until - now;
        seen = CLOSED;
    }
    else if (slice->left > 0 && slice->until > now) {
        slice->left--;
        seen = TAKEN;
    }
    apr_thread_mutex_unlock(limits->mutex);
    return seen;
}

static void put(twc_limits_t *limits, const char *key, int granted, apr_interval_time_t wait)
{
    apr_time_t now = twc_clock_ticks();
    slice_t *slice;

    apr_thread_mutex_lock(limits->mutex);
    slice = slice_of(limits, key);
    if (granted > 0) {
        slice->left = (slice->until > now ? slice->left : 0) + granted - 1;
        slice->until = now + SLICE_FOR;
    }
    else
        slice->closed_until = now + wait;
    apr_thread_mutex_unlock(limits->mutex);
}

apr_status_t twc_limit_take(twc_limits_t *limits, twc_ctx_t *ctx, const twc_principal_t *who, apr_interval_time_t *wait)
{
    const twc_conf_t *conf = ctx->conf;
    const char *key = apr_psprintf(ctx->pool, "%s %" APR_INT64_T_FMT, who->kind == TWC_WHO_KEY ? "key" : "user", who->id);
    int granted, slice = conf->api_burst >= SLICES ? (int)(conf->api_burst / SLICES) : 1;

    *wait = 0;
    if (conf->api_rate <= 0 || !who->id)
        return APR_SUCCESS;
    switch (look(limits, key, wait)) {
    case TAKEN:
        return APR_SUCCESS;
    case CLOSED:
        return APR_EACCES;
    default:
        break;
    }
    TWC_TRY(twc_bucket_draw(ctx, key, conf->api_rate, conf->api_burst, slice, &granted, wait));
    put(limits, key, granted, *wait);
    return granted > 0 ? APR_SUCCESS : APR_EACCES;
}
