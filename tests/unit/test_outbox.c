/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_outbox.c - the queue on a real database: what a claim takes and what it leaves, and what a
 * result does when it comes twice, late, or after somebody else's.
 * Needs TWCHAT_TEST_DATABASE, a conninfo string; its schema "twchat_test_outbox" is made and dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "domain/message.h"
#include "store/ahead.h"
#include "store/consent.h"
#include "store/follow.h"
#include "store/ingest.h"
#include "store/job.h"
#include "store/migrate.h"
#include "store/outbox.h"
#include "store/sql.h"

#define SCHEMA "twchat_test_outbox"
#define OURS "+15005550006"
#define LEASE apr_time_from_sec(30)

static apr_pool_t *pool;
static twc_db_t *db;
static twc_conf_t conf = { .account_sid = "AC1", .default_sender = OURS, .whatsapp_sender = "whatsapp:" OURS,
                           .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600 };

static twc_ctx_t *ctx_new(void)
{
    twc_ctx_t *ctx = apr_palloc(pool, sizeof(*ctx));

    twc_ctx_init(ctx, pool, db, &conf);
    return ctx;
}

/* The first column of the first row, as text; NULL when there is none. */
static const char *value(const char *text)
{
    twc_sql_t sql = { "test", text, 0 };
    twc_rows_t *rows;

    assert_int_equal(twc_db_run(ctx_new(), &sql, NULL, &rows), APR_SUCCESS);
    return twc_rows_count(rows) ? twc_rows_text(rows, 0, 0, pool) : NULL;
}

static const char *of(apr_int64_t id, const char *column)
{
    return value(apr_psprintf(pool, "SELECT %s FROM messages WHERE id = %" APR_INT64_T_FMT, column, id));
}

static const char *state_of(apr_int64_t id)
{
    const char *state = value(apr_psprintf(pool, "SELECT state FROM outbox WHERE message_id = %" APR_INT64_T_FMT, id));

    return state ? state : "gone";
}

static int clean(void **state)
{
    for (int i = 0; i < TWC_SENDER_KINDS; i++)
        conf.rate[i] = 100;
    value("DELETE FROM messages");
    value("DELETE FROM senders");
    value("DELETE FROM consents");
    value("DELETE FROM daily_counts");
    value("DELETE FROM message_sids");
    value("DELETE FROM status_events");
    return 0;
}

static apr_int64_t ask_as(const char *to, const char *body, int priority)
{
    twc_draft_t draft = { .to = to, .body = body, .priority = priority };
    twc_queued_t queued;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    value("UPDATE senders SET tokens = 100, refilled_at = now() WHERE tokens = 1");
    return queued.id;
}

static apr_int64_t ask(const char *to)
{
    return ask_as(to, "x", TWC_PRIORITY_NORMAL);
}

static int claim(twc_claim_t **claims, int limit)
{
    int count;

    assert_int_equal(twc_outbox_claim(ctx_new(), limit, LEASE, claims, &count), APR_SUCCESS);
    return count;
}

static twc_claim_t claim_one(void)
{
    twc_claim_t *claims;

    assert_int_equal(claim(&claims, 1), 1);
    return claims[0];
}

static void settle(twc_settle_t s)
{
    const twc_settle_t *item = &s;

    assert_int_equal(twc_outbox_settle(ctx_new(), &item, 1), APR_SUCCESS);
}

#define RESULT(claim, ...) ((twc_settle_t){ .id = (claim).id, .attempt = (claim).attempt, __VA_ARGS__ })

/* ---- claims ----------------------------------------------------------------------------- */

static void a_claim_has_all_a_request_needs(void **state)
{
    twc_draft_t draft = { .to = "(415) 555-0001", .body = "hi", .media_urls = { "https://x.example/1", "https://x.example/\"2\"" },
                          .num_media = 2, .content_sid = "HX0123456789abcdef0123456789abcdef", .content_variables = "{\"1\":\"a\"}" };
    twc_queued_t queued;
    twc_claim_t c;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    assert_string_equal(queued.to, "+4155550001");
    c = claim_one();
    assert_true(c.id == queued.id);
    assert_int_equal(c.attempt, 1);
    assert_int_equal(strlen(c.uuid), 36);
    assert_string_equal(c.from, OURS);
    assert_null(c.service_sid);
    assert_int_equal(c.num_media, 2);
    assert_string_equal(c.media_urls[1], "https://x.example/\"2\"");
    assert_string_equal(c.content_variables, "{\"1\":\"a\"}");
    assert_false(c.opted_out);
    assert_true(c.attempted_at >= c.due_at && c.age == 0);
    assert_string_equal(state_of(c.id), "sending");
}

