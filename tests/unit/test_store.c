/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_store.c - keys, requests that are repeated, the journal; a database that cannot be reached.
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
#include "json.h"
#include "store/setting.h"
#include "store/signin.h"

twc_conf_t conf = { .journal_keep = APR_USEC_PER_SEC * 3600 };

/* ---- small tables ----------------------------------------------------------------------------- */

static void keys_are_checked_by_hash(void **state)
{
    const char *key, *json;
    twc_apikey_t found;

    assert_int_equal(twc_apikey_create(ctx_new(), "the shop", TWC_ROLE_AGENT, 0, &key), APR_SUCCESS);
    assert_int_equal(strlen(key), 4 + 43);
    assert_int_equal(strncmp(key, "twk_", 4), 0);
    assert_int_equal(twc_apikey_check(ctx_new(), key, &found), APR_SUCCESS);
    assert_int_equal(found.role, TWC_ROLE_AGENT);
    assert_string_equal(found.name, "the shop");
    assert_int_equal(count("SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL"), 1);
    assert_int_equal(twc_apikey_check(ctx_new(), apr_pstrcat(pool, key, "x", NULL), &found), APR_ENOENT);
    assert_int_equal(twc_apikey_check(ctx_new(), "", &found), APR_ENOENT);
    assert_int_equal(twc_apikey_list(ctx_new(), &json), APR_SUCCESS);
    assert_null(strstr(json, key));
    assert_int_equal(twc_apikey_revoke(ctx_new(), apr_pstrmemdup(pool, key, 12)), APR_SUCCESS);
    assert_int_equal(twc_apikey_check(ctx_new(), key, &found), APR_ENOENT);
    assert_int_equal(twc_apikey_revoke(ctx_new(), "12 OR 1=1"), APR_ENOENT);
}

static twc_idem_e begin(const char *key, const char *body, int *status, const char **answer, apr_int64_t *id)
{
    twc_idem_e outcome;

    assert_int_equal(twc_idem_begin(ctx_new(), "api /send", key, (twc_str_t){ body, strlen(body) }, &outcome, status, answer, id), APR_SUCCESS);
    return outcome;
}

static void one_key_one_message(void **state)
{
    const char *answer;
    apr_int64_t id;
    int status;

    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_NEW);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_RUNNING);
    assert_int_equal(begin("k", "b", &status, &answer, &id), TWC_IDEM_MISMATCH);

    assert_int_equal(twc_idem_message(ctx_new(), "api /send", "k", 7), APR_SUCCESS);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_RUNNING);
    assert_int_equal(id, 7);

    assert_int_equal(twc_idem_finish(ctx_new(), "api /send", "k", 200, "{\"sid\":1}"), APR_SUCCESS);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_REPLAY);
    assert_int_equal(status, 200);
    assert_string_equal(answer, "{\"sid\":1}");
    count("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'");
    assert_int_equal(begin("k", "b", &status, &answer, &id), TWC_IDEM_NEW);
}

static apr_status_t claim_and_die(twc_ctx_t *ctx, void *baton)
{
    const char *answer;
    apr_int64_t id;
    twc_idem_e outcome;
    int status;

    TWC_TRY(twc_idem_begin(ctx, "api /send", "dying", (twc_str_t){ "a", 1 }, &outcome, &status, &answer, &id));
    assert_int_equal(outcome, TWC_IDEM_NEW);
    return APR_EGENERAL;                /* before it queued anything */
}

static void a_request_that_dies_leaves_no_key(void **state)
{
    const char *answer;
    apr_int64_t id;
    int status;

    assert_int_equal(twc_tx_run(ctx_new(), claim_and_die, NULL), APR_EGENERAL);
    assert_int_equal(begin("dying", "b", &status, &answer, &id), TWC_IDEM_NEW);
}

