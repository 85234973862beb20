/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_text.c - bytes from anywhere become clean UTF-8, and what is made of that is well formed.
 */
#include <jansson.h>

#include "fuzz.h"
#include "util/text.h"

static void check_json(apr_pool_t *pool, const char *clean)
{
    const char *literal = twc_text_json(pool, clean);
    json_t *value = json_loads(literal, JSON_DECODE_ANY, NULL);

    REQUIRE(json_is_string(value) && strcmp(json_string_value(value), clean) == 0);
    json_decref(value);
}

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    char *copy = apr_pstrmemdup(pool, (const char *)data, size);
    const char *clean = twc_text_clean(pool, copy, size), *head, *xml;
    size_t len = strlen(clean);

    REQUIRE(twc_text_is_clean(clean, len));
    REQUIRE(strcmp(twc_text_clean(pool, clean, len), clean) == 0);
    if (twc_text_is_clean((const char *)data, size))
        REQUIRE(len == size && memcmp(clean, data, size) == 0);
    REQUIRE(twc_text_chars(clean) <= len && twc_text_utf16(clean) >= twc_text_chars(clean));
    head = twc_text_head(pool, clean, 7);
    REQUIRE(twc_text_utf16(twc_text_head_utf16(pool, clean, 7)) <= 7);
    REQUIRE(twc_text_chars(head) <= 7 && strncmp(head, clean, strlen(head)) == 0 && twc_text_is_clean(head, strlen(head)));
    REQUIRE(strlen(twc_text_trim(pool, clean)) <= len);
    REQUIRE(twc_text_blank(clean) == (*twc_text_trim(pool, clean) == '\0'));
    xml = twc_text_xml(pool, clean);
    REQUIRE(twc_text_is_clean(xml, strlen(xml)) && !strpbrk(xml, "<>\"\r\x01\x1f"));
    check_json(pool, clean);
}