static void one_per_conversation_and_in_order(void **state)
{
    apr_int64_t first = ask("+14150000001"), other = ask("+14150000002"), second = ask("+14150000001");
    twc_claim_t *claims, *none;

    assert_int_equal(claim(&claims, 10), 2);
    assert_true(claims[0].id == first && claims[1].id == other);
    assert_int_equal(claim(&none, 10), 0);
    settle(RESULT(claims[0], .verdict = TWC_SETTLE_UNKNOWN, .delay = LEASE));
    assert_int_equal(claim(&none, 10), 0);
    settle(RESULT(claims[0], .verdict = TWC_SETTLE_LATER, .delay = LEASE));
    assert_int_equal(claim(&none, 10), 0);          /* it pauses, and keeps its place */
    value("UPDATE outbox SET not_before = NULL");
    assert_true(claim_one().id == first);
    settle((twc_settle_t){ .id = first, .attempt = 2, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa", .status = "queued" });
    assert_true(claim_one().id == second);
}

static void better_priority_first_also_within_a_conversation(void **state)
{
    apr_int64_t bulk = ask_as("+14150000001", "x", TWC_PRIORITY_BULK), normal = ask("+14150000002"),
                reply = ask_as("+14150000001", "x", TWC_PRIORITY_REPLY);
    twc_claim_t *claims;

    assert_int_equal(claim(&claims, 10), 2);
    assert_true(claims[0].id == reply && claims[1].id == normal);
    settle(RESULT(claims[0], .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa"));
    assert_true(claim_one().id == bulk);
}

static void a_bucket_gives_what_it_has(void **state)
{
    char text[1201];
    twc_claim_t *claims;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    conf.rate[TWC_SENDER_LONGCODE_US] = 3;
    for (int i = 0; i < 5; i++)
        ask(apr_psprintf(pool, "+1415000000%d", i));
    value("UPDATE senders SET tokens = 3, refilled_at = now()");
    assert_int_equal(claim(&claims, 10), 3);
    assert_int_equal(claim(&claims, 10), 0);
    value("UPDATE senders SET refilled_at = refilled_at - interval '1 second', tokens = 0");
    assert_int_equal(claim(&claims, 10), 2);

    /* Eight segments at three a second: only from a full bucket, and then there is debt. */
    ask_as("+14150000009", text, TWC_PRIORITY_NORMAL);
    value("UPDATE senders SET tokens = 2, refilled_at = now()");
    assert_int_equal(claim(&claims, 10), 0);
    value("UPDATE senders SET tokens = 3, refilled_at = now()");
    assert_int_equal(claim(&claims, 10), 1);
    assert_true(atof(value("SELECT tokens FROM senders")) < -4.5);
}

static void a_parked_sender_rests_and_others_do_not(void **state)
{
    twc_draft_t draft = { .to = "whatsapp:+14150000001", .body = "x" };
    twc_queued_t queued;
    twc_claim_t c;

    ask("+14150000001");
    c = claim_one();
    settle(RESULT(c, .verdict = TWC_SETTLE_FAILED, .code = 21606, .reason = "no", .park = apr_time_from_sec(60)));
    assert_string_equal(value("SELECT parked_reason FROM senders WHERE parked_until > now()"), "no");
    ask("+14150000002");
    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    assert_true(claim_one().id == queued.id);
}

static void senders_take_turns(void **state)
{
    twc_draft_t draft = { .to = "whatsapp:+14150000001", .body = "x" };
    twc_queued_t queued;
    twc_claim_t *claims;

    for (int i = 0; i < 5; i++)
        ask(apr_psprintf(pool, "+1415000000%d", i));
    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    assert_int_equal(claim(&claims, 2), 2);
    assert_true(claims[0].id == queued.id || claims[1].id == queued.id);
}

static void later_is_not_now(void **state)
{
    twc_draft_t draft = { .to = "+14150000001", .body = "x", .send_at = apr_time_now() + apr_time_from_sec(3600) };
    twc_queued_t queued;
    twc_claim_t *claims;
    apr_int64_t now;
    int count;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    assert_string_equal(queued.status, "scheduled");
    now = ask("+14150000001");
    assert_int_equal(claim(&claims, 10), 1);
    assert_true(claims[0].id == now);
    settle(RESULT(claims[0], .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMa"));
    assert_int_equal(twc_outbox_promote(ctx_new(), &count), APR_SUCCESS);
    assert_int_equal(count, 0);
    value("UPDATE outbox SET due_at = now()");
    assert_int_equal(twc_outbox_promote(ctx_new(), &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_string_equal(of(queued.id, "status"), "queued");
    assert_true(claim_one().id == queued.id);
}

/* Many become due at once, and not all are queued by the same statement. */
static void what_is_due_stands_in_line_already(void **state)
{
    twc_draft_t draft = { .to = "+14150000001", .body = "x", .send_at = apr_time_now() + apr_time_from_sec(3600) };
    twc_queued_t first, second;
    twc_claim_t *claims;
    int count;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &first), APR_SUCCESS);
    assert_int_equal(twc_message_queue(ctx_new(), &draft, &second), APR_SUCCESS);
    value(apr_psprintf(pool, "UPDATE outbox SET due_at = now(), state = CASE WHEN message_id = %" APR_INT64_T_FMT
                       " THEN 'scheduled' ELSE 'queued' END", first.id));
    assert_int_equal(claim(&claims, 10), 0);
    assert_int_equal(twc_outbox_promote(ctx_new(), &count), APR_SUCCESS);
    assert_true(claim_one().id == first.id);
}

/* A queue of five thousand that the planner takes for empty. */
static void fill_behind_the_statistics(void)
{
    value("INSERT INTO senders (sender, kind) VALUES ('" OURS "', 'longcode-us')");
    for (int i = 0; i < 2; i++) {       /* the table has had its size before */
        value("INSERT INTO messages (id, conv_id, direction, source) SELECT n, n, 'outbound', 'cli' FROM generate_series(1000001, 1005000) n");
        value("INSERT INTO outbox (message_id, conv_id, sender, priority, segments, due_at)"
              " SELECT n, n, '" OURS "', 1, 1, now() FROM generate_series(1000001, 1005000) n");
        if (i == 0) {
            value("DELETE FROM messages");
            value("ANALYZE outbox, messages");
        }
    }
}

/* Statistics taken while the queue was empty once made each look at a conversation read the whole queue. */
static void statistics_of_an_empty_queue_do_no_harm(void **state)
{
    const twc_sql_t *claim = twc_dispatch_sql[0];
    const char *plan;

    assert_string_equal(claim->name, "twc_outbox_claim");
    fill_behind_the_statistics();
    value(apr_pstrcat(pool, "PREPARE planned AS ", claim->text, NULL));
    plan = value("EXPLAIN (FORMAT JSON) EXECUTE planned('{longcode-us}', '{1000}', 250, 1000)");
    value("DEALLOCATE planned");
    assert_non_null(strstr(plan, "\"(conv_id = o.conv_id)\""));
    assert_non_null(strstr(plan, "\"(message_id = ANY ("));
    assert_non_null(strstr(plan, "\"(id = ANY ("));
    assert_null(strstr(plan, "BitmapOr"));
}

static apr_int64_t rows_read(twc_ctx_t *ctx)
{
    static const twc_sql_t sql = { "test_rows_read", "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables"
                                   " WHERE relname IN ('outbox', 'messages')", 0 };
    twc_rows_t *rows;

    assert_int_equal(twc_db_run(ctx, &sql, NULL, &rows), APR_SUCCESS);
    return twc_rows_int(rows, 0, 0);
}

static apr_status_t callbacks_and_results(twc_ctx_t *ctx, void *baton)
{
    twc_call_t call = { .interface = "flask-chat", .kind = "status", .method = "POST", .url = "http://x/", .raw = "", .received_at = apr_time_now() };
    twc_status_t status = { .sid = "SMplan1", .status = "sent", .call = &call, .uuid = value("SELECT twchat_uuid(1000001)") };
    twc_status_t *call_back = &status;
    twc_settle_t result = { .id = 1000002, .attempt = 0, .verdict = TWC_SETTLE_ACCEPTED, .sid = "SMplan2", .status = "queued" };
    const twc_settle_t *item = &result;
    twc_claim_t *claims;
    apr_int64_t before = rows_read(ctx);
    int count;

    TWC_TRY(twc_ingest_statuses(ctx, &call_back, 1));
    assert_in_range(rows_read(ctx) - before, 0, 50);
    before = rows_read(ctx);
    TWC_TRY(twc_outbox_settle(ctx, &item, 1));
    assert_in_range(rows_read(ctx) - before, 0, 50);
    before = rows_read(ctx);
    TWC_TRY(twc_outbox_promote(ctx, &count));
    TWC_TRY(twc_outbox_take_unknown(ctx, 10, APR_USEC_PER_SEC, &claims, &count));
    TWC_TRY(twc_outbox_early(ctx));
    assert_in_range(rows_read(ctx) - before, 0, 50);
    return APR_SUCCESS;
}

/* They did, row by row: a batch of callbacks took two hundred times as long with a queue of twenty thousand. */
static void nor_to_callbacks_and_results(void **state)
{
    twc_ctx_t *ctx = ctx_new();

    fill_behind_the_statistics();
    assert_int_equal(twc_tx_run(ctx, callbacks_and_results, NULL), APR_SUCCESS);
    assert_string_equal(state_of(1000001), "gone");
    assert_string_equal(state_of(1000002), "gone");
}

/* ---- consent ----------------------------------------------------------------------------- */

static void consent_counts_when_asking_and_when_sending(void **state)
{
    twc_draft_t draft = { .to = "+14150000001", .body = "x" }, farewell = { .to = "+14150000001", .body = "bye", .opt_out_confirmation = true,
                                                                        .priority = TWC_PRIORITY_NORMAL };
    twc_queued_t queued;
    twc_ctx_t *ctx = ctx_new();
    twc_claim_t *claims;
    bool out;

    ask("+14150000001");
    assert_int_equal(twc_consent_record(ctx_new(), OURS, "+14150000001", true, "keyword", "STOP", 0), APR_SUCCESS);
    assert_int_equal(twc_message_queue(ctx, &draft, &queued), APR_EACCES);
    assert_int_equal(ctx->problem->twilio_code, 21610);
    assert_int_equal(twc_message_queue(ctx_new(), &farewell, &queued), APR_SUCCESS);
    assert_int_equal(claim(&claims, 10), 1);
    assert_true(claims[0].opted_out);
    settle(RESULT(claims[0], .verdict = TWC_SETTLE_FAILED, .code = 21610, .reason = "no"));
    assert_int_equal(claim(&claims, 10), 1);
    assert_true(claims[0].id == queued.id && !claims[0].opted_out);

    assert_int_equal(twc_consent_state(ctx_new(), "+15550000000", NULL, "+14150000001", &out), APR_SUCCESS);
    assert_false(out);
    assert_int_equal(twc_consent_record(ctx_new(), "*", "+14150000001", true, "operator", NULL, 0), APR_SUCCESS);
    assert_int_equal(twc_consent_state(ctx_new(), NULL, "MG1", "+14150000001", &out), APR_SUCCESS);
    assert_true(out);
    assert_int_equal(twc_consent_record(ctx_new(), OURS, "+14150000001", false, "keyword", "START", 0), APR_SUCCESS);
    assert_int_equal(twc_consent_state(ctx_new(), OURS, NULL, "+14150000001", &out), APR_SUCCESS);
    assert_false(out);
    assert_string_equal(value("SELECT opt_in_status FROM contacts WHERE address = '+14150000001'"), "opted_in");
}

static void a_refused_message_is_kept_where_somebody_asked_for_it(void **state)
{
    twc_draft_t answer = { .to = "+14150000001", .body = "automatic" }, wish = { .to = "+14150000001", .body = "by hand", .keep_refused = true };
    twc_queued_t queued;
    twc_ctx_t *ctx = ctx_new();
    twc_claim_t *claims;

    assert_int_equal(twc_consent_record(ctx_new(), OURS, "+14150000001", true, "keyword", "STOP", 0), APR_SUCCESS);
    assert_int_equal(twc_message_queue(ctx_new(), &answer, &queued), APR_EACCES);
    assert_string_equal(value("SELECT count(*) FROM messages"), "0");
    assert_int_equal(twc_message_queue(ctx, &wish, &queued), APR_SUCCESS);
    assert_string_equal(queued.status, "failed");
    assert_int_equal(ctx->wake, TWC_WAKE_EVENTS);
    assert_string_equal(value("SELECT concat_ws('|', body, status, error_code, error_message, sid) FROM messages"),
                        "by hand|failed|21610|The recipient has opted out (STOP).");
    assert_int_equal(claim(&claims, 10), 0);
    assert_string_equal(value("SELECT count(*) FROM outbox"), "0");
    assert_string_equal(value("SELECT count(*) FROM senders"), "0");
    assert_string_equal(value("SELECT string_agg(metric || n, ' ' ORDER BY metric) FROM daily_counts"), "failed1 outbound1");
}

static void one_answer_to_one_message(void **state)
{
    twc_draft_t draft = { .to = "+14150000001", .body = "x", .reply_to = 4711 };
    twc_queued_t queued;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_EEXIST);
    assert_string_equal(value("SELECT count(*) FROM outbox"), "1");
    assert_string_equal(value("SELECT count(*) FROM messages"), "1");
}

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

    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, LEASE, &none, &count), APR_SUCCESS);
    assert_int_equal(count, 0);
    value("UPDATE outbox SET lease_until = now() - interval '1 second', attempted_at = now() - interval '50 seconds'");
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, LEASE, &found, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_true(found[0].id == id && found[0].attempt == c.attempt && found[0].age >= apr_time_from_sec(50));
    assert_string_equal(state_of(id), "unknown");
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, LEASE, &none, &count), APR_SUCCESS);
    assert_int_equal(count, 0);
    settle(RESULT(found[0], .verdict = TWC_SETTLE_UNKNOWN, .checked = true));
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, LEASE, &found, &count), APR_SUCCESS);
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

