/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * twiml.h - the few TwiML answers we give. Reading TwiML is the sandbox's business.
 */
#ifndef TWC_TWILIO_TWIML_H
#define TWC_TWILIO_TWIML_H

#include "twc.h"

/** <?xml ...?><Response></Response> */
#define TWC_TWIML_EMPTY "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"

/**
 * A response with one message.
 * @param callback  status callback URL for it (set as statusCallback and action), or NULL
 */
const char *twc_twiml_message(apr_pool_t *pool, const char *text, const char *callback);

/** A spoken sentence and hang-up, for voice webhooks that are not served. */
const char *twc_twiml_voice_refusal(apr_pool_t *pool, const char *text);

#endif
