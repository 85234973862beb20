/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_verdict.c - what each way an attempt can end leads to, and when an entry of
 * Twilio's list is the message that is looked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>

#include "work/verdict.h"

#define SECONDS(n) apr_time_from_sec(n)
#define NOW APR_TIME_C(1706691600000000)

static const twc_conf_t conf = { .grace = SECONDS(120) };
static const twc_claim_t claim = { .id = 7, .attempt = 1, .to = "+14155550123", .from = "+14155550100", .body = "Hello",
                                   .due_at = NOW, .attempted_at = NOW };

/* ---- creates ---------------------------------------------------------------------------- */

typedef struct case_t {
    const char *what;
    twc_outcome_t outcome;
    twc_settle_e verdict;
    bool park, opt_out;
} case_t;

static const case_t cases[] = {
    { "accepted", { .http_status = 201, .sid = "SM1" }, TWC_SETTLE_ACCEPTED, false, false },
    { "accepted, but failed at once", { .http_status = 201, .sid = "SM1", .status = "failed", .code = 30007 }, TWC_SETTLE_ACCEPTED, false, false },
    { "success without a SID", { .http_status = 201 }, TWC_SETTLE_UNKNOWN, false, false },
    { "a page of HTML", { .http_status = 200 }, TWC_SETTLE_UNKNOWN, false, false },
    { "500", { .http_status = 500, .code = 20500 }, TWC_SETTLE_UNKNOWN, false, false },
    { "503", { .http_status = 503 }, TWC_SETTLE_UNKNOWN, false, false },
    { "5xx with the number of a permanent error", { .http_status = 500, .code = 21610 }, TWC_SETTLE_UNKNOWN, false, false },
    { "408", { .http_status = 408 }, TWC_SETTLE_UNKNOWN, false, false },
    { "silence after it was written", { .http_status = 0, .sent = true }, TWC_SETTLE_UNKNOWN, false, false },
    { "no connection", { .http_status = 0, .sent = false }, TWC_SETTLE_LATER, false, false },
    { "429", { .http_status = 429, .code = 20429 }, TWC_SETTLE_LATER, false, false },
    { "429 without a body", { .http_status = 429 }, TWC_SETTLE_LATER, false, false },
    { "queue full at Twilio", { .http_status = 400, .code = 21611 }, TWC_SETTLE_LATER, true, false },
    { "service busy", { .http_status = 400, .code = 21702 }, TWC_SETTLE_LATER, false, false },
    { "credentials", { .http_status = 401, .code = 20003 }, TWC_SETTLE_FAILED, true, false },
    { "credentials without a number", { .http_status = 401 }, TWC_SETTLE_FAILED, true, false },
    { "sender is not ours", { .http_status = 400, .code = 21606 }, TWC_SETTLE_FAILED, true, false },
    { "country is closed: others are not", { .http_status = 400, .code = 21408 }, TWC_SETTLE_FAILED, false, false },
    { "no such recipient", { .http_status = 400, .code = 21211 }, TWC_SETTLE_FAILED, false, false },
    { "too long", { .http_status = 400, .code = 21617 }, TWC_SETTLE_FAILED, false, false },
    { "stopped", { .http_status = 400, .code = 21610 }, TWC_SETTLE_FAILED, false, true },
    { "no marketing, please", { .http_status = 400, .code = 63033 }, TWC_SETTLE_FAILED, false, false },
    { "24 hours", { .http_status = 400, .code = 63016 }, TWC_SETTLE_FAILED, false, false },
    { "a number nobody knows", { .http_status = 400, .code = 99999 }, TWC_SETTLE_FAILED, false, false },
    { "no such account", { .http_status = 404, .code = 20404 }, TWC_SETTLE_FAILED, true, false },
    { "a redirect", { .http_status = 302 }, TWC_SETTLE_FAILED, true, false },
};

static void creates(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const case_t *c = &cases[i];
        twc_settle_t s;

        twc_verdict_create(&claim, &c->outcome, 0, &conf, &s);
        if (s.verdict != c->verdict || (s.park > 0) != c->park || s.opt_out != c->opt_out || s.id != 7 || s.attempt != 1)
            fail_msg("%s: verdict %d, park %d, opt-out %d", c->what, s.verdict, s.park > 0, s.opt_out);
        if (s.verdict != TWC_SETTLE_ACCEPTED && !s.reason)
            fail_msg("%s: nobody says why", c->what);
        if (s.verdict == TWC_SETTLE_UNKNOWN && s.delay < 1)
            fail_msg("%s: would be looked for before Twilio could list it", c->what);
    }
}

