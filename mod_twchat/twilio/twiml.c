/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * twiml.c - TwiML answers.
 * Must never let a text be read as markup.
 * Called by webhook/.
 */
#include "twilio/twiml.h"
#include "util/text.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

const char *twc_twiml_message(apr_pool_t *pool, const char *text, const char *callback)
{
    const char *url = callback ? twc_text_xml(pool, callback) : NULL;
    const char *attributes = url ? apr_pstrcat(pool, " statusCallback=\"", url, "\" action=\"", url, "\"", NULL) : "";

    return apr_pstrcat(pool, HEAD "<Response><Message", attributes, ">", twc_text_xml(pool, text),
                       "</Message></Response>", NULL);
}

const char *twc_twiml_voice_refusal(apr_pool_t *pool, const char *text)
{
    return apr_pstrcat(pool, HEAD "<Response><Say>", twc_text_xml(pool, text), "</Say><Hangup/></Response>", NULL);
}
