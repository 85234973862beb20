/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * segment.c - GSM 03.38 septets and UCS-2 units.
 * Must never split an escape pair or a surrogate pair across two parts.
 * Called by domain/message.c, store/ and the sandbox.
 */
#include <string.h>

#include "twilio/segment.h"

/* Beside ASCII: the rest of the basic table. */
static const unsigned int basic[] = {
    0xA3, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0xD8, 0xF8, 0xC5, 0xE5, 0x394, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0,
    0x3A8, 0x3A3, 0x398, 0x39E, 0xC6, 0xE6, 0xDF, 0xC9, 0xA4, 0xA1, 0xC4, 0xD6, 0xD1, 0xDC, 0xA7, 0xBF, 0xE4, 0xF6,
    0xF1, 0xFC, 0xE0,
};

/* Septets of a character: 1, 2 (escape), or 0 when GSM-7 has none. */
static int septets(unsigned int c)
{
    if (c == 0x20AC || c == '\f' || (c < 0x80 && c && strchr("^{}\\[~]|", (int)c)))
        return 2;
    if (c == '`' || (c < 0x20 && c != '\n' && c != '\r') || c == 0x7F)
        return 0;
    if (c < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        if (basic[i] == c)
            return 1;
    return 0;
}

static unsigned int next_char(const unsigned char **p)
{
    unsigned int c = *(*p)++;
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;

    if (more)
        c &= 0x3Fu >> more;
    while (more-- && (**p & 0xC0) == 0x80)
        c = c << 6 | (*(*p)++ & 0x3Fu);
    return c;
}

static bool is_gsm(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; )
        if (!septets(next_char(&p)))
            return false;
    return true;
}

static int units_of(unsigned int c, bool gsm)
{
    return gsm ? septets(c) : c > 0xFFFF ? 2 : 1;
}

twc_segments_t twc_segments_count(const char *text)
{
    twc_segments_t s = { .gsm = is_gsm(text), .segments = 1 };
    int single = s.gsm ? 160 : 70, part = s.gsm ? 153 : 67, used = 0, parts = 1;

    for (const unsigned char *p = (const unsigned char *)text; *p; ) {
        int n = units_of(next_char(&p), s.gsm);
        s.units += n;
        if (used + n > part) {
            parts++;
            used = 0;
        }
        used += n;
    }
    s.per_segment = s.units <= single ? single : part;
    s.segments = s.units <= single ? 1 : parts;
    return s;
}
