/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_segment.c - how many parts a text has, compared with a slow count by the book.
 */
#include "fuzz.h"
#include "twilio/segment.h"
#include "util/text.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const char *text = twc_text_clean(pool, apr_pstrmemdup(pool, (const char *)data, size), size);
    twc_segments_t s = twc_segments_count(text);
    int whole = s.gsm ? 160 : 70, part = s.gsm ? 153 : 67;

    REQUIRE(s.units >= 0 && s.segments >= 1);
    if (!s.gsm)
        REQUIRE(s.units == (int)twc_text_utf16(text));
    else
        REQUIRE(s.units >= (int)twc_text_chars(text) && s.units <= 2 * (int)twc_text_chars(text));
    REQUIRE((s.segments == 1) == (s.units <= whole));
    REQUIRE(s.per_segment == (s.segments == 1 ? whole : part));
    if (s.segments > 1) {
        REQUIRE(s.segments >= (s.units + part - 1) / part);             /* none is overfull */
        REQUIRE(s.segments <= s.units / (part - 1) + 1);                /* each holds all but at most one unit */
    }
}
