/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_ingest.c - webhooks into a real database: once per SID, statuses only upwards,
 * callbacks before their message, batches of many threads, a poison item, events in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_thread_proc.h>

#include "database.h"
#include "store/consent.h"
#include "store/event.h"
#include "store/ingest.h"
#include "util/monitor.h"
#include "work/batch.h"

twc_conf_t conf = { .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600, .ack_text = "Got it." };
static twc_call_t call = { .interface = "flask-chat", .kind = "message", .method = "POST", .url = "http://x/", .raw = "a=b" };

static twc_inbound_t message(const char *sid, const char *from, const char *body)
{
    return (twc_inbound_t){ .sid = sid, .account_sid = "AC1", .from = from, .to = "+15005550006", .body = body,
                            .call = &call };
}

static void ingest(twc_inbound_t *a)
{
    assert_int_equal(twc_ingest_messages(ctx_new(), &a, 1), APR_SUCCESS);
}

static twc_status_t status(const char *sid, const char *word, int code)
{
    return (twc_status_t){ .sid = sid, .status = word, .error_code = code, .call = &call };
}

static void apply(twc_status_t *s)
{
    assert_int_equal(twc_ingest_statuses(ctx_new(), &s, 1), APR_SUCCESS);
}

static void stores_once_per_sid(void **state)
{
    twc_inbound_t a = message("SMonce", "+14150000001", "hi \"there\\ ' {}, NULL");

    ingest(&a);
    assert_false(a.duplicate);
    assert_true(a.message_id > 0);
    apr_int64_t first = a.message_id;
    ingest(&a);
    assert_true(a.duplicate);
    assert_int_equal(a.message_id, first);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid = 'SMonce' AND body = 'hi \"there\\ '' {}, NULL'"), 1);
    assert_int_equal(count("SELECT unread FROM conversations WHERE peer = '+14150000001'"), 1);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal WHERE sid = 'SMonce' AND verdict = 'duplicate'"), 1);
}

static void hears_a_message_that_was_only_seen(void **state)
{
    twc_inbound_t a = message("SMseen", "+14150000002", "hi");

    a.answer_arg = "flask-chat";
    a.media_json = "[{\"url\":\"https://api.twilio.com/x\",\"type\":\"image/png\"}]";
    a.num_media = 1;
    count("WITH v AS (INSERT INTO conversations (peer, channel, address) VALUES ('+14150000002', 'sms', '+14150000002') RETURNING id),"
          " m AS (INSERT INTO messages (conv_id, sid, direction, source, body) SELECT id, 'SMseen', 'inbound', 'twilio', 'hi' FROM v RETURNING id)"
          " INSERT INTO message_sids (sid, message_id) SELECT 'SMseen', id FROM m RETURNING message_id");
    ingest(&a);
    assert_false(a.duplicate);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid = 'SMseen'"), 1);
    assert_int_equal(count("SELECT count(*) FROM jobs j JOIN messages m ON m.id = j.message_id WHERE m.sid = 'SMseen'"), 2);
    assert_int_equal(count("SELECT count(*) FROM message_media a JOIN messages m ON m.id = a.message_id WHERE m.sid = 'SMseen'"), 1);
}

static void acknowledges_within_the_limit(void **state)
{
    for (int i = 0; i < 5; i++) {
        twc_inbound_t a = message(apr_psprintf(pool, "SMack%d", i), "+14150000003", "hi");
        a.ack = true;
        ingest(&a);
        assert_int_equal(a.ack_allowed, i < 3);
    }
    assert_int_equal(count("SELECT total FROM conversations WHERE peer = '+14150000003'"), 8);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE source = 'twiml' AND to_addr = '+14150000003'"), 3);
    assert_int_equal(count("SELECT (loop_guard_at IS NOT NULL)::int FROM conversations WHERE peer = '+14150000003'"), 1);
}