static void retry_after_is_a_lower_bound(void **state)
{
    const twc_outcome_t o = { .http_status = 429, .retry_after = SECONDS(17) };

    for (int i = 0; i < 100; i++) {
        twc_settle_t s;

        twc_verdict_create(&claim, &o, 0, &conf, &s);
        assert_true(s.delay >= SECONDS(17) && s.delay <= SECONDS(18));
    }
}

static void nothing_is_tried_for_more_than_a_day(void **state)
{
    const twc_outcome_t o = { .http_status = 429 };
    twc_claim_t c = claim;
    twc_settle_t s;

    c.attempt = 20;
    twc_verdict_create(&c, &o, TWC_GIVE_UP - SECONDS(120), &conf, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_LATER);
    twc_verdict_create(&c, &o, TWC_GIVE_UP, &conf, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_FAILED);
    assert_non_null(s.reason);
}

/* A long queue may take longer than a day: its last message deserves more than one try. */
static void waiting_for_its_turn_is_no_try(void **state)
{
    const twc_outcome_t o = { .http_status = 429 };
    twc_settle_t s;

    twc_verdict_create(&claim, &o, TWC_GIVE_UP * 3, &conf, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_LATER);
}

static void a_temporary_error_is_retried_a_few_times(void **state)
{
    const twc_outcome_t o = { .http_status = 400, .code = 21702 };
    twc_claim_t c = claim;
    twc_settle_t s;

    for (c.attempt = 1; c.attempt < 5; c.attempt++) {
        twc_verdict_create(&c, &o, 0, &conf, &s);
        assert_int_equal(s.verdict, TWC_SETTLE_LATER);
        assert_true(s.delay >= SECONDS(30));
    }
    twc_verdict_create(&c, &o, 0, &conf, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_FAILED);
    assert_int_equal(s.code, 21702);
}

static void backoff_grows_and_differs(void **state)
{
    apr_interval_time_t most = 0, first = twc_backoff(9);
    bool differs = false;

    for (int i = 0; i < 1000; i++) {
        apr_interval_time_t d = twc_backoff(9);

        assert_true(d >= 0 && d < SECONDS(60));
        most = d > most ? d : most;
        differs = differs || d != first;
        assert_true(twc_backoff(1) < SECONDS(1));
        assert_true(twc_backoff(1000000) < SECONDS(60));
    }
    assert_true(differs && most > SECONDS(50));
}

/* ---- looking for it ------------------------------------------------------------------------ */

#define BASE                                                                  \
    .sid = "SM1", .status = "sent", .direction = "outbound-api", .from = "+14155550100", .to = "+14155550123",       \
    .body = "Hello", .num_media = "0", .date_created = NOW

static const twc_remote_msg_t entry = { BASE };

/* The same, but for some fields. */
#define ENTRY(...) ((const twc_remote_msg_t){ BASE, __VA_ARGS__ })

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static void is_it(void **state)
{
    const struct { const char *what; twc_remote_msg_t entry; bool is; } rows[] = {
        { "the same", entry, true },
        { "another recipient", ENTRY(.to = "+14155550124"), false },
        { "another sender", ENTRY(.from = "+14155550101"), false },
        { "another text", ENTRY(.body = "Hello!"), false },
        { "without the blank at its end", ENTRY(.body = "Hello \n"), true },
        { "with other line ends", ENTRY(.body = "\r\nHello"), true },
        { "without its text, as an account shows it that keeps none", ENTRY(.body = ""), true },
        { "a trial account's", ENTRY(.body = "Sent from your Twilio trial account - Hello"), true },
        { "with a picture", ENTRY(.num_media = "1"), false },
        { "made a minute later", ENTRY(.date_created = NOW + SECONDS(60)), true },
        { "by a clock that is five minutes behind", ENTRY(.date_created = NOW - SECONDS(300)), true },
        { "made an hour before", ENTRY(.date_created = NOW - SECONDS(3600)), false },
        { "made at no time", ENTRY(.date_created = 0), false },
        { "an inbound one", ENTRY(.direction = "inbound"), false },
        { "an answer by TwiML", ENTRY(.direction = "outbound-reply"), false },
        { "without a sender", ENTRY(.from = NULL), false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (twc_verdict_is_it(&claim, &rows[i].entry) != rows[i].is)
            fail_msg("%s", rows[i].what);
}

static void is_it_in_twiml(void **state)
{
    twc_claim_t c = claim;

    c.attempt = 0;
    assert_true(twc_verdict_is_it(&c, &ENTRY(.direction = "outbound-reply")));
    assert_false(twc_verdict_is_it(&c, &entry));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.direction = "inbound")));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.direction = NULL)));
}

