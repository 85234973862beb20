/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_follow.c - looking after the queue on a real database: messages without a last status, answers that may have got
 * lost, answers in order, a clock that was set back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue.h"
#include "store/ahead.h"
#include "store/follow.h"
#include "store/job.h"

/* ---- following ---------------------------------------------------------------------------------- */

static const char *sweep_again(void)
{
    value("UPDATE sweeps SET run_at = now()");
    assert_int_equal(twc_follow_sweep(ctx_new(), apr_time_from_sec(3600)), APR_SUCCESS);
    return value("SELECT count(*) || ' of ' || count(DISTINCT message_id) FROM jobs WHERE kind = 'follow'");
}

/* Messages of one statement share their time, and the walk stops among them. */
static void a_sweep_meets_each_message_once(void **state)
{
    value("DELETE FROM jobs");
    value("UPDATE sweeps SET done_at = now() - interval '1 day', done_id = 0, run_at = now()");
    value("INSERT INTO messages (conv_id, sid, direction, source, status, created_at)"
          " SELECT 1, 'SM' || n, 'outbound', 'api', CASE WHEN n % 2 = 0 THEN 'sent' ELSE 'delivered' END, now() - interval '2 hours'"
          "   FROM generate_series(1, 500) n");
    value("INSERT INTO messages (conv_id, sid, direction, source, status) VALUES (1, 'SMyoung', 'outbound', 'api', 'sent')");
    value("INSERT INTO messages (conv_id, sid, direction, source, status, created_at)"
          " VALUES (1, 'SMtheirs', 'inbound', 'twilio', 'received', now() - interval '2 hours')");
    assert_string_equal(sweep_again(), "100 of 100");
    assert_string_equal(sweep_again(), "100 of 100");       /* no room */
    value("UPDATE jobs SET run_at = now() + interval '1 hour'");
    assert_string_equal(sweep_again(), "200 of 200");
    value("UPDATE jobs SET run_at = now() + interval '1 hour'");
    assert_string_equal(sweep_again(), "250 of 250");
    assert_string_equal(sweep_again(), "250 of 250");
    assert_int_equal(twc_follow_sweep(ctx_new(), 1), APR_SUCCESS);     /* not its time: nothing happens */
    assert_string_equal(value("SELECT count(*) FROM jobs WHERE kind = 'follow'"), "250");
    value("DELETE FROM jobs");
}

static void answers_in_twiml_that_may_have_got_lost(void **state)
{
    const apr_interval_time_t after = apr_time_from_sec(60);
    twc_claim_t *claims;
    int count;

    value("DELETE FROM sweeps WHERE name = 'twiml'");
    value("INSERT INTO messages (conv_id, sid, direction, source, status, from_addr, to_addr, body, created_at) VALUES"
          " (1, NULL, 'outbound', 'twiml', 'queued', '+15005550016', '+14150000900', 'lost', now() - interval '2 minutes'),"
          " (1, NULL, 'outbound', 'twiml', 'queued', '+15005550016', '+14150000900', 'young', now()),"
          " (1, 'SMgiven', 'outbound', 'twiml', 'queued', '+15005550016', '+14150000900', 'given', now() - interval '2 minutes'),"
          " (1, NULL, 'outbound', 'api', 'queued', '+15005550016', '+14150000900', 'asked', now() - interval '2 minutes'),"
          " (1, NULL, 'outbound', 'twiml', 'queued', '+15005550016', '+14150000900', 'late', now() - interval '2 days')");
    for (int i = 0; i < 3; i++) {       /* the first time makes the row of the walk, and the third meets nothing new */
        assert_int_equal(twc_follow_answers(ctx_new(), after), APR_SUCCESS);
        value("UPDATE sweeps SET run_at = now()");
    }
    assert_string_equal(value("SELECT string_agg(m.body || ' ' || o.state || ' ' || o.attempts, ', ') FROM outbox o JOIN messages m ON m.id = o.message_id"
                              " WHERE m.to_addr = '+14150000900'"), "lost unknown 0");
    assert_string_equal(value("SELECT status || ' ' || error_message FROM messages WHERE body = 'late'"),
                        "failed Nobody knows whether Twilio got this answer.");
    assert_string_equal(value("SELECT kind FROM senders WHERE sender = '+15005550016'"), "longcode-us");
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, 0, after, &claims, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(claims->attempt, 0);
    assert_string_equal(claims->body, "lost");
    value("DELETE FROM outbox");
}