/* The connection broke between commit and result, and the statement is run again: its acknowledgement is still to be given. */
static void acknowledges_the_same_call_again(void **state)
{
    twc_call_t first = call, fallback = call;
    twc_inbound_t a = message("SMagain", "+14150000006", "hi");
    twc_status_t s = status("SMagain-ack", "queued", 0);

    first.received_at = apr_time_now();
    fallback.received_at = first.received_at + 1;
    a.ack = true;
    a.call = &first;
    ingest(&a);
    assert_true(a.ack_allowed && !a.duplicate);
    ingest(&a);
    assert_true(a.ack_allowed && a.duplicate);
    a.call = &fallback;                 /* Twilio calls a second time: whether it got the first answer is not known here */
    ingest(&a);
    assert_false(a.ack_allowed);
    s.reply_to = a.message_id;          /* it did */
    apply(&s);
    assert_true(s.applied || s.message_id > 0);
    a.call = &first;
    ingest(&a);
    assert_false(a.ack_allowed);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE source = 'twiml' AND to_addr = '+14150000006'"), 1);
    assert_int_equal(count("SELECT answers FROM conversations WHERE peer = '+14150000006'"), 1);
}

static void acknowledges_nobody_who_wants_silence(void **state)
{
    twc_inbound_t closed = message("SMackstop", "+14150000004", "hi"), silenced = message("SMackbot", "+14150000005", "hi");

    count("WITH e AS (INSERT INTO consent_events (sender, peer, state, source) VALUES ('+15005550006', '+14150000004', 'opted_out', 'keyword')"
          " RETURNING id) INSERT INTO consents (peer, sender, state, event_id) SELECT '+14150000004', '+15005550006', 'opted_out', id"
          " FROM e RETURNING event_id");
    count("INSERT INTO conversations (peer, channel, address, stop_bot) VALUES ('+14150000005', 'sms', '+14150000005', true) RETURNING id");
    closed.ack = silenced.ack = true;
    ingest(&closed);
    ingest(&silenced);
    assert_false(closed.ack_allowed);
    assert_false(silenced.ack_allowed);
    assert_int_equal(count("SELECT sum(total) FROM conversations WHERE peer IN ('+14150000004', '+14150000005')"), 2);
}

static bool is_closed(const char *peer)
{
    bool closed;

    assert_int_equal(twc_consent_state(ctx_new(), "+15005550006", NULL, peer, &closed), APR_SUCCESS);
    return closed;
}

static void say_word(const char *peer, bool opted_out, apr_int64_t message_id)
{
    assert_int_equal(twc_consent_record(ctx_new(), "+15005550006", peer, opted_out, "keyword", NULL, message_id), APR_SUCCESS);
}

/* A job may have had to wait, a call may come out of another machine's spool. */
static void the_word_written_last_counts(void **state)
{
    const char *peer = "+14150000006";
    twc_inbound_t first = message("SMword1", peer, "START"), last = message("SMword2", peer, "STOP");

    ingest(&first);
    ingest(&last);
    say_word(peer, true, last.message_id);
    say_word(peer, false, first.message_id);
    assert_true(is_closed(peer));
    assert_int_equal(count("SELECT count(*) FROM consent_events WHERE peer = '+14150000006'"), 2);
    assert_int_equal(count("SELECT count(*) FROM contacts WHERE address = '+14150000006' AND opt_in_status = 'opted_out'"), 1);
    say_word(peer, false, 0);           /* an operator's word comes with no message */
    assert_false(is_closed(peer));
    say_word(peer, true, last.message_id);
    assert_true(is_closed(peer));
}

static twc_inbound_t wish(const char *sid, const char *peer, bool opted_out)
{
    twc_inbound_t a = message(sid, peer, opted_out ? "STOP" : "START");

    a.wish = (twc_wish_t){ .source = "keyword", .evidence = a.body, .service = "MG1", .opted_out = opted_out };
    return a;
}

