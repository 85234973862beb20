/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_segment.c - the counter against tests/data/segments.tsv, which the page's counter is held to as well.
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

#include "twilio/segment.h"

static apr_pool_t *pool;

static char *put_utf8(char *o, unsigned int c)
{
    if (c < 0x80)
        *o++ = (char)c;
    else if (c < 0x800) {
        *o++ = (char)(0xC0 | c >> 6);
        *o++ = (char)(0x80 | (c & 0x3F));
    }
    else if (c < 0x10000) {
        *o++ = (char)(0xE0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 0x3F));
        *o++ = (char)(0x80 | (c & 0x3F));
    }
    else {
        *o++ = (char)(0xF0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 0x3F));
        *o++ = (char)(0x80 | (c >> 6 & 0x3F));
        *o++ = (char)(0x80 | (c & 0x3F));
    }
    return o;
}

/* The escapes its second line explains. */
static char *unescape(const char *in)
{
    static const char names[] = "nrtf", values[] = "\n\r\t\f";
    char *out = apr_palloc(pool, strlen(in) + 1), *o = out;

    while (*in) {
        const char *known;
        if (*in != '\\') {
            *o++ = *in++;
            continue;
        }
        in++;
        if (*in == 'u' || *in == 'U') {
            char hex[9] = "";
            int digits = *in == 'u' ? 4 : 8;
            memcpy(hex, in + 1, (size_t)digits);
            o = put_utf8(o, (unsigned int)strtoul(hex, NULL, 16));
            in += digits + 1;
        }
        else {
            known = strchr(names, *in);
            *o++ = known ? values[known - names] : *in;
            in++;
        }
    }
    *o = '\0';
    return out;
}

static void the_table(void **state)
{
    char line[16384];
    FILE *in = fopen(TEST_DATA "/segments.tsv", "r");
    int rows = 0;

    assert_non_null(in);
    while (fgets(line, sizeof(line), in)) {
        char *encoding = strchr(line, '\t'), *units, *segments;
        if (*line == '#' || !encoding)
            continue;
        *encoding++ = '\0';
        units = strchr(encoding, '\t');
        *units++ = '\0';
        segments = strchr(units, '\t') + 1;
        twc_segments_t s = twc_segments_count(unescape(line));
        if (s.gsm != (strcmp(encoding, "GSM-7") == 0) || s.units != atoi(units) || s.segments != atoi(segments))
            fail_msg("%.60s: %s %d %d, expected %s %s", line, s.gsm ? "GSM-7" : "UCS-2", s.units, s.segments, encoding, units);
        rows++;
    }
    fclose(in);
    assert_true(rows > 30);
}

static void parts(void **state)
{
    assert_int_equal(twc_segments_count("").per_segment, 160);
    assert_int_equal(twc_segments_count("\xE2\x80\x99").per_segment, 70);
    char text[200] = "";
    memset(text, 'a', 161);
    assert_int_equal(twc_segments_count(text).per_segment, 153);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(parts),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