/* ---- answers in order --------------------------------------------------------------------------- */

/* What another runner can have while this one is at work on the first answer. */
static apr_status_t take_two(twc_ctx_t *ctx, void *baton)
{
    twc_answer_t first, other;

    assert_int_equal(twc_job_take_answer(ctx, &first), APR_SUCCESS);
    assert_string_equal(first.turn.body, "a1");
    assert_int_equal(twc_job_take_answer(ctx_new(), &other), APR_SUCCESS);
    assert_string_equal(other.turn.body, "b1");
    assert_int_equal(twc_job_take_answer(ctx_new(), &other), APR_ENOENT);
    return APR_SUCCESS;
}

static void answers_of_one_conversation_follow_each_other(void **state)
{
    twc_answer_t next;

    value("DELETE FROM jobs");
    value("INSERT INTO conversations (peer, channel, address, ours) VALUES ('+14159990001', 'sms', '+14159990001', '" OURS "'),"
          " ('+14159990002', 'sms', '+14159990002', '" OURS "')");
    value("INSERT INTO messages (conv_id, direction, source, from_addr, to_addr, body, status)"
          " SELECT c.id, 'inbound', 'twilio', c.peer, '" OURS "', x.body, 'received'"
          "   FROM (VALUES (1, '+14159990001', 'a1'), (2, '+14159990001', 'a2'), (3, '+14159990002', 'b1')) x(n, peer, body)"
          "   JOIN conversations c USING (peer) ORDER BY x.n");
    value("INSERT INTO jobs (kind, message_id) SELECT 'answer', id FROM messages ORDER BY conv_id, id DESC");
    assert_int_equal(twc_tx_run(ctx_new(), take_two, NULL), APR_SUCCESS);
    assert_int_equal(twc_job_take_answer(ctx_new(), &next), APR_SUCCESS);
    assert_string_equal(next.turn.body, "a2");
}

/* ---- a clock that was set back ------------------------------------------------------------------ */

static int pull(void)
{
    int count;

    assert_int_equal(twc_ahead_pull(ctx_new(), &count), APR_SUCCESS);
    return count;
}

/* The database's clock was set back by an hour: what was written before lies in the future. */
static void a_clock_that_was_set_back(void **state)
{
    twc_claim_t *claims, c;

    ask("+14150000001");
    value("UPDATE senders SET tokens = 0, refilled_at = now() + interval '1 hour'");
    assert_int_equal(claim(&claims, 10), 0);
    assert_string_equal(value("SELECT reason FROM stuck_messages"), "The clock of the database was set back.");
    assert_int_equal(pull(), 1);
    assert_null(value("SELECT reason FROM stuck_messages"));
    value("UPDATE senders SET tokens = 5");
    c = claim_one();
    assert_int_equal(pull(), 0);
    value("UPDATE outbox SET attempted_at = attempted_at + interval '1 hour', lease_until = lease_until + interval '1 hour'");
    assert_string_equal(value("SELECT why FROM stuck_messages"), "unknown");
    assert_int_equal(pull(), 1);        /* not ended early: the lease begins anew */
    assert_string_equal(value("SELECT lease_until > now() AND lease_until <= now() + interval '30 seconds' FROM outbox"), "t");
    settle(RESULT(c, .verdict = TWC_SETTLE_LATER, .delay = apr_time_from_sec(2)));
    assert_int_equal(claim(&claims, 10), 0);
    value("UPDATE outbox SET attempted_at = attempted_at + interval '1 hour', not_before = not_before + interval '1 hour'");
    claim_one();
    value("UPDATE senders SET parked_until = 'infinity'");
    assert_int_equal(pull(), 0);        /* that is what somebody wants */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_meets_each_message_once), TEST(answers_in_twiml_that_may_have_got_lost),
        TEST(answers_of_one_conversation_follow_each_other), TEST(a_clock_that_was_set_back),
    };

    return database_run("twchat_test_follow", tests, database_make, database_drop);
}