/* ---- drafts -------------------------------------------------------------------------------- */

static void drafts_that_are_refused(void **state)
{
    static char longer[1700];
    const struct { const char *code; twc_draft_t draft; } rows[] = {
        { "to_missing", { .to = " ", .body = "x" } }, { "to_missing", { .body = "x" } }, { "to_invalid", { .to = "12345", .body = "x" } },
        { "to_invalid", { .to = "nobody", .body = "x" } }, { "content_missing", { .to = "+14150000001", .body = " \n" } },
        { "content_missing", { .to = "+14150000001" } }, { "body_too_long", { .to = "+14150000001", .body = longer } },
        { "media_too_many", { .to = "+14150000001", .num_media = 11 } },
        { "media_invalid", { .to = "+14150000001", .num_media = 1, .media_urls = { "ftp://x.example/a" } } },
        { "media_invalid", { .to = "+14150000001", .num_media = 1, .media_urls = { "https://" } } },
        { "media_invalid", { .to = "+14150000001", .num_media = 1, .media_urls = { "https://x.example/a b" } } },
        { "content_sid_invalid", { .to = "+14150000001", .content_sid = "HX1" } },
        { "content_variables_invalid", { .to = "+14150000001", .body = "x", .content_variables = "{}" } },
        { "content_variables_invalid", { .to = "+14150000001", .content_sid = "HX0123456789abcdef0123456789abcdef", .content_variables = "{\"1\":null}" } },
        { "content_variables_invalid", { .to = "+14150000001", .content_sid = "HX0123456789abcdef0123456789abcdef", .content_variables = "[1]" } },
        { "service_invalid", { .to = "+14150000001", .body = "x", .service_sid = "MG1" } },
        { "from_invalid", { .to = "+14150000001", .body = "x", .from = "whatsapp:+14150000002" } },
        { "from_invalid", { .to = "whatsapp:+14150000001", .body = "x", .from = OURS } },
        { "from_invalid", { .to = "+14150000001", .body = "x", .from = "+14150000001" } },
        { "from_invalid", { .to = "+14150000001", .body = "x", .from = "a name that is too long" } },
        { "send_at_invalid", { .to = "+14150000001", .body = "x", .send_at = APR_USEC_PER_SEC } },
    };

    memset(longer, 'x', 1601);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        twc_ctx_t *ctx = ctx_new();
        twc_queued_t queued;

        assert_int_equal(twc_message_queue(ctx, &rows[i].draft, &queued), APR_EINVAL);
        assert_string_equal(ctx->problem->code, rows[i].code);
        assert_non_null(ctx->problem->field);
    }
    assert_string_equal(value("SELECT count(*) FROM messages"), "0");
}

