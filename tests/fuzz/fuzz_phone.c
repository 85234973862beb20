/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_phone.c - addresses as people, clients and Twilio write them.
 */
#include "fuzz.h"
#include "util/mask.h"
#include "util/phone.h"
#include "util/text.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    char *copy = fuzz_string(pool, data, size);
    const char *text = twc_text_clean(pool, copy, strlen(copy)), *received;

    for (int plus = 0; plus < 2; plus++) {
        const char *address = twc_phone_canonical(pool, text, plus), *again;

        if (!address)
            continue;
        REQUIRE(strlen(address) <= 120 && *address);
        again = twc_phone_canonical(pool, address, plus);
        REQUIRE(again && strcmp(again, address) == 0);      /* canonical stays canonical */
        if (twc_phone_is_e164(address))
            REQUIRE(twc_phone_is_recipient(address) && strspn(address + 1, "0123456789") == strlen(address + 1));
        REQUIRE(strspn(twc_phone_digits(pool, address), "0123456789") == strlen(twc_phone_digits(pool, address)));
        REQUIRE(*twc_phone_channel(pool, address));
        REQUIRE(twc_phone_sender_kind(address) < TWC_SENDER_KINDS);
        if (twc_phone_is_e164(address))
            REQUIRE(strcmp(twc_mask_phone(pool, address), address) != 0);       /* never whole in a log */
    }
    received = twc_phone_received(pool, text);
    REQUIRE(received && twc_text_is_clean(received, strlen(received)));
}
