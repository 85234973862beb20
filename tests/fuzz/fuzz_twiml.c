/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_twiml.c - what an application answers the sandbox: TwiML, or anything.
 */
#include "sandbox/twiml.h"
#include "fuzz.h"
#include "twilio/twiml.h"
#include "util/text.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    apr_array_header_t *verbs = NULL;
    const char *note = NULL, *text, *ours;
    int code = sb_twiml_parse(pool, (const char *)data, size, &verbs, &note);

    REQUIRE(code == 0 || code == 12100 || code == 12102 || code == 12200 || code == 14110 || code == 14109);
    for (int i = 0; (code == 0 || code == 14109) && i < verbs->nelts; i++) {
        const sb_verb_t *verb = &APR_ARRAY_IDX(verbs, i, sb_verb_t);
        REQUIRE(verb->text && (strcmp(verb->method, "POST") == 0 || strcmp(verb->method, "GET") == 0));
    }
    /* What we answer with is read as what was meant. */
    text = twc_text_clean(pool, apr_pstrmemdup(pool, (const char *)data, size), size);
    ours = twc_twiml_message(pool, text, NULL);
    code = sb_twiml_parse(pool, ours, strlen(ours), &verbs, &note);
    REQUIRE(code == 0 && verbs->nelts <= 1);
}