static void what_they_want_is_there_with_the_message(void **state)
{
    const char *peer = "+14150000007";
    twc_inbound_t stop = wish("SMwish1", peer, true), start = wish("SMwish2", peer, false),
                  other = message("SMwish3", "+14150000008", "hi"), again = wish("SMwish1", peer, true);
    twc_inbound_t *both[] = { &stop, &other }, *late[] = { &again };
    bool closed;

    assert_int_equal(twc_ingest_messages(ctx_new(), both, 2), APR_SUCCESS);
    assert_true(is_closed(peer));
    assert_false(is_closed("+14150000008"));
    assert_int_equal(twc_consent_state(ctx_new(), NULL, "MG1", peer, &closed), APR_SUCCESS);
    assert_true(closed);
    assert_int_equal(count(apr_psprintf(pool, "SELECT count(*) FROM consent_events WHERE peer = '%s' AND message_id = %" APR_INT64_T_FMT
                                        " AND evidence = 'STOP'", peer, stop.message_id)), 2);
    ingest(&start);
    assert_false(is_closed(peer));
    assert_int_equal(twc_ingest_messages(ctx_new(), late, 1), APR_SUCCESS);     /* Twilio says it again */
    assert_false(is_closed(peer));
}

static apr_int64_t outbound(const char *sid)
{
    return count(apr_psprintf(pool,
        "WITH m AS (INSERT INTO messages (conv_id, sid, direction, source, status) VALUES (1, %s, 'outbound', 'api', 'queued') RETURNING id, sid),"
        " s AS (INSERT INTO message_sids (sid, message_id) SELECT sid, id FROM m WHERE sid IS NOT NULL),"
        " o AS (INSERT INTO outbox (message_id, conv_id, sender, priority, segments, state, due_at) SELECT id, 1, 'x', 1, 1, 'sending', now() FROM m)"
        " SELECT id FROM m", sid ? apr_psprintf(pool, "'%s'", sid) : "NULL"));
}

static const char *status_of(apr_int64_t id)
{
    return value(apr_psprintf(pool, "SELECT status FROM messages WHERE id = %" APR_INT64_T_FMT, id));
}

static void statuses_only_rise(void **state)
{
    static const struct { const char *word, *then; } steps[] = {
        { "sent", "sent" }, { "queued", "sent" }, { "weird", "sent" }, { "delivered", "delivered" }, { "sent", "delivered" },
        { "undelivered", "delivered" }, { "read", "read" }, { "delivered", "read" } };
    apr_int64_t id = outbound("SMrise");

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        twc_status_t s = status("SMrise", steps[i].word, 0);
        apply(&s);
        assert_string_equal(status_of(id), steps[i].then);
    }
    assert_int_equal(count("SELECT count(*) FROM status_events WHERE sid = 'SMrise'"), 8);
    assert_int_equal(count("SELECT count(*) FROM jobs WHERE kind = 'refetch'"), 1);
}

static void a_batch_takes_the_highest(void **state)
{
    apr_int64_t id = outbound("SMmany");
    twc_status_t s[3] = { status("SMmany", "delivered", 0), status("SMmany", "queued", 0), status("SMmany", "sent", 0) };
    twc_status_t *items[3] = { &s[0], &s[1], &s[2] };

    assert_int_equal(twc_ingest_statuses(ctx_new(), items, 3), APR_SUCCESS);
    assert_string_equal(status_of(id), "delivered");
    assert_true(s[0].applied);
    assert_false(s[2].applied);
}

static apr_int64_t refetches(apr_int64_t id)
{
    return count(apr_psprintf(pool, "SELECT count(*) FROM jobs WHERE kind = 'refetch' AND message_id = %" APR_INT64_T_FMT, id));
}

static void two_ends_are_a_question_to_twilio(void **state)
{
    static const struct { const char *first, *second, *stays; bool asked; } rows[] = {
        { "delivered", "undelivered", "delivered", true }, { "failed", "read", "failed", true }, { "read", "failed", "read", true },
        { "delivered", "read", "read", false }, { "read", "delivered", "read", false }, { "failed", "failed", "failed", false } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *sid = apr_psprintf(pool, "SMends%d", (int)i), *both = apr_psprintf(pool, "SMboth%d", (int)i);
        apr_int64_t id = outbound(sid), other = outbound(both);
        twc_status_t a = status(sid, rows[i].first, 0), b = status(sid, rows[i].second, 0);
        twc_status_t c = status(both, rows[i].first, 0), d = status(both, rows[i].second, 0);
        twc_status_t *items[2] = { &c, &d };
        apply(&a);
        apply(&b);
        assert_string_equal(status_of(id), rows[i].stays);
        assert_int_equal(refetches(id), rows[i].asked);
        apply(&b);
        assert_int_equal(refetches(id), rows[i].asked);
        assert_int_equal(twc_ingest_statuses(ctx_new(), items, 2), APR_SUCCESS);
        assert_int_equal(refetches(other), rows[i].asked);
    }
}

