/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_settle.c - the queue on a real database: what a result does when it comes twice, late, or after somebody else's;
 * what becomes of a message without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/message.h"
#include "queue.h"
#include "store/ingest.h"

/* ---- results ------------------------------------------------------------------------------ */

static void a_result_written_twice_counts_once(void **state)
{
    twc_claim_t c;

    ask("+14150000001");
    c = claim_one();
    for (int i = 0; i < 2; i++)
        settle(RESULT(c, .verdict = TWC_SETTLE_FAILED, .code = 21211, .reason = "no such number"));
    assert_string_equal(of(c.id, "status || error_code || error_message"), "failed21211no such number");
    assert_string_equal(value("SELECT sum(n) FROM daily_counts WHERE metric = 'failed'"), "1");
    assert_string_equal(state_of(c.id), "gone");
}

static void a_late_result_of_an_earlier_attempt(void **state)
{
    twc_claim_t c, again;

    ask("+14150000001");
    c = claim_one();
    settle(RESULT(c, .verdict = TWC_SETTLE_LATER));
    again = claim_one();
    assert_int_equal(again.attempt, 2);
    settle(RESULT(c, .verdict = TWC_SETTLE_FAILED, .code = 1));
    settle(RESULT(c, .verdict = TWC_SETTLE_UNKNOWN, .delay = 1));
    assert_string_equal(state_of(c.id), "sending");
    assert_string_equal(of(c.id, "status"), "queued");
    settle(RESULT(c, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa", .status = "sent"));
    assert_string_equal(of(c.id, "sid || status"), "SMasent");
    assert_string_equal(state_of(c.id), "sending");
    settle(RESULT(again, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMb", .status = "queued"));
    assert_string_equal(of(c.id, "sid || status"), "SMasent");
    assert_string_equal(value("SELECT count(*) FROM message_sids"), "2");
    assert_string_equal(state_of(c.id), "gone");
}

static void a_late_sid_stops_another_attempt(void **state)
{
    twc_claim_t c, *none;

    ask("+14150000001");
    c = claim_one();
    settle(RESULT(c, .verdict = TWC_SETTLE_UNKNOWN, .delay = 0));
    settle(RESULT(c, .verdict = TWC_SETTLE_LATER));
    settle(RESULT(c, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa"));
    assert_string_equal(state_of(c.id), "gone");
    assert_int_equal(claim(&none, 10), 0);
}

/* Two searches for equal texts can meet the same entry of Twilio's list, in one batch or in two. */
static void what_was_found_is_only_one_of_two(void **state)
{
    twc_claim_t *c;
    int count;

    ask("+14150000001");
    ask("+14150000002");
    count = claim(&c, 10);
    assert_int_equal(count, 2);
    settle(RESULT(c[0], .verdict = TWC_SETTLE_UNKNOWN));
    settle(RESULT(c[1], .verdict = TWC_SETTLE_UNKNOWN));
    twc_settle_t first = RESULT(c[0], .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMsame", .found = true, .status = "sent"),
                 other = RESULT(c[1], .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMsame", .found = true, .status = "sent");
    const twc_settle_t *both[] = { &first, &other };
    assert_int_equal(twc_outbox_settle(ctx_new(), both, 2), APR_SUCCESS);
    assert_string_equal(state_of(c[0].id), "gone");
    for (int i = 0; i < 2; i++) {
        assert_string_equal(state_of(c[1].id), "unknown");
        assert_null(value(apr_psprintf(pool, "SELECT sid FROM messages WHERE id = %" APR_INT64_T_FMT, c[1].id)));
        settle(other);
    }
    settle(RESULT(c[1], .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMother", .found = true, .status = "sent"));
    assert_string_equal(state_of(c[1].id), "gone");
    assert_string_equal(value("SELECT string_agg(sid, ' ' ORDER BY message_id) FROM message_sids WHERE sid IN ('SMsame', 'SMother')"), "SMsame SMother");
}

static void status_by_id(apr_int64_t id, const char *sid, const char *status)
{
    twc_call_t call = { .interface = "flask-chat", .kind = "status", .method = "POST", .url = "http://x/", .raw = "", .received_at = apr_time_now() };
    twc_status_t s = { .sid = sid, .status = status, .call = &call,
                       .uuid = id ? value(apr_psprintf(pool, "SELECT twchat_uuid(%" APR_INT64_T_FMT ")", id)) : NULL };
    twc_status_t *item = &s;

    assert_int_equal(twc_ingest_statuses(ctx_new(), &item, 1), APR_SUCCESS);
}

static void a_callback_settles_before_the_answer(void **state)
{
    twc_claim_t c;

    ask("+14150000001");
    c = claim_one();
    status_by_id(c.id, "SMa", "delivered");
    assert_string_equal(state_of(c.id), "gone");
    settle(RESULT(c, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa", .status = "queued", .segments = 2));
    assert_string_equal(of(c.id, "sid || status || num_segments"), "SMadelivered2");
    settle(RESULT(c, .verdict = TWC_SETTLE_UNKNOWN, .delay = 1));
    assert_string_equal(state_of(c.id), "gone");
}

static void callbacks_that_knew_the_sid_only(void **state)
{
    twc_claim_t c;

    ask("+14150000001");
    c = claim_one();
    status_by_id(0, "SMa", "delivered");
    status_by_id(0, "SMa", "sent");
    settle(RESULT(c, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa", .status = "queued"));
    assert_string_equal(of(c.id, "status"), "delivered");
    assert_string_equal(value("SELECT count(*) FROM status_events WHERE message_id IS NOT NULL AND sid = 'SMa'"), "2");
    assert_string_equal(value("SELECT string_agg(status, ' ') FROM status_events WHERE applied AND sid = 'SMa'"), "delivered");
}

static const char *opt_outs(apr_int64_t id)
{
    return value(apr_psprintf(pool, "SELECT count(*) FROM jobs WHERE kind = 'opt-out' AND message_id = %" APR_INT64_T_FMT, id));
}

/* Twilio tells of an opt-out in a callback, and that may be quicker than the answer which tells the SID. */
static void an_opt_out_told_too_early_counts(void **state)
{
    const char *told = "INSERT INTO status_events (sid, status, error_code, applied, received_at) VALUES ('SMa', 'failed', 21610, false, now())";
    twc_claim_t c;

    ask("+14150000001");
    c = claim_one();
    value(told);
    settle(RESULT(c, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa", .status = "queued"));
    assert_string_equal(of(c.id, "status || error_code"), "failed21610");
    assert_string_equal(opt_outs(c.id), "1");
    value(told);
    assert_int_equal(twc_outbox_early(ctx_new()), APR_SUCCESS);
    assert_string_equal(opt_outs(c.id), "2");
}

static void an_expired_lease_is_looked_for_by_one(void **state)
{
    apr_int64_t id = ask("+14150000001");
    twc_claim_t c = claim_one(), *found, *none;
    int count;

    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, 0, LEASE, &none, &count), APR_SUCCESS);
    assert_int_equal(count, 0);
    value("UPDATE outbox SET lease_until = now() - interval '1 second', attempted_at = now() - interval '50 seconds'");
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, 0, LEASE, &found, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_true(found[0].id == id && found[0].attempt == c.attempt && found[0].age >= apr_time_from_sec(50));
    assert_string_equal(state_of(id), "unknown");
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, 0, LEASE, &none, &count), APR_SUCCESS);
    assert_int_equal(count, 0);
    settle(RESULT(found[0], .verdict = TWC_SETTLE_UNKNOWN, .checked = true));
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, 0, LEASE, &found, &count), APR_SUCCESS);
    assert_int_equal(found[0].checks, 1);
    assert_int_equal(claim(&none, 10), 0);
}

static void taking_back(void **state)
{
    apr_int64_t id = ask("+14150000001");
    twc_claim_t *none;

    assert_int_equal(twc_message_cancel(ctx_new(), id), APR_SUCCESS);
    assert_string_equal(of(id, "status"), "canceled");
    assert_int_equal(claim(&none, 10), 0);
    assert_int_equal(twc_message_cancel(ctx_new(), id), APR_EEXIST);
    assert_int_equal(twc_message_cancel(ctx_new(), 999999999), APR_ENOENT);
    id = ask("+14150000001");
    claim_one();
    assert_int_equal(twc_message_cancel(ctx_new(), id), APR_EEXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_result_written_twice_counts_once), TEST(a_late_result_of_an_earlier_attempt),
        TEST(a_late_sid_stops_another_attempt), TEST(what_was_found_is_only_one_of_two),
        TEST(a_callback_settles_before_the_answer), TEST(callbacks_that_knew_the_sid_only),
        TEST(an_opt_out_told_too_early_counts), TEST(an_expired_lease_is_looked_for_by_one), TEST(taking_back),
    };

    return database_run("twchat_test_settle", tests, database_make, database_drop);
}
