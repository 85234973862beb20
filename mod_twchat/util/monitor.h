/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * monitor.h - a lock and a condition to wait for under it, on a clock that nobody sets: APR's own waits follow
 * the wall clock, so that setting it back by an hour would make a thread sleep for that hour.
 */
#ifndef TWC_UTIL_MONITOR_H
#define TWC_UTIL_MONITOR_H

#include "twc.h"

typedef struct twc_monitor_t twc_monitor_t;

/** Lives as long as pool. */
apr_status_t twc_monitor_create(twc_monitor_t **monitor, apr_pool_t *pool);

void twc_monitor_lock(twc_monitor_t *monitor);
void twc_monitor_unlock(twc_monitor_t *monitor);

/* With the lock held, which is given up while waiting. Wakes may be spurious: test the condition again. */
void twc_monitor_wait(twc_monitor_t *monitor);
/** @param deadline  of twc_clock_ticks. @return false when it has passed */
bool twc_monitor_wait_until(twc_monitor_t *monitor, apr_time_t deadline);

void twc_monitor_signal(twc_monitor_t *monitor);
void twc_monitor_broadcast(twc_monitor_t *monitor);

#endif
