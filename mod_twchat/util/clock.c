/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - instants to text and back, UTC only.
 * Must never know a local time zone.
 * Called by everybody.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_lib.h>

#include "util/clock.h"

#define YEAR_9999 APR_TIME_C(253402300799999999)        /* its last microsecond */

#ifdef CLOCK_BOOTTIME
#define TICKING CLOCK_BOOTTIME
#else
#define TICKING CLOCK_MONOTONIC
#endif

apr_time_t twc_clock_ticks(void)
{
    struct timespec now;

    clock_gettime(TICKING, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
}

twc_since_t twc_clock_mark(void)
{
    return (twc_since_t){ .ticks = twc_clock_ticks(), .wall = apr_time_now() };
}

apr_interval_time_t twc_clock_passed(const twc_since_t *since)
{
    apr_interval_time_t ticks = twc_clock_ticks() - since->ticks, wall = apr_time_now() - since->wall;

    return ticks > wall ? ticks : wall;
}

static apr_time_exp_t broken_down(apr_time_t t)
{
    apr_time_exp_t x;

    apr_time_exp_gmt(&x, t);
    return x;
}

const char *twc_clock_iso(apr_pool_t *pool, apr_time_t t)
{
    apr_time_exp_t x = broken_down(t);

    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d", x.tm_year + 1900, x.tm_mon + 1, x.tm_mday,
                        x.tm_hour, x.tm_min, x.tm_sec);
}

const char *twc_clock_iso_ms(apr_pool_t *pool, apr_time_t t)
{
    apr_time_exp_t x = broken_down(t);

    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", x.tm_year + 1900, x.tm_mon + 1, x.tm_mday,
                        x.tm_hour, x.tm_min, x.tm_sec, x.tm_usec / 1000);
}

const char *twc_clock_sql(apr_pool_t *pool, apr_time_t t)
{
    apr_time_exp_t x = broken_down(t);

    return apr_psprintf(pool, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", x.tm_year + 1900, x.tm_mon + 1, x.tm_mday,
                        x.tm_hour, x.tm_min, x.tm_sec, x.tm_usec);
}

const char *twc_clock_rfc2822(apr_pool_t *pool, apr_time_t t)
{
    apr_time_exp_t x = broken_down(t);

    return apr_psprintf(pool, "%s, %02d %s %04d %02d:%02d:%02d +0000", apr_day_snames[x.tm_wday], x.tm_mday,
                        apr_month_snames[x.tm_mon], x.tm_year + 1900, x.tm_hour, x.tm_min, x.tm_sec);
}

/* ---- reading ------------------------------------------------------------------------ */

/* Exactly n digits; moves *s on. */
static bool digits(const char **s, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (!apr_isdigit(**s))
            return false;
        *value = *value * 10 + (**s - '0');
    }
    return true;
}

static bool expect(const char **s, const char *any)
{
    if (!**s || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool in_range(const apr_time_exp_t *x)
{
    return x->tm_year >= 1 && x->tm_mon >= 1 && x->tm_mon <= 12 && x->tm_mday >= 1
           && x->tm_mday <= month_days(x->tm_year, x->tm_mon) && x->tm_hour <= 23 && x->tm_min <= 59 && x->tm_sec <= 60;
}

static apr_status_t assemble(apr_time_exp_t *x, int zone_sec, apr_time_t *t)
{
    apr_time_t got;

    if (!in_range(x))
        return APR_EINVAL;
    x->tm_year -= 1900;
    x->tm_mon -= 1;
    x->tm_gmtoff = zone_sec;
    if (apr_time_exp_gmt_get(&got, x) != APR_SUCCESS || got < 0 || got > YEAR_9999)
        return APR_EINVAL;              /* the zone may have pushed it over either end */
    *t = got;
    return APR_SUCCESS;
}

/* "Z", "+HH:MM", "+HHMM", "GMT", "UT", "" */
static bool zone(const char **s, int *seconds)
{
    int sign, hours, minutes;

    *seconds = 0;
    if (!**s)
        return true;
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        return true;
    }
    if (**s != '+' && **s != '-')
        return false;
    sign = **s == '-' ? -1 : 1;
    (*s)++;
    if (!digits(s, 2, &hours))
        return false;
    if (**s == ':')
        (*s)++;
    if (!digits(s, 2, &minutes) || hours > 18 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static void fraction(const char **s, apr_int32_t *usec)
{
    int scale = 100000;

    for (*usec = 0; apr_isdigit(**s); (*s)++, scale /= 10)
        *usec += (**s - '0') * scale;
}

apr_status_t twc_clock_parse_iso(const char *s, apr_time_t *t, bool *date_only)
{
    apr_time_exp_t x = { 0 };
    int seconds = 0;

    if (!digits(&s, 4, &x.tm_year) || !expect(&s, "-") || !digits(&s, 2, &x.tm_mon) || !expect(&s, "-")
        || !digits(&s, 2, &x.tm_mday))
        return APR_EINVAL;
    if (date_only)
        *date_only = !*s;
    if (*s) {
        if (!expect(&s, "Tt ") || !digits(&s, 2, &x.tm_hour) || !expect(&s, ":") || !digits(&s, 2, &x.tm_min))
            return APR_EINVAL;
        if (*s == ':' && (!expect(&s, ":") || !digits(&s, 2, &x.tm_sec)))
            return APR_EINVAL;
        if (*s == '.') {
            s++;
            if (!apr_isdigit(*s))
                return APR_EINVAL;
            fraction(&s, &x.tm_usec);
        }
        if (!zone(&s, &seconds) || *s)
            return APR_EINVAL;
    }
    return assemble(&x, seconds, t);
}

static bool month_name(const char **s, int *month)
{
    for (int i = 0; i < 12; i++)
        if (strncasecmp(*s, apr_month_snames[i], 3) == 0) {
            *month = i + 1;
            *s += 3;
            return true;
        }
    return false;
}

apr_status_t twc_clock_parse_rfc2822(const char *s, apr_time_t *t)
{
    apr_time_exp_t x = { 0 };
    const char *comma = strchr(s, ',');
    int seconds = 0;

    if (comma)
        s = comma + 1;
    while (*s == ' ')
        s++;
    if (!apr_isdigit(*s) || !digits(&s, apr_isdigit(s[1]) ? 2 : 1, &x.tm_mday) || !expect(&s, " ")
        || !month_name(&s, &x.tm_mon) || !expect(&s, " ") || !digits(&s, 4, &x.tm_year) || !expect(&s, " ")
        || !digits(&s, 2, &x.tm_hour) || !expect(&s, ":") || !digits(&s, 2, &x.tm_min) || !expect(&s, ":")
        || !digits(&s, 2, &x.tm_sec))
        return APR_EINVAL;
    while (*s == ' ')
        s++;
    if (strcasecmp(s, "GMT") == 0 || strcasecmp(s, "UT") == 0)
        s = "";
    if (!zone(&s, &seconds) || *s)
        return APR_EINVAL;
    return assemble(&x, seconds, t);
}
