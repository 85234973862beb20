/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * json.c - JSON that clients and Twilio send.
 * Must never read a text in two ways: what was taken once has to be readable again from the spool and the journal.
 * Called by glue/request.c, webhook/ and domain/call.c.
 */
#include <string.h>

#include "util/json.h"
#include "util/text.h"

#define KEY_SHOWN 40                    /* characters of a key in a message */

/* jansson stops right behind the key, and has room for short ones only in its own words. */
static const char *key_before(apr_pool_t *pool, const char *text, apr_size_t end)
{
    apr_size_t begin = end;

    if (end < 2 || text[--begin] != '"')
        return "";
    do
        begin--;
    while (begin && (text[begin] != '"' || text[begin - 1] == '\\'));
    return twc_text_head(pool, apr_pstrmemdup(pool, text + begin + 1, end - begin - 2), KEY_SHOWN);
}

json_t *twc_json_object(apr_pool_t *pool, twc_str_t text, const char **twice)
{
    const char *clean;
    char *copy;
    json_t *json;
    json_error_t error;

    *twice = NULL;
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)     /* a byte order mark is not part of it */
        text = (twc_str_t){ text.data + 3, text.len - 3 };
    copy = apr_pstrmemdup(pool, text.data, text.len);
    twc_text_pair_surrogates(copy, text.len);
    clean = twc_text_clean(pool, copy, text.len);
    json = json_loads(clean, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (json && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    if (!json && json_error_code(&error) == json_error_duplicate_key)
        *twice = key_before(pool, clean, (apr_size_t)error.position);
    return json;
}

apr_status_t twc_json_refused(twc_ctx_t *ctx, const char *twice)
{
    if (!twice)
        return twc_problem(ctx, APR_EINVAL, "json_invalid", "The request body must be a JSON object.");
    if (!*twice)
        return twc_problem(ctx, APR_EINVAL, "json_duplicate_key", "A key occurs twice in the JSON.");
    return twc_problem(ctx, APR_EINVAL, "json_duplicate_key", "The key '%s' occurs twice in the JSON.", twice);
}
