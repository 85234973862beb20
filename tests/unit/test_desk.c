/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_desk.c - what passes between the two threads of a sender.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_thread_proc.h>

#include "util/clock.h"
#include "work/desk.h"

#define SLOTS   80

typedef struct fixture_t {
    apr_pool_t *pool;
    twc_desk_t *desk;
    twc_slot_t slot[SLOTS];
} fixture_t;

static fixture_t f;

static int set_up(void **state)
{
    f = (fixture_t){ .pool = NULL };
    apr_pool_create(&f.pool, NULL);
    return twc_desk_create(&f.desk, f.pool) == APR_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    apr_pool_destroy(f.pool);
    return 0;
}

/* Slots first to first + count - 1. */
static twc_slots_t some(int first, int count)
{
    twc_slots_t slots = { .count = 0 };

    for (int i = 0; i < count; i++)
        twc_slots_add(&slots, &f.slot[first + i]);
    return slots;
}

static void put_ready(int first, int count)
{
    twc_slots_t slots = some(first, count);

    twc_desk_put_ready(f.desk, &slots);
}

static twc_news_t look(apr_interval_time_t patience)
{
    twc_news_t news;

    twc_desk_wait(f.desk, twc_clock_ticks() + patience, &news);
    return news;
}

static void report(int first, int count, int creating)
{
    twc_slots_t landed = some(first, count);

    twc_desk_report(f.desk, &landed, &(twc_air_t){ .creating = creating, .window = 100 });
}

static void a_queue_keeps_its_order(void **state)
{
    twc_slots_t a = some(0, 2), b = some(2, 2);

    twc_slots_move(&a, &b);
    assert_int_equal(a.count, 4);
    assert_int_equal(b.count, 0);
    assert_null(twc_slots_take(&b));
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(twc_slots_take(&a), &f.slot[i]);
    assert_null(twc_slots_take(&a));
    twc_slots_add(&a, &f.slot[0]);      /* after it was empty */
    assert_ptr_equal(twc_slots_take(&a), &f.slot[0]);
}

static void what_came_back_is_seen_at_once_and_goes_first(void **state)
{
    twc_slots_t again, fetched;
    twc_news_t news;

    put_ready(0, 5);
    again = twc_desk_fetch(f.desk, 3);
    report(10, 1, 50);
    twc_desk_ask_again(f.desk, &again);
    assert_int_equal(again.count, 0);
    news = look(apr_time_from_sec(60));
    assert_int_equal(news.again.count, 3);
    assert_int_equal(news.landed.count, 0);         /* that may wait for others */
    assert_int_equal(news.ready, 5);
    put_ready(5, 1);
    twc_desk_put_back(f.desk, &news.again);
    assert_int_equal(news.again.count, 0);
    fetched = twc_desk_fetch(f.desk, 100);
    for (int i = 0; i < 6; i++)
        assert_ptr_equal(twc_slots_take(&fetched), &f.slot[i]);
    assert_null(twc_slots_take(&fetched));
}

static void searches_do_not_wait_for_creates(void **state)
{
    twc_slots_t fetched;

    f.slot[3].search = true;
    put_ready(0, 4);
    assert_int_equal(look(0).ready, 3);
    fetched = twc_desk_fetch(f.desk, 2);
    assert_int_equal(fetched.count, 3);
    assert_ptr_equal(twc_slots_take(&fetched), &f.slot[3]);
    assert_ptr_equal(twc_slots_take(&fetched), &f.slot[0]);
    assert_ptr_equal(twc_slots_take(&fetched), &f.slot[1]);
    assert_null(twc_desk_fetch(f.desk, 0).first);
    assert_null(twc_desk_fetch(f.desk, -5).first);
    assert_ptr_equal(twc_desk_fetch(f.desk, 10).first, &f.slot[2]);
}

