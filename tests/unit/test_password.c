/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_password.c - hashes of all makes, weak passwords, and the threads that check them: many callers, a queue with an end, stopping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "util/clock.h"
#include "util/hasher.h"
#include "util/password.h"

#define CALLERS 90                      /* more than may wait */
#define COST    4

static apr_pool_t *pool;
static twc_conf_t conf = { .password_cost = COST };

static void hashes_of_all_makes(void **state)
{
    const char *hash;

    assert_int_equal(twc_password_hash(pool, "secret", COST, &hash), APR_SUCCESS);
    assert_memory_equal(hash, "$2y$04$", 7);
    assert_true(twc_password_matches("secret", hash, COST));
    assert_false(twc_password_matches("Secret", hash, COST));
    assert_false(twc_password_matches("", hash, COST));
    assert_false(twc_password_matches("secret", NULL, COST));
    assert_false(twc_password_is_old(hash, COST));
    assert_true(twc_password_is_old(hash, 10));
    assert_true(twc_password_matches("password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", COST));
    assert_true(twc_password_matches("myPassword", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", COST));
    assert_true(twc_password_matches("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", COST));
    assert_false(twc_password_matches("U*U", "nonsense", COST));
}

static double seconds_of_a_no(const char *kept)
{
    clock_t began = clock();

    assert_false(twc_password_matches("guess", kept, 10));
    return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* Processor time, of which there is a thousandfold difference where this is forgotten. */
static void a_no_tells_nothing_by_its_time(void **state)
{
    static const char *const quick[] = { "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                                         "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "nonsense" };
    double nobody = seconds_of_a_no(NULL);

    for (size_t i = 0; i < sizeof(quick) / sizeof(quick[0]); i++)
        assert_true(seconds_of_a_no(quick[i]) > nobody / 3);
}

static void weak_ones(void **state)
{
    static const char *const ana[] = { "ana.k", "kowalska@example.com", NULL };
    static const char *const weak[] = {
        "", "short", "password", "Password123!", "12345678", "87654321", "aaaaaaaa", "abababab", "qwertyuiop", "abcdefgh", "iloveyou",
        "letmein1", "xxana.kxx", "SUMMER2026", "!!!!!!!!", "a\xff" "bcdefghij", "P@ssw0rd1", "1q2w3e4r5t", "1qaz2wsx3edc", "q1w2e3r4",
        "changeme123", "passwordpassword", "abc123abc123", "ilovey0u", "Kowalska99", "akslawok1", "k0walska!", "Twilio2026", "twchat1!",
    };
    static const char *const fine[] = { "correct horse", "correct horse battery", "a fine one 9", "zażółć gęślą", "Tr0ub4dor&3x" };
    char long_one[80];

    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
        if (!twc_password_weakness(pool, weak[i], 8, ana))
            fail_msg("%s passes", weak[i]);
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        assert_null(twc_password_weakness(pool, fine[i], 8, ana));
    memset(long_one, 'x', sizeof(long_one));
    long_one[73] = '\0';
    assert_non_null(twc_password_weakness(pool, long_one, 1, NULL));
    long_one[72] = '\0';
    assert_null(twc_password_weakness(pool, long_one, 1, NULL));
    assert_non_null(twc_password_weakness(pool, long_one, 1, ana));
    assert_null(twc_password_weakness(pool, "x", 1, NULL));
}

/* ---- threads ------------------------------------------------------------------------------ */

static twc_hasher_t *hasher;
static const char *hash;

typedef struct caller_t {
    apr_thread_t *thread;
    const char *plain;
    apr_status_t rv;
    bool matches;
    bool makes;
} caller_t;

static void *APR_THREAD_FUNC call(apr_thread_t *thread, void *baton)
{
    caller_t *caller = baton;
    const char *made;
    apr_pool_t *own;
    twc_ctx_t ctx;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    twc_ctx_init(&ctx, own, NULL, &conf);
    caller->rv = caller->makes ? twc_hasher_hash(hasher, &ctx, caller->plain, &made)
        : twc_hasher_check(hasher, &ctx, caller->plain, hash, &caller->matches);
    apr_pool_destroy(own);
    return NULL;
}

static void many_ask_at_once(void **state)
{
    static caller_t callers[CALLERS];
    apr_status_t rv;
    int answered = 0;

    assert_int_equal(twc_hasher_create(&hasher, pool, 2, COST), APR_SUCCESS);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){ .plain = i % 3 ? "wrong" : "secret" };
        assert_int_equal(apr_thread_create(&callers[i].thread, NULL, call, &callers[i], pool), APR_SUCCESS);
    }
    for (int i = 0; i < CALLERS; i++) {
        apr_thread_join(&rv, callers[i].thread);
        if (callers[i].rv == APR_SUCCESS) {
            assert_int_equal(callers[i].matches, i % 3 == 0);
            answered++;
        }
        else
            assert_int_equal(callers[i].rv, APR_EAGAIN);
    }
    assert_in_range(answered, 16, CALLERS);
    twc_hasher_stop(hasher);
    assert_true(twc_hasher_join(hasher, twc_clock_ticks() + apr_time_from_sec(60)));
}

/* One thread, hashes that take a while: whoever makes one waits among four, and whoever has one checked finds room. */
static void a_crowd_that_registers_shuts_nobody_out(void **state)
{
    enum { CROWD = 14, CHECKS = 10 };
    static caller_t callers[CROWD + CHECKS];
    apr_status_t rv;
    int made = 0;

    assert_int_equal(twc_hasher_create(&hasher, pool, 1, COST + 6), APR_SUCCESS);
    for (int i = 0; i < CROWD + CHECKS; i++) {
        callers[i] = (caller_t){ .plain = "secret", .makes = i < CROWD };
        assert_int_equal(apr_thread_create(&callers[i].thread, NULL, call, &callers[i], pool), APR_SUCCESS);
    }
    for (int i = 0; i < CROWD + CHECKS; i++) {
        apr_thread_join(&rv, callers[i].thread);
        if (callers[i].makes)
            made += callers[i].rv == APR_SUCCESS;
        else
            assert_int_equal(callers[i].rv, APR_SUCCESS);
    }
    assert_in_range(made, 1, CROWD - 1);
    twc_hasher_stop(hasher);
    assert_true(twc_hasher_join(hasher, twc_clock_ticks() + apr_time_from_sec(60)));
}

static void who_lingers_waits_among_few(void **state)
{
    twc_ctx_t ctx;

    twc_ctx_init(&ctx, pool, NULL, &conf);
    assert_int_equal(twc_hasher_create(&hasher, pool, 1, COST), APR_SUCCESS);
    assert_int_equal(twc_hasher_linger(hasher, &ctx, 1000), APR_SUCCESS);
    twc_hasher_stop(hasher);
    assert_int_equal(twc_hasher_linger(hasher, &ctx, apr_time_from_sec(60)), APR_EAGAIN);
    assert_string_equal(ctx.problem->code, "busy");
    twc_problem_clear(&ctx);
    assert_int_equal(twc_hasher_linger(NULL, &ctx, 1000), APR_EAGAIN);
    assert_true(twc_hasher_join(hasher, twc_clock_ticks() + apr_time_from_sec(60)));
}

static void who_asks_one_that_stops_is_told(void **state)
{
    twc_ctx_t ctx;
    bool matches;

    twc_ctx_init(&ctx, pool, NULL, &conf);
    assert_int_equal(twc_hasher_create(&hasher, pool, 1, COST), APR_SUCCESS);
    assert_int_equal(twc_hasher_check(hasher, &ctx, "secret", hash, &matches), APR_SUCCESS);
    assert_true(matches);
    assert_int_equal(twc_hasher_check(hasher, &ctx, "secret", NULL, &matches), APR_SUCCESS);
    assert_false(matches);
    twc_hasher_stop(hasher);
    assert_int_equal(twc_hasher_check(hasher, &ctx, "secret", hash, &matches), APR_EAGAIN);
    assert_string_equal(ctx.problem->code, "busy");
    assert_true(twc_hasher_join(hasher, twc_clock_ticks() + apr_time_from_sec(60)));
}

static void without_threads(void **state)
{
    const char *made;
    twc_ctx_t ctx;
    bool matches;

    twc_ctx_init(&ctx, pool, NULL, &conf);
    assert_int_equal(twc_hasher_hash(NULL, &ctx, "x", &made), APR_SUCCESS);
    assert_int_equal(twc_hasher_check(NULL, &ctx, "x", made, &matches), APR_SUCCESS);
    assert_true(matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_all_makes), cmocka_unit_test(a_no_tells_nothing_by_its_time), cmocka_unit_test(weak_ones), cmocka_unit_test(many_ask_at_once),
        cmocka_unit_test(a_crowd_that_registers_shuts_nobody_out), cmocka_unit_test(who_lingers_waits_among_few),
        cmocka_unit_test(who_asks_one_that_stops_is_told), cmocka_unit_test(without_threads),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    twc_password_hash(pool, "secret", COST, &hash);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
