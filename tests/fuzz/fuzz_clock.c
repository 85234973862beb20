/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_clock.c - times as clients and Twilio write them: what is read is written and read again as the same.
 */
#include "fuzz.h"
#include "util/clock.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const char *text = fuzz_string(pool, data, size);
    apr_time_t t = -7, again;
    bool date_only;

    if (twc_clock_parse_iso(text, &t, &date_only) == APR_SUCCESS) {
        REQUIRE(t >= 0);
        REQUIRE(twc_clock_parse_iso(twc_clock_iso_ms(pool, t), &again, NULL) == APR_SUCCESS);
        REQUIRE(again == t - t % 1000);
        REQUIRE(!date_only || t % APR_USEC_PER_SEC == 0);
    }
    else
        REQUIRE(t == -7);               /* left alone on failure */
    if (twc_clock_parse_rfc2822(text, &t) == APR_SUCCESS) {
        REQUIRE(twc_clock_parse_rfc2822(twc_clock_rfc2822(pool, t), &again) == APR_SUCCESS);
        REQUIRE(again == t);
    }
}
