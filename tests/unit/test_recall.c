/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_recall.c - answers that are given again are those a look would find: after commits, rollbacks, lost
 * connections, and while others write; they are looked for once, and only so many are kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "database.h"
#include "store/recall.h"

#define SCHEMA "twchat_test_recall"
#define TABLE "recalled"

twc_conf_t conf;
static twc_db_t *elsewhere;             /* another process than that of db */
static twc_recall_t *recall;
static apr_uint32_t looks;

static const twc_sql_t SQL_LIST = { "test_recall_list",
    "SELECT json_build_array((SELECT n FROM " TABLE "), $1::text), " TWC_SQL_STAMP, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

static twc_ctx_t *ctx_with(apr_pool_t *p, twc_db_t *of, twc_recall_t *with)
{
    twc_ctx_t *ctx = ctx_in(p);

    ctx->db = of;
    ctx->recall = with;
    return ctx;
}

static void write_elsewhere(const char *script)
{
    assert_int_equal(twc_db_script(ctx_with(pool, elsewhere, NULL), script), APR_SUCCESS);
}

/* Called with what was looked up, and never with what was given again. */
static const char *looked(apr_pool_t *p, const char *json)
{
    apr_atomic_inc32(&looks);
    return apr_pstrcat(p, json, "!", NULL);
}

static const char *read_with(twc_ctx_t *ctx, const char *arg)
{
    const char *json;
    twc_args_t args;

    twc_args_init(&args, ctx->scratch);
    twc_arg_text(&args, arg);
    assert_int_equal(twc_recall_json(ctx, &SQL_LIST, &args, looked, &json), APR_SUCCESS);
    return json;
}

static const char *read_list(const char *arg)
{
    return read_with(ctx_with(pool, db, recall), arg);
}

/* What two looks have found the same is given again: until somebody else writes, PostgreSQL itself included. */
static void settle(const char *arg)
{
    apr_uint32_t before;

    for (int i = 0; i < 1000; i++) {
        before = apr_atomic_read32(&looks);
        read_list(arg);
        if (apr_atomic_read32(&looks) == before)
            return;
    }
    fail_msg("always looked up");
}

static void given_again_while_nothing_is_written(void **state)
{
    write_elsewhere("UPDATE " TABLE " SET n = 1");
    settle("a");
    assert_string_equal(read_list("a"), "[1, \"a\"]!");
    write_elsewhere("UPDATE " TABLE " SET n = 2");
    assert_string_equal(read_list("a"), "[2, \"a\"]!");
    settle("a");
    assert_string_equal(read_list("a"), "[2, \"a\"]!");
}

static void arguments_are_told_apart(void **state)
{
    write_elsewhere("UPDATE " TABLE " SET n = 3");
    for (int i = 0; i < 4; i++) {
        assert_string_equal(read_list(NULL), "[3, null]!");
        assert_string_equal(read_list(""), "[3, \"\"]!");
        assert_string_equal(read_list("n"), "[3, \"n\"]!");
    }
}

static apr_status_t write_and_fail(twc_ctx_t *ctx, void *baton)
{
    TWC_TRY(twc_db_script(ctx, "UPDATE " TABLE " SET n = 99"));
    assert_string_equal(read_list("r"), "[4, \"r\"]!");
    settle("r");                        /* a transaction that goes on does not change what is seen */
    assert_string_equal(read_with(ctx, "r"), "[99, \"r\"]!");
    return *(bool *)baton ? twc_problem(ctx, APR_EINVAL, "test", "On purpose.") : APR_SUCCESS;
}

static void transactions_are_seen_when_they_are_committed(void **state)
{
    twc_ctx_t *ctx = ctx_with(pool, elsewhere, recall);
    bool fail = true;

    write_elsewhere("UPDATE " TABLE " SET n = 4");
    settle("r");
    assert_int_equal(twc_tx_run(ctx, write_and_fail, &fail), APR_EINVAL);
    assert_string_equal(read_list("r"), "[4, \"r\"]!");
    fail = false;
    twc_problem_clear(ctx);
    assert_int_equal(twc_tx_run(ctx, write_and_fail, &fail), APR_SUCCESS);
    assert_string_equal(read_list("r"), "[99, \"r\"]!");
}

static void a_lost_connection_ends_trust(void **state)
{
    apr_uint32_t before;

    settle("l");
    before = apr_atomic_read32(&looks);
    write_elsewhere("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND application_name = '" SCHEMA "' AND backend_type = 'client backend'");
    read_list("l");
    assert_true(apr_atomic_read32(&looks) > before);
}

static void only_so_many_are_kept(void **state)
{
    apr_uint32_t before;

    settle("first");
    for (int i = 0; i < 300; i++)
        read_list(apr_psprintf(pool, "other %d", i));
    before = apr_atomic_read32(&looks);
    read_list("first");
    assert_true(apr_atomic_read32(&looks) > before);
}

static void large_answers_are_looked_up(void **state)
{
    char *large = apr_palloc(pool, (2 << 20) + 1);
    apr_uint32_t before;

    memset(large, 'x', 2 << 20);
    large[2 << 20] = '\0';
    for (int i = 0; i < 3; i++) {
        before = apr_atomic_read32(&looks);
        assert_true(strlen(read_list(large)) > 2 << 20);
        assert_int_equal(apr_atomic_read32(&looks), before + 1);
    }
}

static void failures_are_told_to_each(void **state)
{
    static const twc_sql_t bad = { "test_recall_bad", "SELECT 1 / $1::integer, " TWC_SQL_STAMP, TWC_SQL_IDEMPOTENT };

    for (int i = 0; i < 3; i++) {
        twc_ctx_t *ctx = ctx_with(pool, db, recall);
        const char *json;
        twc_args_t args;
        twc_args_init(&args, pool);
        twc_arg_int(&args, 0);
        assert_int_equal(twc_recall_json(ctx, &bad, &args, NULL, &json), APR_EINVAL);
        assert_null(json);
    }
}

/* ---- many at once ------------------------------------------------------------------- */

#define READERS 4
#define WRITES  400

static apr_uint32_t committed, stop, stale;

static void *APR_THREAD_FUNC write_on(apr_thread_t *thread, void *baton)
{
    apr_pool_t *own;

    apr_pool_create(&own, NULL);
    for (int i = 0; i < WRITES; i++) {
        const char *script = apr_psprintf(own, "UPDATE " TABLE " SET n = %d", i + 1000);
        if (twc_db_script(ctx_with(own, elsewhere, NULL), script) != APR_SUCCESS)
            apr_atomic_inc32(&stale);
        apr_atomic_set32(&committed, i + 1000);
        if (i % 4 == 0)
            apr_sleep(2000);            /* long enough for answers to be given again */
        apr_pool_clear(own);
    }
    apr_atomic_set32(&stop, 1);
    apr_pool_destroy(own);
    return NULL;
}

static void *APR_THREAD_FUNC read_on(apr_thread_t *thread, void *baton)
{
    twc_db_t *of = baton;
    apr_pool_t *own;

    apr_pool_create(&own, NULL);
    while (!apr_atomic_read32(&stop)) {
        apr_uint32_t at_least = apr_atomic_read32(&committed);
        if ((apr_uint32_t)atoi(read_with(ctx_with(own, of, recall), "w") + 1) < at_least)
            apr_atomic_inc32(&stale);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return NULL;
}

static void never_older_than_the_question(void **state)
{
    apr_thread_t *threads[READERS + 1];
    apr_status_t rv;

    write_elsewhere("UPDATE " TABLE " SET n = 999");
    apr_thread_create(&threads[READERS], NULL, write_on, NULL, pool);
    for (int i = 0; i < READERS; i++)
        apr_thread_create(&threads[i], NULL, read_on, db, pool);
    for (int i = 0; i <= READERS; i++)
        apr_thread_join(&rv, threads[i]);
    assert_int_equal(stale, 0);
}

static int setup(void **state)
{
    if (database_make(state) != 0)
        return -1;
    elsewhere = database_another();
    if (!elsewhere || twc_recall_create(&recall, pool) != APR_SUCCESS)
        return -1;
    write_elsewhere("CREATE TABLE " TABLE " (n integer); INSERT INTO " TABLE " VALUES (0)");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_again_while_nothing_is_written), cmocka_unit_test(arguments_are_told_apart),
        cmocka_unit_test(transactions_are_seen_when_they_are_committed), cmocka_unit_test(a_lost_connection_ends_trust),
        cmocka_unit_test(only_so_many_are_kept), cmocka_unit_test(large_answers_are_looked_up),
        cmocka_unit_test(failures_are_told_to_each), cmocka_unit_test(never_older_than_the_question),
    };

    return database_run(SCHEMA, tests, setup, database_drop);
}
