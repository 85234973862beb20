/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_batch.c - leader and followers without a database: many callers, poison items, runs that fail, leaders that hang.
 * Each caller must hear of its own item what really happened to it.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "util/monitor.h"
#include "work/batch.h"

#define CALLERS_MAX 150
#define CALLS_MAX   100000              /* by then a test must have seen what it waits for */

typedef struct item_t {
    int key;                            /* two of one key must not share a batch */
    bool poison;
    int done;                           /* times; written by whoever leads, without a lock of ours */
} item_t;

/* What is to go wrong; set before the callers start. 0: never. */
typedef struct plan_t {
    bool any;                           /* keys do not matter */
    int fail_every, hold_every, gather_every;   /* runs */
    int callers;                        /* whom a gathering run waits for */
} plan_t;

static plan_t plan;
static twc_batch_t *batch;
static apr_pool_t *pool;
static twc_monitor_t *lock;             /* guards what follows */
static struct {
    int runs, running, most_running, shared, largest, clashes;
    int calls, successes, refused, failures, timeouts, wrong;
    int inside;                         /* callers in a call of theirs */
    bool enough;
} seen;

/* ---- runs ---------------------------------------------------------------------------------- */

static bool has_clash(item_t *const *items, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (items[i]->key == items[k]->key)
                return true;
    return false;
}

static int note_start(item_t *const *items, int count)
{
    int number;

    twc_monitor_lock(lock);
    number = ++seen.runs;
    if (++seen.running > seen.most_running)
        seen.most_running = seen.running;
    if (count > seen.largest)
        seen.largest = count;
    seen.shared += count > 1;
    seen.clashes += !plan.any && has_clash(items, count);
    twc_monitor_unlock(lock);
    return number;
}

static void note_end(void)
{
    twc_monitor_lock(lock);
    seen.running--;
    twc_monitor_unlock(lock);
}

/* Like a statement that hangs, until ten callers have lost their patience. */
static void hang(void)
{
    int until;

    twc_monitor_lock(lock);
    until = seen.timeouts + 10;
    while (seen.timeouts < until && !seen.enough)
        twc_monitor_wait(lock);
    twc_monitor_unlock(lock);
}

/* Like a statement that takes its time, until all callers are in a call: more than one batch waits behind it. */
static void gather(void)
{
    twc_monitor_lock(lock);
    while (seen.inside < plan.callers && !seen.enough)
        twc_monitor_wait(lock);
    twc_monitor_unlock(lock);
}

static bool is_one_of(int number, int every)
{
    return every && number % every == 0;
}

static apr_status_t carry_out(twc_ctx_t *ctx, item_t *const *items, int count, int number)
{
    if (is_one_of(number, plan.fail_every))
        return twc_problem(ctx, APR_EAGAIN, "away", "Run %d met nobody.", number);
    for (int i = 0; i < count; i++)
        if (items[i]->poison)
            return twc_problem(ctx, APR_EINVAL, "poison", "Item %d of run %d.", i, number);
    for (int i = 0; i < count; i++)
        items[i]->done++;
    ctx->wake |= TWC_WAKE_EVENTS;
    return APR_SUCCESS;
}

static apr_status_t run(twc_ctx_t *ctx, void **baton, int count)
{
    item_t *const *items = (item_t *const *)baton;
    int number = note_start(items, count);
    apr_status_t rv;

    if (is_one_of(number, plan.hold_every))
        hang();
    if (is_one_of(number, plan.gather_every))
        gather();
    sched_yield();                      /* the others come */
    rv = carry_out(ctx, items, count, number);
    note_end();
    return rv;
}

static bool same_key(const void *a, const void *b)
{
    return ((const item_t *)a)->key == ((const item_t *)b)->key;
}

/* ---- callers -------------------------------------------------------------------------------- */

static bool is_told_why(const twc_problem_t *problem, apr_status_t rv, const char *code)
{
    return problem->status == rv && problem->code && strcmp(problem->code, code) == 0 && problem->detail && *problem->detail;
}

/* Does what the caller heard agree with what happened? */
static bool is_true(const item_t *item, const twc_ctx_t *ctx, apr_status_t rv)
{
    switch (rv) {
    case APR_SUCCESS:
        return item->done == 1 && !item->poison && ctx->wake == TWC_WAKE_EVENTS && ctx->problem->status == APR_SUCCESS;
    case APR_EINVAL:
        return item->done == 0 && item->poison && is_told_why(ctx->problem, rv, "poison");
    case APR_EAGAIN:
        return item->done == 0 && is_told_why(ctx->problem, rv, "away");
    case APR_TIMEUP:
        return item->done == 0 && is_told_why(ctx->problem, rv, "busy");
    default:
        return false;
    }
}

static void note_entry(void)
{
    twc_monitor_lock(lock);
    seen.inside++;
    twc_monitor_broadcast(lock);
    twc_monitor_unlock(lock);
}

