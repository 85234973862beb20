/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.h - what Twilio would tell the application: status callbacks and
 * inbound messages, with the parameters Twilio sends.
 */
#ifndef SB_WEBHOOK_H
#define SB_WEBHOOK_H

#include "postman.h"
#include "store.h"

/** Parameters under construction. */
typedef struct sb_params_t {
    apr_pool_t *pool;
    apr_array_header_t *pairs;          /* twc_pair_t */
} sb_params_t;

void sb_params_init(sb_params_t *params, apr_pool_t *pool);
void sb_params_add(sb_params_t *params, const char *name, const char *value);
/** Add every pair of a form-encoded string. */
void sb_params_add_encoded(sb_params_t *params, const char *encoded);
twc_form_t sb_params_form(const sb_params_t *params);

/** Call the message's status callback for its present status, as the faults say. Needs box->lock. */
void sb_webhook_status(sb_box_t *box, const sb_msg_t *msg);

/**
 * Call the number's (or its service's) webhook for an inbound message. Needs box->lock.
 * @param opt_out_type  "STOP", "START", "HELP" with Advanced Opt-Out, else NULL
 * @param base          of the URLs of attachments: "http://127.0.0.1:8081"
 * @return false when no URL is configured
 */
bool sb_webhook_inbound(sb_box_t *box, const sb_msg_t *msg, const char *opt_out_type, const char *base);

#endif
