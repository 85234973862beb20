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

static int length(const twc_slot_t *slot)
{
    int n = 0;

    for (; slot; slot = slot->next)
        n++;
    return n;
}

/* Slots first to first + count - 1, linked. */
static twc_slot_t *chain(int first, int count)
{
    for (int i = 0; i < count; i++)
        f.slot[first + i].next = i + 1 < count ? &f.slot[first + i + 1] : NULL;
    return count > 0 ? &f.slot[first] : NULL;
}

static twc_news_t look(apr_interval_time_t patience)
{
    twc_news_t news;

    twc_desk_wait(f.desk, twc_clock_ticks() + patience, &news);
    return news;
}

static void report(twc_slot_t *landed, int creating)
{
    twc_desk_report(f.desk, landed, &(twc_air_t){ .creating = creating, .window = 100 });
}

static void free_slots_are_kept_by_kind(void **state)
{
    f.slot[1].search = true;
    twc_desk_put_free(f.desk, &f.slot[0]);
    twc_desk_put_free(f.desk, &f.slot[1]);
    assert_int_equal(twc_desk_count_free(f.desk, false), 1);
    assert_ptr_equal(twc_desk_take_free(f.desk, true), &f.slot[1]);
    assert_null(twc_desk_take_free(f.desk, true));
    assert_ptr_equal(twc_desk_take_free(f.desk, false), &f.slot[0]);
    assert_int_equal(twc_desk_count_free(f.desk, false), 0);
}

static void searches_do_not_wait_for_creates(void **state)
{
    twc_slot_t *fetched;

    f.slot[3].search = true;
    twc_desk_put_ready(f.desk, chain(0, 4));
    assert_int_equal(look(0).ready, 3);
    fetched = twc_desk_fetch(f.desk, 2);
    assert_ptr_equal(fetched, &f.slot[3]);
    assert_ptr_equal(fetched->next, &f.slot[0]);
    assert_ptr_equal(fetched->next->next, &f.slot[1]);
    assert_null(fetched->next->next->next);
    assert_null(twc_desk_fetch(f.desk, 0));
    assert_null(twc_desk_fetch(f.desk, -5));
    assert_ptr_equal(twc_desk_fetch(f.desk, 10), &f.slot[2]);
}

/* Or the ledger would claim for places that are about to be taken. */
static void what_was_fetched_counts_as_flying(void **state)
{
    report(NULL, 7);
    twc_desk_put_ready(f.desk, chain(0, 3));
    assert_int_equal(length(twc_desk_fetch(f.desk, 2)), 2);
    assert_int_equal(look(0).air.creating, 9);
    assert_int_equal(look(0).ready, 1);
    report(NULL, 8);
    assert_int_equal(look(0).air.creating, 8);
}

static void results_gather_while_more_are_to_come(void **state)
{
    twc_news_t news;

    report(chain(0, 1), 5);
    assert_null(look(0).landed);
    report(chain(1, 2), 3);
    news = look(apr_time_from_sec(10));
    assert_ptr_equal(news.landed, &f.slot[0]);
    assert_int_equal(length(news.landed), 3);
    assert_null(look(0).landed);        /* they are the caller's */
}

static void the_last_result_is_due_at_once(void **state)
{
    report(chain(0, 1), 1);
    report(chain(1, 1), 0);
    assert_int_equal(length(look(0).landed), 2);
    f.slot[2].search = true;
    twc_desk_put_ready(f.desk, chain(2, 1));
    assert_ptr_equal(twc_desk_fetch(f.desk, 0), &f.slot[2]);
    assert_int_equal(look(0).air.searching, 1);
    assert_int_equal(look(0).air.creating, 0);
}

static void enough_results_are_due_at_once(void **state)
{
    report(chain(0, 63), 500);
    report(chain(63, 1), 499);
    assert_int_equal(length(look(0).landed), 64);
}

static void a_closed_desk_gives_all(void **state)
{
    twc_news_t news;

    report(chain(0, 1), 5);
    twc_desk_close(f.desk);
    news = look(apr_time_from_sec(10));
    assert_true(news.closed);
    assert_int_equal(length(news.landed), 1);
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
        twc_slot_t *slot = twc_desk_fetch(f.desk, 3), *last;

        if (!slot)
            continue;
        done += length(slot);
        for (last = slot; last->next; last = last->next)
            ;
        last->settle.attempt = done;
        report(slot, SLOTS - done);
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
        twc_desk_put_ready(f.desk, chain(i, 10));
    while (!news.closed) {
        news = look(apr_time_from_sec(10));
        landed += length(news.landed);
    }
    apr_thread_join(&rv, thread);
    assert_int_equal(landed, SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(free_slots_are_kept_by_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(searches_do_not_wait_for_creates, set_up, tear_down),
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
