/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_text.c - foreign bytes made safe, lengths, white space, XML and JSON.
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
#include <apr_strings.h>

#include "util/text.h"

static apr_pool_t *pool;

#define FFFD "\xEF\xBF\xBD"

static const struct { const char *in; size_t len; const char *out; } cleaned[] = {
    { "plain", 5, "plain" }, { "", 0, "" }, { "Za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87", 10, "Za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87" },
    { "\xF0\x9F\x91\x8D", 4, "\xF0\x9F\x91\x8D" },
    { "a\0b\0", 4, "ab" },                                          /* NUL goes */
    { "\xC0\xAF", 2, FFFD FFFD },                                   /* overlong */
    { "\xE0\x80\xAF", 3, FFFD FFFD FFFD }, { "\xF0\x80\x80\xAF", 4, FFFD FFFD FFFD FFFD },
    { "\xED\xA0\x80", 3, FFFD FFFD FFFD },                          /* surrogate */
    { "\xF4\x90\x80\x80", 4, FFFD FFFD FFFD FFFD },                 /* beyond U+10FFFF */
    { "\xF5\xFF", 2, FFFD FFFD }, { "\x80", 1, FFFD },
    { "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9, FFFD FFFD FFFD FFFD "A" },   /* Unicode 15, table 3-11 */
    { "a\xE2\x82", 3, "a" FFFD },                                   /* truncated */
    { "\xE2\x82\xAC\xE2\x82", 5, "\xE2\x82\xAC" FFFD },
};

static void clean(void **state)
{
    for (size_t i = 0; i < sizeof(cleaned) / sizeof(cleaned[0]); i++) {
        assert_string_equal(twc_text_clean(pool, cleaned[i].in, cleaned[i].len), cleaned[i].out);
        assert_int_equal(twc_text_is_clean(cleaned[i].in, cleaned[i].len), strlen(cleaned[i].out) == cleaned[i].len
                                                                           && memcmp(cleaned[i].in, cleaned[i].out, cleaned[i].len) == 0);
    }
    const char *same = "untouched";
    assert_ptr_equal(twc_text_clean(pool, same, 9), same);
    assert_string_equal(twc_text_clean(pool, same, 2), "un");
}

static void lengths(void **state)
{
    assert_int_equal(twc_text_chars("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x91\x8D"), 4);
    assert_int_equal(twc_text_utf16("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x91\x8D"), 5);
    assert_string_equal(twc_text_head(pool, "a\xC3\xA9\xE2\x82\xACz", 2), "a\xC3\xA9");
    assert_string_equal(twc_text_head(pool, "ab", 9), "ab");
    assert_string_equal(twc_text_head(pool, "ab", 0), "");
    assert_string_equal(twc_text_head_utf16(pool, "a\xC3\xA9\xF0\x9F\x98\x80z", 4), "a\xC3\xA9\xF0\x9F\x98\x80");
    assert_string_equal(twc_text_head_utf16(pool, "a\xC3\xA9\xF0\x9F\x98\x80z", 3), "a\xC3\xA9");
    assert_string_equal(twc_text_head_utf16(pool, "ab", 9), "ab");
    assert_string_equal(twc_text_head_utf16(pool, "\xF0\x9F\x98\x80", 0), "");
}

static void plain(void **state)
{
    static const char *const seen[] = { "", "Ana", "Za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87", "\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF", "\xE7\x8E\x8B",
                                        "\xF0\x9F\x91\x8D", "a\xC2\xA0z", "\xE2\x80\x93", "\xE2\x80\xAF" };
    static const char *const unseen[] = {
        "a\nb", "\x01", "\x1F", "\x7F", "\xC2\x80", "a\xC2\x9F", "\xC2\xAD", "\xD8\x9C", "a\xE2\x80\x8B", "\xE2\x80\x8F", "\xE2\x80\xA8",
        "\xE2\x80\xAE", "\xE2\x81\xA6", "\xEF\xBB\xBF", "\xEF\xB8\x8F", "\xE3\x85\xA4", "\xF3\xA0\x81\x81" };

    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        assert_true(twc_text_is_plain(seen[i], ""));
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
        assert_false(twc_text_is_plain(unseen[i], ""));
    assert_true(twc_text_is_plain("two\nlines\tand a tab", "\n\t"));
    assert_false(twc_text_is_plain("two\r\nlines", "\n\t"));
}

static void white_space(void **state)
{
    assert_string_equal(twc_text_trim(pool, " \t\xC2\xA0 a b\xC2\xA0\r\n"), "a b");
    assert_string_equal(twc_text_trim(pool, "\xC2\xA0"), "");
    assert_string_equal(twc_text_trim(pool, "\xC3\xA0"), "\xC3\xA0");
    assert_true(twc_text_blank(" \n\xC2\xA0"));
    assert_false(twc_text_blank(" x"));
}

static void markup(void **state)
{
    assert_string_equal(twc_text_xml(pool, "<a href=\"x\">&\r\n\x01\xEF\xBF\xBE]]>"), "&lt;a href=&quot;x&quot;&gt;&amp;&#13;\n]]&gt;");
    assert_string_equal(twc_text_json(pool, "a\"b\\c\n\x01\xC3\xA9"), "\"a\\\"b\\\\c\\u000a\\u0001\xC3\xA9\"");
    assert_string_equal(twc_text_json(pool, NULL), "null");
    assert_string_equal(twc_text_json(pool, ""), "\"\"");
    assert_string_equal(twc_text_xml(pool, "\xEF\xBF\xBF|\xEF\xBF\xBD|\t\x7F\x0B\x0C\x1F"), "|\xEF\xBF\xBD|\t\x7F");
    assert_string_equal(twc_text_upper(pool, "aZ9\xC5\xBC"), "AZ9\xC5\xBC");
    assert_string_equal(twc_text_hex(pool, (const unsigned char *)"\x00\x9f\xFF", 3), "009fff");
    assert_string_equal(twc_text_hex(pool, NULL, 0), "");
}

static void secrets(void **state)
{
    assert_true(twc_text_same_secret("abc", 3, "abc", 3));
    assert_false(twc_text_same_secret("abc", 3, "abd", 3));
    assert_false(twc_text_same_secret("abc", 3, "ab", 2));
    assert_false(twc_text_same_secret("ab", 2, "abc", 3));
    assert_true(twc_text_same_secret("", 0, "", 0));
}

static const struct { const char *in, *out; } surrogates[] = {
    { "\"\\ud83d\\ude00 \\u0041\"", "\"\\ud83d\\ude00 \\u0041\"" },
    { "\"cut \\ud83d\"", "\"cut \\ufffd\"" }, { "\"\\uDE00\"", "\"\\ufffd\"" },
    { "\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\"" }, { "\"\\ud83d\\u0041\"", "\"\\ufffd\\u0041\"" },
    { "\"\\\\ud83d\"", "\"\\\\ud83d\"" },                     /* a backslash, then letters */
    { "\"\\ud8", "\"\\ud8" }, { "\\", "\\" }, { "", "" },
};

static void lone_surrogates(void **state)
{
    for (size_t i = 0; i < sizeof(surrogates) / sizeof(surrogates[0]); i++) {
        char *json = apr_pstrdup(pool, surrogates[i].in);

        twc_text_pair_surrogates(json, strlen(json));
        assert_string_equal(json, surrogates[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean),
        cmocka_unit_test(lengths), cmocka_unit_test(plain),
        cmocka_unit_test(white_space),
        cmocka_unit_test(markup),
        cmocka_unit_test(secrets),
        cmocka_unit_test(lone_surrogates),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
