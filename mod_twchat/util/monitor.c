/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * monitor.c - locks with conditions on the monotonic clock.
 * Must never wait by the wall clock.
 * Called by work/, store/db.c and glue/tenant.c.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "util/clock.h"
#include "util/monitor.h"

struct twc_monitor_t {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static apr_status_t destroy(void *baton)
{
    twc_monitor_t *m = baton;

    pthread_cond_destroy(&m->cond);
    pthread_mutex_destroy(&m->mutex);
    return APR_SUCCESS;
}

static int init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);

    if (rc == 0) {
        rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        if (rc == 0)
            rc = pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    return rc;
}

apr_status_t twc_monitor_create(twc_monitor_t **monitor, apr_pool_t *pool)
{
    twc_monitor_t *m = apr_pcalloc(pool, sizeof(*m));
    int rc = pthread_mutex_init(&m->mutex, NULL);

    if (rc != 0)
        return rc;
    if ((rc = init_cond(&m->cond)) != 0) {
        pthread_mutex_destroy(&m->mutex);
        return rc;
    }
    apr_pool_cleanup_register(pool, m, destroy, apr_pool_cleanup_null);
    *monitor = m;
    return APR_SUCCESS;
}

void twc_monitor_lock(twc_monitor_t *m)
{
    pthread_mutex_lock(&m->mutex);
}

void twc_monitor_unlock(twc_monitor_t *m)
{
    pthread_mutex_unlock(&m->mutex);
}

void twc_monitor_wait(twc_monitor_t *m)
{
    pthread_cond_wait(&m->cond, &m->mutex);
}

bool twc_monitor_wait_until(twc_monitor_t *m, apr_time_t deadline)
{
    apr_interval_time_t left = deadline - twc_clock_ticks();
    struct timespec until;

    if (left <= 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left / APR_USEC_PER_SEC);
    until.tv_nsec += (long)(left % APR_USEC_PER_SEC) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return pthread_cond_timedwait(&m->cond, &m->mutex, &until) != ETIMEDOUT;
}

void twc_monitor_signal(twc_monitor_t *m)
{
    pthread_cond_signal(&m->cond);
}

void twc_monitor_broadcast(twc_monitor_t *m)
{
    pthread_cond_broadcast(&m->cond);
}
