/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_error.c - each number once, with the class of tests/data/errors.tsv and words for people.
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

#include <apr_lib.h>

#include "tsv.h"
#include "twilio/error.h"
#include "util/text.h"

static apr_pool_t *pool;

static void sorted_and_once(void **state)
{
    int count;
    const twc_error_info_t *table = twc_error_table(&count);

    for (int i = 0; i < count; i++) {
        assert_true(i == 0 || table[i - 1].code < table[i].code);
        assert_ptr_equal(twc_error_info(table[i].code, 400), &table[i]);
        assert_ptr_equal(twc_error_info(table[i].code, 0), &table[i]);
        assert_ptr_equal(twc_error_info(table[i].code, 500), &table[i]);
    }
}

static void classes(void **state)
{
    int count, rows = 0;
    tsv_t t;

    twc_error_table(&count);
    tsv_open(&t, TEST_DATA "/errors.tsv");
    for (; tsv_next(&t, 2); rows++) {
        const twc_error_info_t *info = twc_error_info(atoi(t.column[0]), 0);
        if (info->code != atoi(t.column[0]) || strcmp(twc_error_class_name(info->klass), t.column[1]) != 0)
            fail_msg("%s: %d %s, expected %s", t.column[0], info->code, twc_error_class_name(info->klass), t.column[1]);
    }
    assert_int_equal(rows, count);
}

static bool is_sentence(const char *s)
{
    size_t n = strlen(s);

    return n > 5 && n < 120 && apr_isupper(s[0]) && s[n - 1] == '.' && !strstr(s, "  ") && twc_text_is_clean(s, n);
}

static void words_for_people(void **state)
{
    int count;
    const twc_error_info_t *table = twc_error_table(&count);

    for (int i = 0; i < count; i++)
        if (!is_sentence(table[i].reason) || !is_sentence(table[i].advice))
            fail_msg("%d: %s %s", table[i].code, table[i].reason, table[i].advice);
}

/* Callbacks report these when Twilio gave up: nobody sends the message again unless a person does. */
static void no_promise_of_another_attempt(void **state)
{
    static const int failed_at_twilio[] = { 30001, 30017, 30022, 30023, 30027, 63017, 63018, 63038 };

    for (size_t i = 0; i < sizeof(failed_at_twilio) / sizeof(failed_at_twilio[0]); i++) {
        const char *advice = twc_error_info(failed_at_twilio[i], 0)->advice;
        if (strstr(advice, "by itself"))
            fail_msg("%d: %s", failed_at_twilio[i], advice);
    }
}

static void unknown_numbers(void **state)
{
    static const struct { int code, http; twc_error_class_e klass; } rows[] = {
        { 99999, 400, TWC_ERR_MESSAGE }, { 99999, 0, TWC_ERR_MESSAGE }, { 99999, 503, TWC_ERR_AMBIGUOUS },
        { 99999, 429, TWC_ERR_THROTTLE }, { -1, 400, TWC_ERR_MESSAGE }, { 20002, 400, TWC_ERR_MESSAGE }, { 70000, 404, TWC_ERR_MESSAGE },
        { 0, 0, TWC_ERR_MESSAGE }, { 0, 400, TWC_ERR_MESSAGE }, { 0, 401, TWC_ERR_CONFIG }, { 0, 403, TWC_ERR_CONFIG },
        { 0, 429, TWC_ERR_THROTTLE }, { 0, 500, TWC_ERR_AMBIGUOUS }, { 0, 599, TWC_ERR_AMBIGUOUS } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const twc_error_info_t *info = twc_error_info(rows[i].code, rows[i].http);
        assert_int_equal(info->klass, rows[i].klass);
        assert_int_equal(info->code, 0);
        assert_true(is_sentence(info->reason) && is_sentence(info->advice));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_and_once),
        cmocka_unit_test(classes),
        cmocka_unit_test(words_for_people),
        cmocka_unit_test(no_promise_of_another_attempt),
        cmocka_unit_test(unknown_numbers),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
