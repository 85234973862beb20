/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_clock.c - instants to text and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "util/clock.h"

static apr_pool_t *pool;

#define T APR_TIME_C(1706691600123456)      /* 2024-01-31 09:00:00.123456 UTC */

static void writes(void **state)
{
    assert_string_equal(twc_clock_iso(pool, T), "2024-01-31T09:00:00");
    assert_string_equal(twc_clock_iso_ms(pool, T), "2024-01-31T09:00:00.123Z");
    assert_string_equal(twc_clock_sql(pool, T), "2024-01-31 09:00:00.123456+00");
    assert_string_equal(twc_clock_rfc2822(pool, T), "Wed, 31 Jan 2024 09:00:00 +0000");
    assert_string_equal(twc_clock_sql(pool, 0), "1970-01-01 00:00:00.000000+00");
    assert_string_equal(twc_clock_sql(pool, APR_TIME_C(253402300799999999)), "9999-12-31 23:59:59.999999+00");
}

static void reads(void **state)
{
    static const struct { const char *text; apr_time_t t; } good[] = {
        { "2024-01-31T09:00:00.123456Z", T }, { "2024-01-31T10:00:00.123456+01:00", T }, { "2024-01-31 04:00:00.123456-0500", T },
        { "2024-01-31T09:00", T - T % 60000000 }, { "2024-01-31", APR_TIME_C(1706659200000000) },
        { "2024-02-29", APR_TIME_C(1709164800000000) }, { "1970-01-01T00:00:00", 0 },
        { "2000-02-29", APR_TIME_C(951782400000000) }, { "9999-12-31T23:59:59.999999Z", APR_TIME_C(253402300799999999) },
        { "2024-01-31t09:00:00.123456z", T }, { "2024-01-31T09:00:00.1234569", T }, { "2024-01-31T09:00:00.1", T - 23456 } };
    static const char *const bad[] = { "", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "2024-01-31T24:00:00", "2024-01-31T09:60",
        "2024-01-31T09:00:00.", "2024-01-31T09:00:00ZZ", "2024-01-31T09:00:00+1", "24-01-31", "2024/01/31", "now", "2024-01-31T",
        "2024-01-31T09", "2024-01-31T09:00:61", "2024-01-31T09:00:00+19:00", "2024-01-31T09:00:00+01:60", "2024-01-31T09:00:00 ",
        "2024-01-31Z", " 2024-01-31", "-024-01-31", "1900-02-29", "2100-02-29", "0000-01-01", "1969-12-31T23:59:59.999999",
        "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2024-01-31T09:00:00,5" };
    apr_time_t t;
    bool date;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(twc_clock_parse_iso(good[i].text, &t, &date), APR_SUCCESS);
        assert_true(t == good[i].t);
        assert_int_equal(date, strlen(good[i].text) == 10);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(twc_clock_parse_iso(bad[i], &t, NULL), APR_EINVAL);
}

static void reads_mail_dates(void **state)
{
    apr_time_t t;

    assert_int_equal(twc_clock_parse_rfc2822("Thu, 24 Aug 2023 05:01:45 +0000", &t), APR_SUCCESS);
    assert_true(t == APR_TIME_C(1692853305000000));
    assert_int_equal(twc_clock_parse_rfc2822("Thu, 24 Aug 2023 05:01:45 GMT", &t), APR_SUCCESS);
    assert_int_equal(twc_clock_parse_rfc2822("24 Aug 2023 07:01:45 +0200", &t), APR_SUCCESS);
    assert_true(t == APR_TIME_C(1692853305000000));
    static const char *const bad[] = { "Thu, 24 Aug 2023 05:01 +0000", "Thu, 24 Augo 2023 05:01:45 +0000", "Thu, 24 Xyz 2023 05:01:45 +0000",
        "Thu, 24 Aug 23 05:01:45 +0000", "Thu, 24 Aug 2023 05:01:45 EST", "Thu, 24 Aug 2023 05:01:45 +0000 x", "Thu,", "24" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(twc_clock_parse_rfc2822(bad[i], &t), APR_EINVAL);
    assert_int_equal(twc_clock_parse_rfc2822("Thu, 3 Aug 2023 05:01:45 -0000", &t), APR_SUCCESS);
    assert_int_equal(twc_clock_parse_rfc2822(twc_clock_rfc2822(pool, T), &t), APR_SUCCESS);
    assert_true(t == T - T % APR_USEC_PER_SEC);
    assert_int_equal(twc_clock_parse_rfc2822("Thu, 32 Aug 2023 05:01:45 +0000", &t), APR_EINVAL);
    assert_int_equal(twc_clock_parse_rfc2822("", &t), APR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes),
        cmocka_unit_test(reads),
        cmocka_unit_test(reads_mail_dates),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