static void a_callback_with_our_id_settles_the_send(void **state)
{
    apr_int64_t id = outbound(NULL);
    twc_status_t s = status("SMlate", "sent", 0);

    s.uuid = value(apr_psprintf(pool, "SELECT twchat_uuid(%" APR_INT64_T_FMT ")", id));
    apply(&s);
    assert_int_equal(s.message_id, id);
    assert_int_equal(count("SELECT message_id FROM message_sids WHERE sid = 'SMlate'"), id);
    assert_int_equal(count(apr_psprintf(pool, "SELECT count(*) FROM outbox WHERE message_id = %" APR_INT64_T_FMT, id)), 0);
    assert_string_equal(status_of(id), "sent");
}

static void keeps_what_belongs_to_nobody(void **state)
{
    twc_status_t s = status("SMforeign", "delivered", 0);

    s.uuid = "11111111-2222-8333-a444-000000000001";
    apply(&s);
    assert_int_equal(s.message_id, 0);
    assert_int_equal(count("SELECT count(*) FROM status_events WHERE sid = 'SMforeign' AND message_id IS NULL"), 1);
}

/* ---- many threads, one queue ----------------------------------------------------------- */

#define THREADS 16
#define EACH 40

static twc_batch_t *batch;

static apr_status_t run_batch(twc_ctx_t *ctx, void **items, int n)
{
    return twc_ingest_messages(ctx, (twc_inbound_t *const *)items, n);
}

static bool same(const void *a, const void *b)
{
    return strcmp(((const twc_inbound_t *)a)->sid, ((const twc_inbound_t *)b)->sid) == 0;
}

static void *APR_THREAD_FUNC sender(apr_thread_t *thread, void *baton)
{
    int number = (int)(intptr_t)baton;
    apr_pool_t *p;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    for (int i = 0; i < EACH; i++) {
        /* every second SID is sent by two threads; number 3 sends poison in between */
        twc_inbound_t a = message(apr_psprintf(p, "SMbatch%d-%d", i % 2 ? number : number / 2, i),
                                  apr_psprintf(p, "+1416000000%d", number % 4), "x");
        if (number == 3 && i == 7)
            a.extra_json = "{not json";
        apr_status_t rv = twc_batch_do(batch, ctx_in(p), &a);
        if (rv != (number == 3 && i == 7 ? APR_EINVAL : APR_SUCCESS))
            abort();
    }
    apr_pool_destroy(p);
    return NULL;
}

