/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_status.c - statuses only rise; errors each have one class, reason and advice; reserved words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "domain/keyword.h"
#include "twilio/error.h"
#include "twilio/status.h"
#include "twilio/twiml.h"
#include "util/mask.h"

static apr_pool_t *pool;

static const char *const words[] = { "accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "delivered",
                                     "undelivered", "failed", "canceled", "read", "received", "nonsense" };
#define WORDS (sizeof(words) / sizeof(words[0]))

/* The rule in words: ranks must rise; after delivered only read; other final ones stay. */
static void every_pair(void **state)
{
    for (size_t i = 0; i < WORDS; i++)
        for (size_t j = 0; j < WORDS; j++) {
            int a = twc_status_rank(words[i]), b = twc_status_rank(words[j]);
            bool expected = a < 60 && a > 0 && b > a;
            if (strcmp(words[i], "delivered") == 0)
                expected = strcmp(words[j], "read") == 0;
            if (a < 0)
                expected = b > 0;
            assert_int_equal(twc_status_may_follow(words[i], words[j]), expected);
        }
    assert_true(twc_status_may_follow(NULL, "queued"));
    assert_false(twc_status_may_follow("queued", "received"));
}

static void contradictions(void **state)
{
    assert_true(twc_status_contradicts("delivered", "undelivered"));
    assert_true(twc_status_contradicts("failed", "delivered"));
    assert_false(twc_status_contradicts("delivered", "read"));
    assert_false(twc_status_contradicts("read", "delivered"));
    assert_false(twc_status_contradicts("sent", "failed"));
    assert_false(twc_status_contradicts("failed", "failed"));
}

static void errors(void **state)
{
    int count;
    const twc_error_info_t *table = twc_error_table(&count);

    assert_true(count > 120);
    for (int i = 0; i < count; i++) {
        assert_true(i == 0 || table[i - 1].code < table[i].code);
        assert_ptr_equal(twc_error_info(table[i].code, 400), &table[i]);
        assert_true(strlen(table[i].reason) > 10 && strlen(table[i].advice) > 5);
        assert_non_null(twc_error_class_name(table[i].klass));
    }
    assert_int_equal(twc_error_info(21610, 400)->klass, TWC_ERR_OPT_OUT);
    assert_int_equal(twc_error_info(99999, 400)->klass, TWC_ERR_MESSAGE);
    assert_int_equal(twc_error_info(99999, 503)->klass, TWC_ERR_AMBIGUOUS);
    assert_int_equal(twc_error_info(0, 429)->klass, TWC_ERR_THROTTLE);
    assert_int_equal(twc_error_info(0, 401)->klass, TWC_ERR_CONFIG);
}

static void reserved_words(void **state)
{
    static const struct { const char *body; twc_keyword_e keyword; } rows[] = {
        { "STOP", TWC_KEYWORD_STOP }, { " stop\n", TWC_KEYWORD_STOP }, { "StopAll", TWC_KEYWORD_STOP }, { "unsubscribe", TWC_KEYWORD_STOP },
        { "END", TWC_KEYWORD_STOP }, { "quit", TWC_KEYWORD_STOP }, { "revoke", TWC_KEYWORD_STOP }, { "OPTOUT", TWC_KEYWORD_STOP },
        { "start", TWC_KEYWORD_START }, { "YES", TWC_KEYWORD_START }, { "unstop", TWC_KEYWORD_START },
        { "help", TWC_KEYWORD_HELP }, { "INFO", TWC_KEYWORD_HELP },
        { "CANCEL", TWC_KEYWORD_NONE }, { "STOP PLEASE", TWC_KEYWORD_NONE }, { "STOP.", TWC_KEYWORD_NONE }, { "", TWC_KEYWORD_NONE },
        { "\xD0\xA1TOP", TWC_KEYWORD_NONE } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(twc_keyword_of(rows[i].body), rows[i].keyword);
    assert_int_equal(twc_keyword_of_opt_out_type("stop"), TWC_KEYWORD_STOP);
    assert_int_equal(twc_keyword_of_opt_out_type(NULL), TWC_KEYWORD_NONE);
}

static void confirmations(void **state)
{
    twc_conf_t conf = { .business_name = "Swim School", .support_number = "+48123" };

    assert_non_null(strstr(twc_keyword_text(pool, &conf, TWC_KEYWORD_STOP), "START"));
    assert_non_null(strstr(twc_keyword_text(pool, &conf, TWC_KEYWORD_START), "Swim School"));
    assert_non_null(strstr(twc_keyword_text(pool, &conf, TWC_KEYWORD_HELP), "+48123"));
    assert_false(twc_keyword_confirm(&conf, "+14155550100", NULL));
    assert_false(twc_keyword_confirm(&conf, "+18005550100", NULL));
    assert_true(twc_keyword_confirm(&conf, "12345", NULL));
    assert_true(twc_keyword_confirm(&conf, "whatsapp:+14155550100", NULL));
    assert_false(twc_keyword_confirm(&conf, "whatsapp:+14155550100", "STOP"));
    conf.confirm_longcode = true;
    assert_true(twc_keyword_confirm(&conf, "+14155550100", NULL));
}

static void twiml_is_text(void **state)
{
    assert_string_equal(twc_twiml_message(pool, "a<b>&", NULL),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Message>a&lt;b&gt;&amp;</Message></Response>");
    assert_non_null(strstr(twc_twiml_message(pool, "x", "https://h/p?a=1&b=\"2"), "statusCallback=\"https://h/p?a=1&amp;b=&quot;2\""));
}

static void masks(void **state)
{
    assert_null(strstr(twc_mask_phone(pool, "+14155552671"), "555267"));
    assert_non_null(strstr(twc_mask_phone(pool, "whatsapp:+14155552671"), "whatsapp:+1415"));
    assert_null(strstr(twc_mask_phone(pool, "12345"), "123"));
    assert_string_equal(twc_mask_sid(pool, "short"), "…");
    assert_true(twc_mask_is_sensitive("authorization"));
    assert_true(twc_mask_is_sensitive("BODY"));
    assert_false(twc_mask_is_sensitive("MessageSid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(errors),
        cmocka_unit_test(reserved_words),
        cmocka_unit_test(confirmations),
        cmocka_unit_test(twiml_is_text),
        cmocka_unit_test(masks),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
