/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_form.c - form bodies, query strings and path segments, byte for byte.
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

#include "util/form.h"

static apr_pool_t *pool;

static const twc_form_t *parse(const char *text)
{
    const twc_form_t *form;

    assert_int_equal(twc_form_parse(pool, text, strlen(text), &form), APR_SUCCESS);
    return form;
}

static void decodes(void **state)
{
    const twc_form_t *f = parse("a=1&b=x+y%20z&c&=v&&d=%C3%A9&e=%&f=%4&g=%zz&h=a=b&a=2&i=%00n");

    assert_int_equal(f->count, 11);
    assert_string_equal(twc_form_text(pool, f, "a"), "1");
    assert_string_equal(twc_form_text(pool, f, "b"), "x y z");
    assert_string_equal(twc_form_text(pool, f, "c"), "");
    assert_string_equal(twc_form_text(pool, f, ""), "v");
    assert_string_equal(twc_form_text(pool, f, "d"), "\xC3\xA9");
    assert_string_equal(twc_form_text(pool, f, "e"), "%");
    assert_string_equal(twc_form_text(pool, f, "f"), "%4");
    assert_string_equal(twc_form_text(pool, f, "g"), "%zz");
    assert_string_equal(twc_form_text(pool, f, "h"), "a=b");
    assert_int_equal(twc_form_raw(f, "i")->len, 2);
    assert_string_equal(twc_form_text(pool, f, "i"), "n");
    assert_null(twc_form_raw(f, "A"));
    assert_int_equal(parse("")->count, 0);
    assert_int_equal(parse("&&&")->count, 0);
}

static void refuses_too_many(void **state)
{
    char *text = apr_palloc(pool, 8 * 1001 + 1), *p = text;
    const twc_form_t *f;

    for (int i = 0; i < 1000; i++)
        p += sprintf(p, "a%d=1&", i);
    assert_int_equal(twc_form_parse(pool, text, (apr_size_t)(p - text), &f), APR_SUCCESS);
    assert_int_equal(f->count, 1000);
    p += sprintf(p, "z=1");
    assert_int_equal(twc_form_parse(pool, text, (apr_size_t)(p - text), &f), APR_ENOSPC);
    memset(text, '&', 8000);
    assert_int_equal(twc_form_parse(pool, text, 8000, &f), APR_ENOSPC);
}

static void escapes(void **state)
{
    assert_string_equal(twc_form_escape(pool, "a b+c*~\xC3\xA9"), "a+b%2Bc*%7E%C3%A9");
    assert_string_equal(twc_url_escape(pool, "a b/~"), "a%20b%2F~");
    assert_string_equal(twc_url_unescape(pool, "%2B48%20+", 9), "+48 +");
    assert_null(twc_url_unescape(pool, "%4", 2));
    assert_null(twc_url_unescape(pool, "%zz", 3));
    assert_null(twc_url_unescape(pool, "a%00b", 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses_too_many),
        cmocka_unit_test(escapes),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