static void is_it_by_a_service(void **state)
{
    twc_claim_t c = claim;

    c.from = NULL;
    c.service_sid = "MG1";
    assert_true(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1", .from = NULL)));
    assert_true(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1")));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG2")));
    assert_false(twc_verdict_is_it(&c, &entry));
    c.body = "\xe2\x80\x9cIt\xe2\x80\x99s 5 \xe2\x82\xac\xe2\x80\xa6\xe2\x80\x9d";        /* smart encoding */
    assert_true(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1", .body = "\"It's 5 \xe2\x82\xac...\"")));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1", .body = "It's 6")));
    c.body = "\xe2\x9d\xa4";
    assert_false(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1", .body = "\xe2\x98\xba")));
    c.body = claim.body;
    c.from = "+14155550100";
    assert_true(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1")));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.service_sid = "MG1", .from = "+14155550101")));
}

static void a_template_is_known_by_everything_else(void **state)
{
    twc_claim_t c = claim;

    c.content_sid = "HX1";
    c.body = "";
    assert_true(twc_verdict_is_it(&c, &entry));
    assert_false(twc_verdict_is_it(&c, &ENTRY(.to = "+14155550124")));
}
#pragma GCC diagnostic pop

static void found(void **state)
{
    twc_remote_msg_t r = entry;
    twc_settle_t s;

    twc_verdict_found(&claim, &r, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_ACCEPTED);
    assert_string_equal(s.sid, "SM1");
    assert_string_equal(s.status, "sent");
}

/* Within grace, and before the second look, it is never sent again. */
static void missing(void **state)
{
    static const struct { int age_s, checks; twc_settle_e verdict; } rows[] = {
        { 2, 0, TWC_SETTLE_UNKNOWN }, { 60, 1, TWC_SETTLE_UNKNOWN }, { 119, 5, TWC_SETTLE_UNKNOWN }, { 500, 0, TWC_SETTLE_UNKNOWN },
        { 120, 1, TWC_SETTLE_LATER }, { 500, 1, TWC_SETTLE_LATER },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        twc_claim_t c = claim;
        twc_settle_t s;

        c.age = SECONDS(rows[i].age_s);
        c.checks = rows[i].checks;
        twc_verdict_missing(&c, &conf, &s);
        assert_int_equal(s.verdict, rows[i].verdict);
        if (s.verdict == TWC_SETTLE_UNKNOWN)
            assert_true(s.checked && s.delay > 0 && s.delay <= SECONDS(30));
    }
}

static void an_unread_list_teaches_nothing(void **state)
{
    const twc_outcome_t o = { .http_status = 503, .retry_after = SECONDS(40) };
    twc_settle_t s;

    twc_verdict_unread(&claim, &o, &s);
    assert_int_equal(s.verdict, TWC_SETTLE_UNKNOWN);
    assert_false(s.checked);
    assert_true(s.delay >= SECONDS(40));
}

/* A longer lease would be taken for a clock that was set back. */
static void a_list_is_asked_for_again_within_ten_minutes(void **state)
{
    const twc_outcome_t o = { .http_status = 429, .retry_after = SECONDS(1800) };
    twc_settle_t s;

    twc_verdict_unread(&claim, &o, &s);
    assert_int_equal(s.delay, SECONDS(600));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates), cmocka_unit_test(retry_after_is_a_lower_bound), cmocka_unit_test(nothing_is_tried_for_more_than_a_day),
        cmocka_unit_test(waiting_for_its_turn_is_no_try),
        cmocka_unit_test(a_temporary_error_is_retried_a_few_times), cmocka_unit_test(backoff_grows_and_differs),
        cmocka_unit_test(is_it), cmocka_unit_test(is_it_in_twiml), cmocka_unit_test(is_it_by_a_service), cmocka_unit_test(a_template_is_known_by_everything_else),
        cmocka_unit_test(found), cmocka_unit_test(missing), cmocka_unit_test(an_unread_list_teaches_nothing),
        cmocka_unit_test(a_list_is_asked_for_again_within_ten_minutes),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
