/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_keyword.c - reserved words, and what is answered to them.
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
#include "util/text.h"

static apr_pool_t *pool;

static void words(void **state)
{
    static const struct { twc_keyword_e keyword; const char *bodies[16]; } rows[] = {
        { TWC_KEYWORD_STOP, { "STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "REVOKE", "OPTOUT", "stop", "sToP", " stop\r\n",
                              "\tUnsubscribe ", "STOP\xC2\xA0", "\xC2\xA0 Quit" } },
        { TWC_KEYWORD_START, { "START", "YES", "UNSTOP", "yes", "\nStart" } },
        { TWC_KEYWORD_HELP, { "HELP", "INFO", "help ", "Info" } },
        { TWC_KEYWORD_NONE, { "", " ", "CANCEL", "STOP PLEASE", "please stop", "STOP.", "ST OP", "STOPP", "STO", "stopstop", "NO",
                              "START\x01", "\xD0\xA1TOP", "\xC2\xA0", "UNSUBSCRIBE UNSUBSCRIBE UNSUBSCRIBE" } } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int j = 0; j < 16 && rows[i].bodies[j]; j++)
            if (twc_keyword_of(rows[i].bodies[j]) != rows[i].keyword)
                fail_msg("\"%s\" is read as %d", rows[i].bodies[j], (int)twc_keyword_of(rows[i].bodies[j]));
}

static void opt_out_types(void **state)
{
    static const struct { const char *value; twc_keyword_e keyword; } rows[] = {
        { "STOP", TWC_KEYWORD_STOP }, { "stop", TWC_KEYWORD_STOP }, { "START", TWC_KEYWORD_START }, { "Help", TWC_KEYWORD_HELP },
        { "QUIT", TWC_KEYWORD_NONE }, { " STOP", TWC_KEYWORD_NONE }, { "", TWC_KEYWORD_NONE }, { NULL, TWC_KEYWORD_NONE } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(twc_keyword_of_opt_out_type(rows[i].value), rows[i].keyword);
}

static void texts(void **state)
{
    twc_conf_t conf = { .business_name = "Swim School", .support_number = "+48 123" };

    assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_STOP),
                        "You have been unsubscribed and will get no more messages. Reply START to come back.");
    assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_START),
                        "You are subscribed to messages from Swim School again. Reply STOP to unsubscribe.");
    assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_HELP),
                        "This is Swim School. For help call +48 123. Message and data rates may apply. Reply STOP to unsubscribe.");
    assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_NONE), "");
}

static void texts_without_names(void **state)
{
    static const char *const absent[] = { NULL, "" };

    for (int i = 0; i < 2; i++) {
        twc_conf_t conf = { .business_name = absent[i], .support_number = absent[i] };
        assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_START),
                            "You are subscribed to messages again. Reply STOP to unsubscribe.");
        assert_string_equal(twc_keyword_text(pool, &conf, TWC_KEYWORD_HELP),
                            "Message and data rates may apply. Reply STOP to unsubscribe.");
    }
}

/* Whoever set a novel as the name: carriers still require the way out in the text. */
static void the_way_out_is_never_cut_off(void **state)
{
    char name[2000] = "";
    twc_conf_t conf = { .business_name = name, .support_number = name };

    for (int i = 0; i < 600; i++)
        strcat(name, "ż");
    for (twc_keyword_e k = TWC_KEYWORD_START; k <= TWC_KEYWORD_HELP; k++) {
        const char *text = twc_keyword_text(pool, &conf, k);
        assert_true(twc_text_chars(text) <= 480);
        assert_non_null(strstr(text, "Reply STOP to unsubscribe."));
    }
}

#define SERVICE "MG00000000000000000000000000000001"

static void who_confirms(void **state)
{
    static const struct { const char *ours, *opt_out_type; bool by_default, when_asked; } rows[] = {
        { "+14155550100", NULL, false, true }, { "+48601234567", NULL, false, true }, { "+18005550100", NULL, false, true },
        { SERVICE, NULL, false, true }, { "rcs:agent", NULL, false, true }, { "12345", NULL, true, true },
        { "whatsapp:+14155550100", NULL, true, true }, { "whatsapp:+14155550100", "", true, true },
        { "whatsapp:+14155550100", "STOP", false, false }, { "12345", "HELP", false, false }, { "+14155550100", "STOP", false, false } };
    static const twc_confirm_t off = { NULL, false }, on = { NULL, true };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        twc_conf_t conf = { .confirm_count = 0 };
        assert_int_equal(twc_keyword_confirm(&conf, rows[i].ours, NULL, rows[i].opt_out_type), rows[i].by_default);
        conf = (twc_conf_t){ .confirm = &off, .confirm_count = 1 };
        assert_int_equal(twc_keyword_confirm(&conf, rows[i].ours, NULL, rows[i].opt_out_type), rows[i].by_default);
        conf.confirm = &on;
        assert_int_equal(twc_keyword_confirm(&conf, rows[i].ours, NULL, rows[i].opt_out_type), rows[i].when_asked);
    }
}

static void a_sender_has_a_word_of_its_own(void **state)
{
    static const twc_confirm_t said[] = { { "+14155550100", false }, { NULL, true }, { SERVICE, true }, { "+14155550100", true },
                                          { "whatsapp:+14155550100", false }, { NULL, false } };
    twc_conf_t conf = { .confirm = said, .confirm_count = sizeof(said) / sizeof(said[0]) };

    assert_true(twc_keyword_confirm(&conf, "+14155550100", NULL, NULL));
    assert_false(twc_keyword_confirm(&conf, "+14155550100", NULL, "STOP"));
    assert_false(twc_keyword_confirm(&conf, "whatsapp:+14155550100", SERVICE, NULL));
    assert_true(twc_keyword_confirm(&conf, "+14155550199", SERVICE, NULL));
    assert_false(twc_keyword_confirm(&conf, "+14155550199", NULL, NULL));
    assert_true(twc_keyword_confirm(&conf, "whatsapp:+14155550199", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(opt_out_types),
        cmocka_unit_test(texts),
        cmocka_unit_test(texts_without_names),
        cmocka_unit_test(the_way_out_is_never_cut_off),
        cmocka_unit_test(who_confirms),
        cmocka_unit_test(a_sender_has_a_word_of_its_own),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
