/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_load.c - what the kernel tells of its processors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/load.h"

static void the_first_line_is_read(void **state)
{
    twc_load_t load = twc_load_read("cpu  100 2 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4");

    assert_int_equal(load.total, 100 + 2 + 30 + 400 + 50 + 6 + 7 + 8);     /* a guest's time is in the first two */
    assert_int_equal(load.idle, 450);
    load = twc_load_read("cpu  1 2 3 4\n");             /* an old kernel's */
    assert_int_equal(load.total, 10);
    assert_int_equal(load.idle, 4);
}

static void what_is_none_tells_nothing(void **state)
{
    static const char *const lines[] = { "", "cpu", "cpu ", "cpu0 1 2 3 4", "intr 1 2 3", "cpu  one two" };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(twc_load_read(lines[i]).total, 0);
}

static bool is_high(twc_load_t before, twc_load_t after)
{
    return twc_load_is_high(&before, &after);
}

static void high_is_hardly_idle(void **state)
{
    assert_true(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 200, 50 }));
    assert_true(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 200, 74 }));
    assert_false(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 200, 75 }));
    assert_false(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 200, 100 }));
    assert_true(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 103, 50 }));
    assert_false(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 103, 51 }));
    assert_false(is_high((twc_load_t){ 100, 50 }, (twc_load_t){ 100, 50 }));   /* too soon to say */
    assert_false(is_high((twc_load_t){ 0, 0 }, (twc_load_t){ 100, 0 }));
    assert_false(is_high((twc_load_t){ 0, 0 }, (twc_load_t){ 0, 0 }));
}

static void this_machine_tells(void **state)
{
    twc_load_t load = twc_load_now();

    assert_true(load.idle <= load.total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_read), cmocka_unit_test(what_is_none_tells_nothing), cmocka_unit_test(high_is_hardly_idle),
        cmocka_unit_test(this_machine_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