static void what_waited_too_long_does_not_wait_for_a_place(void **state)
{
    f.slot[0].since = twc_clock_mark();
    f.slot[0].within = 1;
    put_ready(0, 2);
    while (!twc_slot_is_late(&f.slot[0]))
        ;
    assert_ptr_equal(twc_desk_fetch(f.desk, 0).first, &f.slot[0]);
    assert_null(twc_desk_fetch(f.desk, 0).first);
}

/* Or the ledger would claim for places that are about to be taken. */
static void what_was_fetched_counts_as_flying(void **state)
{
    report(0, 0, 7);
    put_ready(0, 3);
    assert_int_equal(twc_desk_fetch(f.desk, 2).count, 2);
    assert_int_equal(look(0).air.creating, 9);
    assert_int_equal(look(0).ready, 1);
    report(0, 0, 8);
    assert_int_equal(look(0).air.creating, 8);
}

static void results_gather_while_more_are_to_come(void **state)
{
    twc_news_t news;

    report(0, 1, 5);
    assert_null(look(0).landed.first);
    report(1, 2, 3);
    news = look(apr_time_from_sec(10));
    assert_ptr_equal(news.landed.first, &f.slot[0]);
    assert_int_equal(news.landed.count, 3);
    assert_null(look(0).landed.first);  /* they are the caller's */
}

static void the_last_result_is_due_at_once(void **state)
{
    report(0, 1, 1);
    report(1, 1, 0);
    assert_int_equal(look(0).landed.count, 2);
    f.slot[2].search = true;
    put_ready(2, 1);
    assert_ptr_equal(twc_desk_fetch(f.desk, 0).first, &f.slot[2]);
    assert_int_equal(look(0).air.searching, 1);
    assert_int_equal(look(0).air.creating, 0);
}

static void enough_results_are_due_at_once(void **state)
{
    report(0, TWC_DESK_BATCH - 1, 500);
    report(TWC_DESK_BATCH - 1, 1, 499);
    assert_int_equal(look(0).landed.count, TWC_DESK_BATCH);
}

static void a_closed_desk_gives_all(void **state)
{
    twc_news_t news;

    report(0, 1, 5);
    twc_desk_close(f.desk);
    news = look(apr_time_from_sec(10));
    assert_true(news.closed);
    assert_int_equal(news.landed.count, 1);
}

static void a_wake_counts_once_also_when_it_came_before(void **state)
{
    twc_desk_wake(f.desk);
    assert_true(look(apr_time_from_sec(10)).woken);
    assert_false(look(0).woken);
}

static void *APR_THREAD_FUNC pass_on(apr_thread_t *thread, void *unused)
{
    for (int done = 0; done < SLOTS;) {
        twc_slots_t slots = twc_desk_fetch(f.desk, 3);

        if (!slots.first)
            continue;
        done += slots.count;
        slots.last->settle.attempt = done;
        twc_desk_report(f.desk, &slots, &(twc_air_t){ .creating = SLOTS - done, .window = 100 });
    }
    twc_desk_close(f.desk);
    return NULL;
}

static void two_threads_lose_nothing(void **state)
{
    apr_thread_t *thread;
    apr_status_t rv;
    twc_news_t news = { .closed = false };
    int landed = 0;

    assert_int_equal(apr_thread_create(&thread, NULL, pass_on, NULL, f.pool), APR_SUCCESS);
    for (int i = 0; i < SLOTS; i += 10)
        put_ready(i, 10);
    while (!news.closed) {
        news = look(apr_time_from_sec(10));
        landed += news.landed.count;
    }
    apr_thread_join(&rv, thread);
    assert_int_equal(landed, SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_queue_keeps_its_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_back_is_seen_at_once_and_goes_first, set_up, tear_down), cmocka_unit_test_setup_teardown(searches_do_not_wait_for_creates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waited_too_long_does_not_wait_for_a_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_fetched_counts_as_flying, set_up, tear_down),
        cmocka_unit_test_setup_teardown(results_gather_while_more_are_to_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_result_is_due_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enough_results_are_due_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closed_desk_gives_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wake_counts_once_also_when_it_came_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_threads_lose_nothing, set_up, tear_down),
    };

    apr_initialize();
    atexit(apr_terminate);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
