/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_keyword.c - the words that carriers reserve.
 */
#include "domain/keyword.h"
#include "fuzz.h"
#include "util/text.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const char *text = twc_text_clean(pool, apr_pstrmemdup(pool, (const char *)data, size), size);
    char business[65];
    twc_conf_t conf = { .business_name = business };
    twc_keyword_e word = twc_keyword_of(text);

    REQUIRE(twc_keyword_of(apr_pstrcat(pool, "  ", text, " \n", NULL)) == word);
    if (size > 40)
        REQUIRE(word == TWC_KEYWORD_NONE || twc_text_chars(twc_text_trim(pool, text)) < 40);
    REQUIRE(twc_keyword_of_opt_out_type(text) <= TWC_KEYWORD_HELP);
    apr_cpystrn(business, twc_text_head(pool, text, 16), sizeof(business));
    for (int k = TWC_KEYWORD_NONE; k <= TWC_KEYWORD_HELP; k++)
        REQUIRE(twc_text_chars(twc_keyword_text(pool, &conf, (twc_keyword_e)k)) <= 480);
}