static void batches_lose_and_double_nothing(void **state)
{
    apr_thread_t *threads[THREADS];
    apr_status_t rv;

    assert_int_equal(twc_batch_create(&batch, pool, 2, run_batch, same), APR_SUCCESS);
    for (int i = 0; i < THREADS; i++)
        apr_thread_create(&threads[i], NULL, sender, (void *)(intptr_t)i, pool);
    for (int i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    /* odd i: one each, even i: one per pair; less the poison */
    apr_int64_t expected = THREADS * EACH / 2 + THREADS / 2 * EACH / 2 - 1;
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid LIKE 'SMbatch%'"), expected);
    assert_int_equal(count("SELECT sum(unread) FROM conversations WHERE peer LIKE '+1416000000_'"), expected);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal WHERE sid LIKE 'SMbatch%'"), THREADS * EACH - 1);
}

/* ---- a leader that hangs ------------------------------------------------------------------- */

static twc_monitor_t *hold;
static bool held, go_on;

static apr_status_t run_held(twc_ctx_t *ctx, void **items, int n)
{
    twc_monitor_lock(hold);
    held = true;
    twc_monitor_broadcast(hold);
    while (!go_on)
        twc_monitor_wait(hold);
    twc_monitor_unlock(hold);
    return APR_SUCCESS;
}

static void *APR_THREAD_FUNC lead_held(apr_thread_t *thread, void *baton)
{
    apr_pool_t *p;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    if (twc_batch_do(batch, ctx_in(p), NULL) != APR_SUCCESS)
        abort();
    apr_pool_destroy(p);
    return NULL;
}

static void nobody_waits_for_ever_behind_it(void **state)
{
    apr_thread_t *leader;
    apr_status_t rv;

    assert_int_equal(twc_monitor_create(&hold, pool), APR_SUCCESS);
    assert_int_equal(twc_batch_create(&batch, pool, 1, run_held, NULL), APR_SUCCESS);
    twc_batch_set_patience(batch, 1000);
    apr_thread_create(&leader, NULL, lead_held, NULL, pool);
    twc_monitor_lock(hold);
    while (!held)
        twc_monitor_wait(hold);
    twc_monitor_unlock(hold);
    for (int i = 0; i < 3; i++) {
        twc_ctx_t *ctx = ctx_new();
        assert_int_equal(twc_batch_do(batch, ctx, NULL), APR_TIMEUP);
        assert_string_equal(ctx->problem->code, "busy");
    }
    twc_monitor_lock(hold);
    go_on = true;
    twc_monitor_broadcast(hold);
    twc_monitor_unlock(hold);
    apr_thread_join(&rv, leader);
    assert_int_equal(twc_batch_do(batch, ctx_new(), NULL), APR_SUCCESS);
}

/* ---- events -------------------------------------------------------------------------------- */

static void events_come_once_and_in_order(void **state)
{
    twc_ctx_t *ctx = ctx_new();
    const char *cursor;
    twc_events_t e;
    bool known;

    assert_int_equal(twc_event_head(ctx, &cursor), APR_SUCCESS);
    twc_inbound_t a = message("SMev1", "+14170000001", "one <b>"), b = message("SMev2", "+14170000001", "two");
    ingest(&a);
    ingest(&b);
    assert_int_equal(twc_event_read(ctx, cursor, NULL, &e), APR_SUCCESS);
    assert_int_equal(e.count, 3);
    assert_string_equal(e.items[0].name, "conversation");
    assert_null(e.items[0].cursor);
    assert_string_equal(e.items[1].name, "message");
    assert_non_null(strstr(e.items[1].data, "one <b>"));
    assert_non_null(strstr(e.items[2].data, "two"));
    assert_string_equal(e.items[2].cursor, e.cursor);
    assert_int_equal(twc_event_known(ctx, e.cursor, &known), APR_SUCCESS);
    assert_true(known);
    const char *first = e.items[1].cursor;
    assert_int_equal(twc_event_read(ctx, first, NULL, &e), APR_SUCCESS);
    assert_int_equal(e.count, 2);
    assert_int_equal(twc_event_read(ctx, e.cursor, NULL, &e), APR_SUCCESS);
    assert_int_equal(e.count, 0);
    assert_int_equal(twc_event_known(ctx, "99999999.77", &known), APR_SUCCESS);
    assert_false(known);
    assert_int_equal(twc_event_known(ctx, "'; DROP TABLE events", &known), APR_SUCCESS);
    assert_false(known);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int setup(void **state)
{
    call.received_at = apr_time_now();
    return database_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_once_per_sid),
        cmocka_unit_test(hears_a_message_that_was_only_seen),
        cmocka_unit_test(acknowledges_within_the_limit),
        cmocka_unit_test(acknowledges_the_same_call_again),
        cmocka_unit_test(acknowledges_nobody_who_wants_silence),
        cmocka_unit_test(the_word_written_last_counts),
        cmocka_unit_test(what_they_want_is_there_with_the_message),
        cmocka_unit_test(statuses_only_rise),
        cmocka_unit_test(a_batch_takes_the_highest),
        cmocka_unit_test(two_ends_are_a_question_to_twilio),
        cmocka_unit_test(a_callback_with_our_id_settles_the_send),
        cmocka_unit_test(keeps_what_belongs_to_nobody),
        cmocka_unit_test(batches_lose_and_double_nothing),
        cmocka_unit_test(nobody_waits_for_ever_behind_it),
        cmocka_unit_test(events_come_once_and_in_order),
    };

    return database_run("twchat_test_ingest", tests, setup, database_drop);
}
