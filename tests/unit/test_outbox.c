/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_outbox.c - the queue on a real database: what may join it, and what a claim takes and what it leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domain/message.h"
#include "queue.h"
#include "store/consent.h"
#include "store/ingest.h"
#include "store/sql.h"

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
    plan = value("EXPLAIN (FORMAT JSON) EXECUTE planned('{longcode-us}', '{1000}', 250, 1000, NULL)");
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
    TWC_TRY(twc_outbox_take_unknown(ctx, 10, 0, APR_USEC_PER_SEC, &claims, &count));
    TWC_TRY(twc_outbox_early(ctx));
    assert_in_range(rows_read(ctx) - before, 0, 50);
    return APR_SUCCESS;
}

static apr_status_t one_of_a_program(twc_ctx_t *ctx, void *baton)
{
    apr_int64_t before = rows_read(ctx);
    twc_claim_t *claims;
    int count;

    TWC_TRY(twc_outbox_claim(ctx, 1, 1000001, LEASE, &claims, &count));
    assert_int_equal(count, 1);
    assert_in_range(rows_read(ctx) - before, 0, 50);
    before = rows_read(ctx);
    TWC_TRY(twc_outbox_claim(ctx, 1, 1000001, LEASE, &claims, &count));    /* it is under way */
    assert_int_equal(count, 0);
    TWC_TRY(twc_outbox_take_unknown(ctx, 1, 1000001, LEASE, &claims, &count));
    assert_int_equal(count, 0);
    assert_in_range(rows_read(ctx) - before, 0, 50);
    return APR_SUCCESS;
}

/* It reads no queue of others, however long. */
static void a_program_that_sends_one(void **state)
{
    fill_behind_the_statistics();
    value("ANALYZE outbox, messages");
    assert_int_equal(twc_tx_run(ctx_new(), one_of_a_program, NULL), APR_SUCCESS);
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

static void consent_is_looked_up_again_after_the_claim(void **state)
{
    twc_draft_t farewell = { .to = "+14150000001", .body = "bye", .opt_out_confirmation = true, .priority = TWC_PRIORITY_NORMAL };
    twc_claim_t first, other, last, *all[] = { &first, &other, &last };
    twc_queued_t queued;

    ask("+14150000001");
    ask("+14150000002");
    first = claim_one();
    other = claim_one();
    assert_int_equal(twc_outbox_consent_again(ctx_new(), all, 2), APR_SUCCESS);
    assert_false(first.opted_out || other.opted_out);
    assert_int_equal(twc_consent_record(ctx_new(), OURS, "+14150000001", true, "keyword", "STOP", 0), APR_SUCCESS);
    settle(RESULT(first, .verdict = TWC_SETTLE_FAILED));
    assert_int_equal(twc_message_queue(ctx_new(), &farewell, &queued), APR_SUCCESS);
    value("UPDATE senders SET tokens = 100");
    last = claim_one();
    assert_int_equal(twc_outbox_consent_again(ctx_new(), all, 3), APR_SUCCESS);
    assert_true(first.opted_out);
    assert_false(other.opted_out);
    assert_false(last.opted_out);       /* it confirms the opt-out */
    assert_int_equal(twc_consent_record(ctx_new(), OURS, "+14150000001", false, "keyword", "START", 0), APR_SUCCESS);
    assert_int_equal(twc_outbox_consent_again(ctx_new(), all, 3), APR_SUCCESS);
    assert_false(first.opted_out);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_has_all_a_request_needs), TEST(one_per_conversation_and_in_order),
        TEST(better_priority_first_also_within_a_conversation), TEST(a_bucket_gives_what_it_has),
        TEST(a_parked_sender_rests_and_others_do_not), TEST(senders_take_turns), TEST(later_is_not_now),
        TEST(what_is_due_stands_in_line_already), TEST(statistics_of_an_empty_queue_do_no_harm),
        TEST(nor_to_callbacks_and_results), TEST(a_program_that_sends_one), TEST(consent_is_looked_up_again_after_the_claim), TEST(consent_counts_when_asking_and_when_sending),
        TEST(a_refused_message_is_kept_where_somebody_asked_for_it), TEST(one_answer_to_one_message),
        TEST(drafts_that_are_refused), TEST(who_sends),
    };

    return database_run("twchat_test_outbox", tests, database_make, database_drop);
}
