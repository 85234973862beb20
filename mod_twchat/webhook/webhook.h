/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.h - what every call from Twilio has in common, whatever path, method or body it
 * came by: it is read, its signature checked over the bytes received, and what is not stored
 * goes to the journal with the reason.
 */
#ifndef TWC_WEBHOOK_WEBHOOK_H
#define TWC_WEBHOOK_WEBHOOK_H

#include "glue/request.h"
#include "store/ingest.h"

/** A fixed answer; body NULL: in the style of the interface, with the words of the problem. */
typedef struct twc_said_t {
    int status;
    const char *type, *body;
} twc_said_t;

typedef struct twc_webhook_t {
    twc_call_t *call;                   /* for the journal; lives as long as the request */
    const twc_form_t *form;             /* the parameters, whichever way they came; never NULL */
    bool bad_json;                      /* the body said it was JSON and was not; form is empty */
    const char *twice;                  /* for it had this key twice, or NULL */
} twc_webhook_t;

/**
 * Read the call and check that it is Twilio's.
 * @param kind       "message", "status" or "voice"
 * @param forbidden  the answer to a call that is not
 * @param mine       out: false when it was answered already
 */
apr_status_t twc_webhook_receive(twc_req_t *q, const char *kind, const twc_said_t *forbidden,
                                 twc_webhook_t *hook, bool *mine);

typedef enum { TWC_TAKEN_NEW, TWC_TAKEN_DUPLICATE, TWC_TAKEN_SPOOLED } twc_taken_e;

/** A call that was taken: counter and log. The journal has it already, where it was stored. */
void twc_webhook_taken(twc_req_t *q, const twc_webhook_t *hook, const char *sid, twc_taken_e how);

/** Answer with what is fixed. */
apr_status_t twc_webhook_say(twc_req_t *q, const twc_said_t *said);

/** A call without what it needs: journal and answer. */
apr_status_t twc_webhook_invalid(twc_req_t *q, const twc_webhook_t *hook, const char *sid, const twc_said_t *said);

/** A call that could not be stored: journal, counter; the answer is left to the caller. */
void twc_webhook_failed(twc_req_t *q, const twc_webhook_t *hook, const char *sid);

#endif
