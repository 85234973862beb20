/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_signature.c - any URL, parameters and header: what we sign is accepted in each spelling, nothing else is.
 */
#include "fuzz.h"
#include "twilio/signature.h"

static const char token[] = "0123456789abcdef0123456789abcdef";

/* First line: URL. Second: header. The rest: body. */
static char *line(apr_pool_t *pool, const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    size_t len = end ? (size_t)(end - *data) : *size;
    char *text = fuzz_string(pool, *data, len);

    *data += end ? len + 1 : len;
    *size -= end ? len + 1 : len;
    return text;
}

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const char *const tokens[] = { token, NULL };
    const char *url = line(pool, &data, &size), *header = line(pool, &data, &size);
    const twc_form_t *form = NULL;
    twc_signed_t what = { .url = url };
    char good[TWC_SIGNATURE_LEN + 1], bad[TWC_SIGNATURE_LEN + 1];

    if (twc_form_parse(pool, (const char *)data, size, &form) != APR_SUCCESS)
        return;
    what.form = form;
    twc_signature_make(pool, token, url, form, good);
    REQUIRE(strlen(good) == TWC_SIGNATURE_LEN);
    REQUIRE(twc_signature_check(pool, tokens, 2, good, &what) == TWC_SIG_OK);
    memcpy(bad, good, sizeof(bad));
    bad[3] = bad[3] == 'A' ? 'B' : 'A';
    REQUIRE(twc_signature_check(pool, tokens, 2, bad, &what) == TWC_SIG_MISMATCH);
    if (strcmp(header, good) != 0)
        REQUIRE(twc_signature_check(pool, tokens, 1, header, &(twc_signed_t){ .url = url, .form = form }) != TWC_SIG_OK);
    REQUIRE(twc_signature_check(pool, tokens + 1, 1, good, &what) == TWC_SIG_NO_TOKEN);
    what = (twc_signed_t){ .url = url, .body = { (const char *)data, size } };
    REQUIRE(*twc_signature_reason(twc_signature_check(pool, tokens, 2, good, &what)) || 1);
}