static bool note_call(bool fine, apr_status_t rv)
{
    bool enough;

    twc_monitor_lock(lock);
    seen.inside--;
    seen.calls++;
    seen.successes += rv == APR_SUCCESS;
    seen.refused += rv == APR_EINVAL;
    seen.failures += rv == APR_EAGAIN;
    seen.timeouts += rv == APR_TIMEUP;
    seen.wrong += !fine;
    enough = seen.enough;
    twc_monitor_broadcast(lock);
    twc_monitor_unlock(lock);
    return enough;
}

/* One item after the other, each in a pool that is gone when the call returns: nobody may keep a pointer into it. */
static void *APR_THREAD_FUNC call(apr_thread_t *thread, void *baton)
{
    int number = (int)(intptr_t)baton;
    bool enough = false;

    for (int i = 0; !enough; i++) {
        item_t item = { .key = (number + i) % 40, .poison = (number * 31 + i) % 11 == 0 };
        apr_pool_t *own;
        twc_ctx_t ctx;
        apr_status_t rv;

        apr_pool_create_unmanaged_ex(&own, NULL, NULL);
        twc_ctx_init(&ctx, own, NULL, NULL);
        note_entry();
        rv = twc_batch_do(batch, &ctx, &item);
        enough = note_call(is_true(&item, &ctx, rv), rv);
        apr_pool_destroy(own);
    }
    return NULL;
}

/* Let them call until what the test is about was seen often enough. */
static void let_call(int callers, bool (*until)(void))
{
    apr_thread_t *threads[CALLERS_MAX];
    apr_status_t rv;

    for (int i = 0; i < callers; i++)
        assert_int_equal(apr_thread_create(&threads[i], NULL, call, (void *)(intptr_t)i, pool), APR_SUCCESS);
    twc_monitor_lock(lock);
    while (!until() && seen.calls < CALLS_MAX)
        twc_monitor_wait(lock);
    seen.enough = true;
    twc_monitor_broadcast(lock);
    twc_monitor_unlock(lock);
    for (int i = 0; i < callers; i++)
        apr_thread_join(&rv, threads[i]);
    assert_true(until());
    assert_int_equal(seen.wrong, 0);
    assert_int_equal(seen.clashes, 0);
    assert_int_equal(seen.running, 0);
    assert_in_range(seen.largest, 2, TWC_BATCH_MAX);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void begin(const plan_t *how, int leaders)
{
    plan = *how;
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(twc_batch_create(&batch, pool, leaders, run, plan.any ? NULL : same_key), APR_SUCCESS);
}

static bool shared_often(void)
{
    return seen.shared >= 500 && seen.successes >= 5000 && seen.refused >= 100;
}

static void each_caller_hears_of_its_own_item(void **state)
{
    begin(&(plan_t){ .any = false }, 2);
    let_call(24, shared_often);
    assert_int_equal(seen.failures + seen.timeouts, 0);
}

static bool shared_often_and_fully(void)
{
    return shared_often() && seen.largest == TWC_BATCH_MAX;
}

/* Who leads may have to lead again before its own item is done. */
static void more_callers_than_a_batch_takes(void **state)
{
    begin(&(plan_t){ .any = true, .fail_every = 7, .gather_every = 20, .callers = CALLERS_MAX }, 1);
    let_call(CALLERS_MAX, shared_often_and_fully);
    assert_int_equal(seen.timeouts, 0);
}

static bool failed_often(void)
{
    return seen.failures >= 1000 && seen.refused >= 100 && seen.successes >= 1000;
}

static void runs_that_fail_harm_their_own_batch_only(void **state)
{
    begin(&(plan_t){ .fail_every = 3 }, 2);
    let_call(40, failed_often);
    assert_int_equal(seen.timeouts, 0);
}

static bool gave_up_often(void)
{
    return seen.timeouts >= 60 && seen.successes >= 100;
}

static void who_gives_up_has_done_nothing(void **state)
{
    begin(&(plan_t){ .hold_every = 50 }, 1);
    twc_batch_set_patience(batch, 2000);
    let_call(30, gave_up_often);
}

static bool ran_often(void)
{
    return seen.runs >= 2000 && seen.most_running >= 2;
}

static void no_more_leaders_than_allowed(void **state)
{
    begin(&(plan_t){ .fail_every = 1 }, 2);     /* nothing is poison to a run that fails anyway: none is repeated */
    let_call(20, ran_often);
    assert_int_equal(seen.most_running, 2);
}

static int fresh(void **state)
{
    return apr_pool_create(&pool, NULL) != APR_SUCCESS || twc_monitor_create(&lock, pool) != APR_SUCCESS;
}

static int cleared(void **state)
{
    apr_pool_destroy(pool);
    return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, fresh, cleared)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_caller_hears_of_its_own_item), T(more_callers_than_a_batch_takes), T(runs_that_fail_harm_their_own_batch_only),
        T(who_gives_up_has_done_nothing), T(no_more_leaders_than_allowed),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