static void who_sends(void **state)
{
    static const char service[] = "MG0123456789abcdef0123456789abcdef", other[] = "MGffffffffffffffffffffffffffffffff";
    const struct { twc_draft_t draft; const char *from, *service; } rows[] = {
        { { .to = "+14150000001" }, NULL, service }, { { .to = "+14150000001", .no_service = true }, OURS, NULL },
        { { .to = "+14150000001", .service_sid = other }, NULL, other }, { { .to = "+14150000001", .from = "+15550000001" }, "+15550000001", NULL },
        { { .to = "+14150000001", .from = "ACME", .service_sid = other }, "ACME", other },
        { { .to = "whatsapp:+14150000001" }, "whatsapp:" OURS, NULL }, { { .to = "whatsapp:+14150000001", .service_sid = other }, NULL, other },
    };

    conf.messaging_service_sid = service;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        twc_draft_t draft = rows[i].draft;
        twc_queued_t queued;
        const char *from, *by;

        draft.body = "x";
        assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
        from = of(queued.id, "from_addr");
        by = of(queued.id, "service_sid");
        assert_string_equal(from ? from : "-", rows[i].from ? rows[i].from : "-");
        assert_string_equal(by ? by : "-", rows[i].service ? rows[i].service : "-");
    }
    conf.messaging_service_sid = NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int setup(void **state)
{
    const char *conninfo = getenv("TWCHAT_TEST_DATABASE");
    twc_db_lender_t plain, lender;
    twc_db_t *admin;
    twc_ctx_t ctx;

    twc_db_lender_direct(&plain, pool, conninfo);
    twc_db_create(&admin, pool, &plain, 2, apr_time_from_sec(20));
    twc_ctx_init(&ctx, pool, admin, &conf);
    if (twc_db_script(&ctx, "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE; CREATE SCHEMA " SCHEMA) != APR_SUCCESS)
        return -1;
    twc_db_lender_direct(&lender, pool, apr_psprintf(pool, "%s options='-c search_path=" SCHEMA "'", conninfo));
    twc_db_create(&db, pool, &lender, 8, apr_time_from_sec(20));
    twc_ctx_init(&ctx, pool, db, &conf);
    return twc_migrate_apply(&ctx, NULL, NULL) == APR_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    return twc_db_script(ctx_new(), "DROP SCHEMA " SCHEMA " CASCADE") == APR_SUCCESS ? 0 : -1;
}

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
    assert_int_equal(twc_outbox_take_unknown(ctx_new(), 10, after, &claims, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(claims->attempt, 0);
    assert_string_equal(claims->body, "lost");
    value("DELETE FROM outbox");
}

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

#define TEST(f) cmocka_unit_test_setup(f, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_has_all_a_request_needs), TEST(one_per_conversation_and_in_order), TEST(better_priority_first_also_within_a_conversation),
        TEST(a_bucket_gives_what_it_has), TEST(a_parked_sender_rests_and_others_do_not), TEST(senders_take_turns), TEST(later_is_not_now),
        TEST(what_is_due_stands_in_line_already), TEST(statistics_of_an_empty_queue_do_no_harm), TEST(nor_to_callbacks_and_results),
        TEST(consent_counts_when_asking_and_when_sending), TEST(a_refused_message_is_kept_where_somebody_asked_for_it),
        TEST(one_answer_to_one_message), TEST(a_result_written_twice_counts_once),
        TEST(a_late_result_of_an_earlier_attempt), TEST(a_late_sid_stops_another_attempt), TEST(what_was_found_is_only_one_of_two), TEST(a_callback_settles_before_the_answer),
        TEST(callbacks_that_knew_the_sid_only), TEST(an_expired_lease_is_looked_for_by_one), TEST(taking_back),
        TEST(an_opt_out_told_too_early_counts), TEST(an_expired_lease_is_looked_for_by_one), TEST(taking_back),
        TEST(drafts_that_are_refused), TEST(who_sends), TEST(a_sweep_meets_each_message_once),
        TEST(answers_in_twiml_that_may_have_got_lost), TEST(a_clock_that_was_set_back),
        TEST(answers_of_one_conversation_follow_each_other),
    };
    int failed;

    if (!getenv("TWCHAT_TEST_DATABASE"))
        return 77;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, setup, teardown);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
