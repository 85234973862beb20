/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_monitor.c - waits end when they are told to and when their time is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "util/clock.h"
#include "util/monitor.h"

static apr_pool_t *pool;
static twc_monitor_t *monitor;
static int turn;

static void *APR_THREAD_FUNC answer(apr_thread_t *thread, void *unused)
{
    (void)thread;
    (void)unused;
    twc_monitor_lock(monitor);
    while (turn != 1)
        twc_monitor_wait(monitor);
    turn = 2;
    twc_monitor_broadcast(monitor);
    twc_monitor_unlock(monitor);
    return NULL;
}

static void test_told(void **state)
{
    apr_thread_t *thread;
    apr_status_t rv;
    bool in_time = true;

    (void)state;
    turn = 0;
    assert_int_equal(apr_thread_create(&thread, NULL, answer, NULL, pool), APR_SUCCESS);
    twc_monitor_lock(monitor);
    turn = 1;
    twc_monitor_signal(monitor);
    while (turn != 2 && in_time)
        in_time = twc_monitor_wait_until(monitor, twc_clock_ticks() + apr_time_from_sec(30));
    twc_monitor_unlock(monitor);
    assert_true(in_time);
    apr_thread_join(&rv, thread);
}

static void test_time_is_over(void **state)
{
    apr_time_t begun = twc_clock_ticks();
    apr_time_t deadline = begun + 20 * 1000;

    (void)state;
    twc_monitor_lock(monitor);
    assert_false(twc_monitor_wait_until(monitor, begun));
    while (twc_monitor_wait_until(monitor, deadline))
        ;
    twc_monitor_unlock(monitor);
    assert_true(twc_clock_ticks() >= deadline);
}

static void test_ticks_are_not_the_wall_clock(void **state)
{
    apr_time_t first = twc_clock_ticks();

    (void)state;
    assert_true(twc_clock_ticks() >= first);
    assert_true(apr_time_now() - first > apr_time_from_sec(86400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told), cmocka_unit_test(test_time_is_over), cmocka_unit_test(test_ticks_are_not_the_wall_clock),
    };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    assert_int_equal(twc_monitor_create(&monitor, pool), APR_SUCCESS);
    return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
