/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_status.c - statuses only rise. That PostgreSQL sees it the same way is a case of test_sql.c.
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

#include "twilio/status.h"

static apr_pool_t *pool;

static const char *const words[] = { "accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "delivered",
                                     "undelivered", "failed", "canceled", "read", "received", "nonsense" };
#define WORDS (sizeof(words) / sizeof(words[0]))

/* The rule in words: ranks must rise; after delivered only read; other final ones stay. */
static void every_pair(void **state)
{
    for (size_t i = 0; i < WORDS; i++)
        for (size_t j = 0; j < WORDS; j++) {
            int a = twc_status_rank(words[i]), b = twc_status_rank(words[j]);
            bool expected = a < 60 && a > 0 && b > a;
            if (strcmp(words[i], "delivered") == 0)
                expected = strcmp(words[j], "read") == 0;
            if (a < 0)
                expected = b > 0;
            assert_int_equal(twc_status_may_follow(words[i], words[j]), expected);
        }
    assert_true(twc_status_may_follow(NULL, "queued"));
    assert_false(twc_status_may_follow("queued", "received"));
    assert_false(twc_status_may_follow("received", "delivered"));
    assert_false(twc_status_may_follow(NULL, "nonsense"));
    assert_false(twc_status_may_follow("queued", NULL));
}

static void ranks(void **state)
{
    static const int expected[] = { 10, 10, 20, 30, 40, 50, 60, 60, 60, 60, 70, 0, -1 };

    for (size_t i = 0; i < WORDS; i++) {
        assert_int_equal(twc_status_rank(words[i]), expected[i]);
        assert_int_equal(twc_status_is_final(words[i]), expected[i] >= 60);
    }
    assert_int_equal(twc_status_rank("receiving"), 0);
    assert_int_equal(twc_status_rank("Delivered"), -1);
    assert_int_equal(twc_status_rank(""), -1);
    assert_int_equal(twc_status_rank(NULL), -1);
    assert_false(twc_status_is_final(NULL));
}

static void contradictions(void **state)
{
    assert_true(twc_status_contradicts("delivered", "undelivered"));
    assert_true(twc_status_contradicts("failed", "delivered"));
    assert_false(twc_status_contradicts("delivered", "read"));
    assert_false(twc_status_contradicts("read", "delivered"));
    assert_false(twc_status_contradicts("sent", "failed"));
    assert_false(twc_status_contradicts("failed", "failed"));
    assert_true(twc_status_contradicts("failed", "read"));
    assert_true(twc_status_contradicts("canceled", "delivered"));
    assert_false(twc_status_contradicts(NULL, "failed"));
    assert_false(twc_status_contradicts("failed", "nonsense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks),
        cmocka_unit_test(every_pair),
        cmocka_unit_test(contradictions),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
