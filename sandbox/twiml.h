/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * twiml.h - reads the TwiML an application answers an inbound message with.
 * Source: Twilio, "TwiML for Programmable Messaging".
 */
#ifndef SB_TWIML_H
#define SB_TWIML_H

#include <apr_tables.h>

#include "twc.h"

typedef enum { SB_VERB_MESSAGE, SB_VERB_REDIRECT } sb_verb_e;

typedef struct sb_verb_t {
    sb_verb_e type;
    const char *text;                   /* body, or the Redirect's URL; trimmed, never NULL */
    const char *to, *from;              /* NULL when not given */
    const char *callback;               /* statusCallback, else action; NULL when neither */
    const char *method;                 /* "POST" or "GET" */
    apr_array_header_t *media;          /* const char *, URLs as written */
} sb_verb_t;

/**
 * Read one answer.
 * @param verbs  out: sb_verb_t in order, up to and including the first Redirect
 * @param note   out, when refused: why
 * @return 0, or the error Twilio records: 12100 not XML, 12102 root is not Response, 14110 verb not
 *         allowed, 12200 an element where none
 *         may be, 14109 more than 10 messages (the first 10 are in verbs)
 */
int sb_twiml_parse(apr_pool_t *pool, const char *data, apr_size_t len, apr_array_header_t **verbs,
                   const char **note);

#endif
