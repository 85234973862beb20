/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_phone.c - every spelling of an address finds the same canonical form.
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

#include "util/phone.h"

static apr_pool_t *pool;

static const struct { const char *in; bool plus; const char *out; } spellings[] = {
    { "+14155550123", true, "+14155550123" }, { "14155550123", true, "+14155550123" }, { " 14155550123", false, "+14155550123" },
    { "%2B14155550123", false, "+14155550123" }, { "%2b14155550123", true, "+14155550123" },
    { "+1 (415) 555-0123", true, "+14155550123" }, { "+1.415.555.0123", true, "+14155550123" },
    { "+1\xC2\xA0" "415 555 0123 ", true, "+14155550123" }, { "14155550123", false, "14155550123" },
    { "whatsapp:+573001234567", true, "whatsapp:+573001234567" }, { "WhatsApp:573001234567", true, "whatsapp:+573001234567" },
    { "whatsapp: 573001234567", true, "whatsapp:+573001234567" }, { "whatsapp:%2B573001234567", true, "whatsapp:+573001234567" },
    { "whatsapp:CO.4fG9x", true, "whatsapp:CO.4fG9x" }, { "rcs:+14155550123", true, "rcs:+14155550123" },
    { "12345", true, "12345" }, { "ACME", true, "ACME" }, { "Swim & Fun", true, "Swim & Fun" },
    { "14155550123", false, "14155550123" }, { "0014155550123", true, "0014155550123" }, { "00 41 55", false, "004155" },
    { "\t+1/415/5550123", true, "+14155550123" }, { "123456", true, "123456" }, { "1234567", true, "+1234567" },
    { "1234567890123456", true, "1234567890123456" }, { "RCS: 1 415 555 0123", true, "rcs:+14155550123" },
    { "rcs:acme_agent", true, "rcs:acme_agent" },
    { "messenger:1234567890", true, "messenger:1234567890" }, { "Messenger:12-34 ", true, "messenger:12-34" },    /* ids, not numbers */
    { "", true, NULL }, { "  ", true, NULL }, { "\xC2\xA0", true, NULL }, { "a\x7F", true, NULL }, { "whatsapp:", true, NULL }, { "+", true, NULL }, { "+48abc", true, NULL },
    { "a\nb", true, NULL }, { "ABCDEFGHIJKLMNOP", true, NULL }, { "+1415+5550123", true, NULL },
    { "1415+5550123", true, NULL }, { "whatsapp:CO.a\nb", true, NULL },
};

static void canonical(void **state)
{
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        const char *got = twc_phone_canonical(pool, spellings[i].in, spellings[i].plus);
        if (!spellings[i].out)
            assert_null(got);
        else {
            assert_non_null(got);
            assert_string_equal(got, spellings[i].out);
        }
    }
    assert_string_equal(twc_phone_received(pool, " odd caller!! "), "odd caller!!");
    assert_string_equal(twc_phone_received(pool, "messenger:1234567890"), "messenger:1234567890");
    assert_string_equal(twc_phone_received(pool, "12345"), "12345");
    assert_string_equal(twc_phone_received(pool, ""), "");
    assert_non_null(twc_phone_canonical(pool, apr_psprintf(pool, "x:%098d", 0), true));
    assert_null(twc_phone_canonical(pool, apr_psprintf(pool, "x:%099d", 0), true));
}

static void kinds(void **state)
{
    static const struct { const char *sender; twc_sender_kind_e kind; } rows[] = {
        { "+14155550123", TWC_SENDER_LONGCODE_US }, { "+48601234567", TWC_SENDER_LONGCODE }, { "+18005550123", TWC_SENDER_TOLLFREE },
        { "+18335550123", TWC_SENDER_TOLLFREE }, { "12345", TWC_SENDER_SHORTCODE }, { "ACME", TWC_SENDER_ALPHANUMERIC },
        { "MG00000000000000000000000000000001", TWC_SENDER_SERVICE }, { "MG", TWC_SENDER_ALPHANUMERIC },
        { "whatsapp:+14155550123", TWC_SENDER_WHATSAPP }, { "rcs:+14155550123", TWC_SENDER_RCS } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(twc_phone_sender_kind(rows[i].sender), rows[i].kind);
        assert_int_equal(twc_sender_kind_parse(twc_sender_kind_name(rows[i].kind)), rows[i].kind);
    }
    for (int code = 200; code <= 999; code++) {
        bool free_of_charge = code == 800 || code == 833 || code == 844 || code == 855 || code == 866 || code == 877 || code == 888;
        assert_int_equal(twc_phone_sender_kind(apr_psprintf(pool, "+1%d5550123", code)),
                         free_of_charge ? TWC_SENDER_TOLLFREE : TWC_SENDER_LONGCODE_US);
    }
    assert_int_equal(twc_phone_sender_kind("+180055501234"), TWC_SENDER_LONGCODE);
    assert_int_equal(twc_sender_kind_parse("carrier pigeon"), -1);
}

static void recipients(void **state)
{
    assert_true(twc_phone_is_e164("+14155550123"));
    assert_false(twc_phone_is_e164("+14155550123\n"));
    assert_false(twc_phone_is_e164("+04155550123"));
    assert_false(twc_phone_is_e164("+1234567890123456"));
    assert_false(twc_phone_is_e164("+123456"));
    assert_true(twc_phone_is_e164("+1234567"));
    assert_true(twc_phone_is_e164("+123456789012345"));
    assert_false(twc_phone_is_e164(""));
    assert_true(twc_phone_is_recipient("whatsapp:CO.4fG9x"));
    assert_true(twc_phone_is_recipient("rcs:+14155550123"));
    assert_false(twc_phone_is_recipient("rcs:acme_agent"));
    assert_false(twc_phone_is_recipient("whatsapp:co.4fG9x"));
    assert_false(twc_phone_is_recipient("whatsapp:CO."));
    assert_false(twc_phone_is_recipient("whatsapp:CO.a b"));
    assert_false(twc_phone_is_recipient("messenger:+14155550123"));
    assert_false(twc_phone_is_recipient("MG00000000000000000000000000000001"));
    assert_false(twc_phone_is_recipient("whatsapp:12"));
    assert_false(twc_phone_is_recipient("12345"));
    assert_false(twc_phone_is_recipient("ACME"));
    assert_string_equal(twc_phone_channel(pool, "whatsapp:+1"), "whatsapp");
    assert_string_equal(twc_phone_channel(pool, "+1"), "sms");
    assert_string_equal(twc_phone_bare("whatsapp:+1"), "+1");
    assert_string_equal(twc_phone_digits(pool, "whatsapp:+57 300"), "57300");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical),
        cmocka_unit_test(kinds),
        cmocka_unit_test(recipients),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
