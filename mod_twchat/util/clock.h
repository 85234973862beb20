/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - instants as text, and ticks. All instants are µs UTC (apr_time_t). Local
 * times and zones are PostgreSQL's business, never done here.
 */
#ifndef TWC_UTIL_CLOCK_H
#define TWC_UTIL_CLOCK_H

#include "twc.h"

/**
 * µs since some moment, on a clock that nobody sets and that runs while the machine sleeps: for how long something
 * took or may take. apr_time_now() is for when it happened.
 */
apr_time_t twc_clock_ticks(void);

/**
 * A moment from which on time is counted by the ticks and by the clock on the wall. A machine that was put aside while it
 * ran (a virtual one, paused) finds its ticks standing and, soon, its wall clock set right.
 */
typedef struct twc_since_t {
    apr_time_t ticks, wall;
} twc_since_t;

twc_since_t twc_clock_mark(void);
/** The most that can have passed since then: what the clock says that has gone further. */
apr_interval_time_t twc_clock_passed(const twc_since_t *since);

/** "2025-01-31T09:00:00" (flask-chat). */
const char *twc_clock_iso(apr_pool_t *pool, apr_time_t t);
/** "2025-01-31T09:00:00.123Z" (whatsapp-inbox, sms-store). */
const char *twc_clock_iso_ms(apr_pool_t *pool, apr_time_t t);
/** "2025-01-31 09:00:00.123456+00" (a timestamptz literal). */
const char *twc_clock_sql(apr_pool_t *pool, apr_time_t t);
/** "Thu, 24 Aug 2023 05:01:45 +0000" (Twilio's API). */
const char *twc_clock_rfc2822(apr_pool_t *pool, apr_time_t t);

/**
 * Read "YYYY-MM-DD", "YYYY-MM-DDTHH:MM[:SS[.f…]]" (a blank may stand for T) with "Z",
 * "+HH:MM", "+HHMM" or nothing (then UTC); strict ranges, leap years respected,
 * a second 60 is the next minute's first. Instants from 1970 to the end of 9999; t is left alone on failure.
 * @param date_only  out, may be NULL: true when no time of day was given
 * @return APR_SUCCESS | APR_EINVAL
 */
apr_status_t twc_clock_parse_iso(const char *s, apr_time_t *t, bool *date_only);

/** Read RFC 2822 as Twilio writes it (any numeric zone, GMT, UT). APR_SUCCESS | APR_EINVAL */
apr_status_t twc_clock_parse_rfc2822(const char *s, apr_time_t *t);

#endif
