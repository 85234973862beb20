/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_form.c - form bodies and query strings: pairs lie within bounds, and what was escaped comes back.
 */
#include "fuzz.h"
#include "util/form.h"
#include "util/text.h"

/* Names and values written down again decode to themselves. */
static void round_trip(apr_pool_t *pool, const twc_form_t *form)
{
    const twc_form_t *again;
    const char *text = "";
    int kept = 0;

    for (int i = 0; i < form->count && i < 50; i++) {
        const twc_pair_t *p = &form->pairs[i];
        const char *name = twc_text_clean(pool, apr_pstrmemdup(pool, p->name.data, p->name.len), p->name.len);
        const char *value = twc_text_clean(pool, apr_pstrmemdup(pool, p->value.data, p->value.len), p->value.len);
        text = apr_pstrcat(pool, text, kept++ ? "&" : "", twc_form_escape(pool, name), "=", twc_form_escape(pool, value), NULL);
    }
    REQUIRE(twc_form_parse(pool, text, strlen(text), &again) == APR_SUCCESS);
    REQUIRE(again->count == kept);
    for (int i = 0; i < kept; i++) {
        const twc_pair_t *p = &form->pairs[i];
        const char *value = twc_text_clean(pool, apr_pstrmemdup(pool, p->value.data, p->value.len), p->value.len);
        REQUIRE(strlen(value) == again->pairs[i].value.len);
        REQUIRE(memcmp(value, again->pairs[i].value.data, again->pairs[i].value.len) == 0);
    }
}

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const twc_form_t *form;
    const char *text;

    if (twc_form_parse(pool, (const char *)data, size, &form) != APR_SUCCESS)
        return;
    REQUIRE(form->count >= 0 && form->count <= TWC_FORM_MAX_PAIRS);
    for (int i = 0; i < form->count; i++)
        REQUIRE(form->pairs[i].name.len <= size && form->pairs[i].value.len <= size);
    text = twc_form_text(pool, form, "Body");
    REQUIRE(!text || twc_text_is_clean(text, strlen(text)));
    REQUIRE(!text == !twc_form_raw(form, "Body"));
    round_trip(pool, form);
    text = twc_url_unescape(pool, (const char *)data, size);
    REQUIRE(!text || twc_text_is_clean(text, strlen(text)));
    if (text) {
        const char *escaped = twc_url_escape(pool, text);
        const char *back = twc_url_unescape(pool, escaped, strlen(escaped));
        REQUIRE(back && strcmp(back, text) == 0);
    }
}
