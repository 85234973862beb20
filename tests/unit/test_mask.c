/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_mask.c - whatever may be in an address, the log shows too little of it to use.
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

#include "util/mask.h"
#include "util/text.h"

static apr_pool_t *pool;

static void phones(void **state)
{
    static const struct { const char *address, *shown; } rows[] = {
        { "+14155552671", "+1415•••2671" }, { "whatsapp:+14155552671", "whatsapp:+1415•••2671" },
        { "rcs:+48601234567", "rcs:+4860•••4567" }, { "+123456789012345", "+1234•••2345" },
        { "+6591234567", "•••67" }, { "+123456789", "•••89" },         /* 5 + 4 would be nearly all of it */
        { "whatsapp:+3581234", "whatsapp:•••34" }, { "12345", "•••45" }, { "123", "•••23" }, { "12", "•••" }, { "", "•••" },
        { "whatsapp:CO.4fG9x", "whatsapp:•••9x" }, { "ACME", "•••ME" }, { NULL, "-" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(twc_mask_phone(pool, rows[i].address), rows[i].shown);
}

/* An address that is none is kept as it came: its characters are not cut in two. */
static void characters_stay_whole(void **state)
{
    static const struct { const char *address, *shown; } rows[] = {
        { "Zażółć gęślą jaźń", "Zażół•••jaźń" }, { "Żółć", "•••łć" }, { "👍👍👍", "•••👍👍" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *shown = twc_mask_phone(pool, rows[i].address);
        assert_true(twc_text_is_clean(shown, strlen(shown)));
        assert_string_equal(shown, rows[i].shown);
    }
}

static void at_least_three_are_hidden_of_a_number(void **state)
{
    for (int digits = 7; digits <= 15; digits++) {
        const char *number = apr_psprintf(pool, "+%.*s", digits, "123456789012345"), *shown = twc_mask_phone(pool, number);
        assert_true(strlen(shown) - strlen("•••") <= strlen(number) - 3);
    }
}

static void sids(void **state)
{
    assert_string_equal(twc_mask_sid(pool, "AC0123456789abcdef0123456789abcd9f"), "AC01…9f");
    assert_string_equal(twc_mask_sid(pool, "0123456789"), "0123…89");
    assert_string_equal(twc_mask_sid(pool, "012345678"), "…");
    assert_string_equal(twc_mask_sid(pool, ""), "…");
    assert_string_equal(twc_mask_sid(pool, NULL), "…");
}

static void sensitive_names(void **state)
{
    static const char *const kept_out[] = {
        "authorization", "PROXY-AUTHORIZATION", "Cookie", "set-cookie", "X-Twilio-Signature", "x-api-key", "X-CSRF-Token",
        "From", "from", "TO", "Body", "body", "message", "content", "WaId", "ProfileName", "ExternalUserId",
        "OriginalRepliedMessageSender", "ChannelToAddress", "ButtonText", "ButtonPayload", "ListTitle", "ListDescription",
        "FlowData", "InteractiveData", "ChannelMetadata", "Address", "Latitude", "Longitude", "Label",
        "password", "token", "access_token", "refresh_token", "auth_token", "secret", "api_key", "phone_number", "email" };
    static const char *const shown[] = { "MessageSid", "AccountSid", "MessageStatus", "ErrorCode", "NumMedia", "event", "peer", "", "Bod", "Bodyx" };

    for (size_t i = 0; i < sizeof(kept_out) / sizeof(kept_out[0]); i++)
        if (!twc_mask_is_sensitive(kept_out[i]))
            fail_msg("%s would be logged", kept_out[i]);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        assert_false(twc_mask_is_sensitive(shown[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phones),
        cmocka_unit_test(characters_stay_whole),
        cmocka_unit_test(at_least_three_are_hidden_of_a_number),
        cmocka_unit_test(sids),
        cmocka_unit_test(sensitive_names),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
