/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signature.h - X-Twilio-Signature: made by the sandbox and the load client,
 * checked by the webhooks. Source: Twilio, "Security: validating requests".
 */
#ifndef TWC_TWILIO_SIGNATURE_H
#define TWC_TWILIO_SIGNATURE_H

#include "util/form.h"

#define TWC_SIGNATURE_LEN 28            /* base64 of 20 bytes, always ending in '=' */

/**
 * What is signed. url is byte-exact: scheme to end of query, no fragment, no userinfo.
 * form: decoded body parameters of a form POST; NULL for GET and for other bodies.
 */
typedef struct twc_signed_t {
    const char *url;
    const twc_form_t *form;
    twc_str_t body;                     /* raw body of a non-form request; data NULL when form or GET */
} twc_signed_t;

/**
 * base64(HMAC-SHA1(token, url + sorted distinct name/value pairs)).
 * @param out  at least TWC_SIGNATURE_LEN + 1 bytes, NUL-terminated on return
 */
void twc_signature_make(apr_pool_t *scratch, const char *token, const char *url,
                        const twc_form_t *form, char *out);

/** Why a signature was refused; also the word in the journal. */
typedef enum {
    TWC_SIG_OK,
    TWC_SIG_MISSING,                    /* no header, or an empty one */
    TWC_SIG_REPEATED,                   /* more than one header (or a comma-joined one) */
    TWC_SIG_MALFORMED,                  /* not 28 characters of base64 */
    TWC_SIG_MISMATCH,                   /* no token and URL variant gives it */
    TWC_SIG_BODY_HASH,                  /* bodySHA256 absent from the URL, or not the body's */
    TWC_SIG_NO_TOKEN                    /* nothing configured to check against */
} twc_sig_verdict_e;

/** "signature missing", ... : one sentence fragment per verdict. */
const char *twc_signature_reason(twc_sig_verdict_e verdict);

/**
 * Check a header against each token and, for each, the URL as it is, without
 * port and with it (the given one, else 443 or 80). Constant-time comparison.
 * @param tokens  count entries, NULL ones skipped
 * @param header  the header's value, or NULL when absent
 */
twc_sig_verdict_e twc_signature_check(apr_pool_t *scratch, const char *const *tokens, int count,
                                      const char *header, const twc_signed_t *what);

#endif
