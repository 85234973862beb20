/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * json.c - JSON that clients and Twilio send.
 * Must never read a text in two ways: what was taken once has to be readable again from the spool and the journal.
 * Called by glue/request.c, webhook/ and domain/call.c.
 */
#include <string.h>

#include "util/json.h"
#include "util/text.h"

json_t *twc_json_object(apr_pool_t *pool, twc_str_t text)
{
    char *copy;
    json_t *json;

    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)     /* a byte order mark is not part of it */
        text = (twc_str_t){ text.data + 3, text.len - 3 };
    copy = apr_pstrmemdup(pool, text.data, text.len);
    twc_text_pair_surrogates(copy, text.len);
    json = json_loads(twc_text_clean(pool, copy, text.len), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}