static void the_journal_forgets(void **state)
{
    twc_journal_row_t rows[2] = {
        { .call = { .interface = "flask-chat", .kind = "message", .received_at = apr_time_now() }, .verdict = "refused", .reason = "signature missing" },
        { .call = { .interface = "flask-chat", .kind = "message", .received_at = apr_time_now() - apr_time_from_sec(7200) },
          .verdict = "invalid", .suppressed = 3 },
    };
    const char *json;
    json_t *list;

    count("DELETE FROM webhook_journal");
    assert_int_equal(twc_journal_write(ctx_new(), rows, 2), APR_SUCCESS);
    assert_int_equal(twc_journal_list(ctx_new(), "refused", 10, &json), APR_SUCCESS);
    list = parse(json);
    assert_int_equal(json_array_size(list), 1);
    assert_keys(json_array_get(list, 0), "id at kind interface verdict reason sid method url remote_addr suppressed replayed_at");
    json_decref(list);
    count("INSERT INTO media_blobs VALUES ('\\xcd', '\\x00', now() - interval '2 days')");
    count("INSERT INTO status_events (sid, status, applied, received_at) VALUES ('SMforeign', 'sent', false, now() - interval '2 hours')");
    count("INSERT INTO status_events (sid, status, applied, received_at) VALUES ('SMearly', 'sent', false, now())");
    assert_int_equal(twc_journal_purge(ctx_new()), APR_SUCCESS);
    assert_int_equal(count("SELECT count(*) FROM status_events WHERE sid IN ('SMforeign', 'SMearly')"), 1);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal"), 1);
    assert_int_equal(count("SELECT count(*) FROM media_blobs WHERE sha256 = '\\xcd'"), 0);
}

static void addresses_count_by_network(void **state)
{
    static const char *const rows[][2] = {
        { "203.0.113.7", "address 203.0.113.7" }, { "::ffff:203.0.113.7", "address 203.0.113.7" },
        { "2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64" }, { "2001:DB8:1:2::1", "address 2001:db8:1:2::/64" },
        { "2001:db8:1:3::1", "address 2001:db8:1:3::/64" }, { "::1", "address ::/64" }, { "unknown", "address unknown" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(twc_attempt_address(pool, rows[i][0]), rows[i][1]);
}

/* ---- a database that cannot be reached ----------------------------------------------------- */

#define ASKING 8

static apr_uint32_t inside, most_inside;

/* What making a connection is where nobody answers: it takes its time and fails. */
static apr_status_t take_long(void *baton, twc_db_loan_t *loan)
{
    apr_uint32_t now = apr_atomic_inc32(&inside) + 1, most = apr_atomic_read32(&most_inside);

    if (now > most)
        apr_atomic_cas32(&most_inside, now, most);
    apr_sleep(20000);
    apr_atomic_dec32(&inside);
    return APR_ECONNREFUSED;
}

static void give_none(void *baton, twc_db_loan_t *loan, bool broken)
{
}

static void *APR_THREAD_FUNC ask_for_one(apr_thread_t *thread, void *baton)
{
    static const twc_sql_t sql = { "test_one", "SELECT 1", 0 };
    apr_pool_t *p;
    twc_ctx_t ctx;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    twc_ctx_init(&ctx, p, baton, &conf);
    if (twc_db_run(&ctx, &sql, NULL, NULL) != APR_EAGAIN || !twc_db_is_away(&ctx))
        abort();
    apr_pool_destroy(p);
    return NULL;
}

/* mod_dbd makes connections one after the other, however long each takes: whoever stands in that line cannot be called back. */
static void one_at_a_time_asks_for_a_connection(void **state)
{
    static const twc_db_lender_t lender = { take_long, give_none, NULL };
    apr_thread_t *threads[ASKING];
    apr_status_t rv;
    twc_db_t *nowhere;

    assert_int_equal(twc_db_create(&nowhere, pool, &lender, ASKING, apr_time_from_sec(20)), APR_SUCCESS);
    for (int i = 0; i < ASKING; i++)
        apr_thread_create(&threads[i], NULL, ask_for_one, nowhere, pool);
    for (int i = 0; i < ASKING; i++)
        apr_thread_join(&rv, threads[i]);
    assert_int_equal(apr_atomic_read32(&most_inside), 1);
    assert_true(twc_db_seems_away(nowhere));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_checked_by_hash), cmocka_unit_test(one_key_one_message),
        cmocka_unit_test(a_request_that_dies_leaves_no_key), cmocka_unit_test(the_journal_forgets),
        cmocka_unit_test(addresses_count_by_network), cmocka_unit_test(one_at_a_time_asks_for_a_connection),
    };

    return database_run("twchat_test_store", tests, database_make, database_drop);
}
