/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.h - what a webhook says, read into one shape whatever path, method or
 * body kind it came by, and what is to be done about it.
 */
#ifndef TWC_DOMAIN_INBOUND_H
#define TWC_DOMAIN_INBOUND_H

#include "store/ingest.h"
#include "util/form.h"

/**
 * Read a message webhook. Recognises MessageSid, SmsSid, SmsMessageSid (first present), From, To,
 * Body, NumMedia with MediaUrlN and MediaContentTypeN (as many as there really are, at most NumMedia and 10), and
 * everything of WhatsApp; every other parameter is kept in the journal only.
 * For ai-messaging's JSON the lower-case names from, to, body, message_sid are taken too: the caller
 * turns a JSON object into a form first. Also decides what is to happen afterwards (answer_arg, ack).
 * @return APR_SUCCESS | APR_EINVAL: From, To or the SID is missing; problem->field names the first missing one
 */
apr_status_t twc_inbound_read(twc_ctx_t *ctx, const twc_form_t *form, const twc_call_t *call,
                              twc_inbound_t **inbound);

/** Read a status callback: MessageSid or SmsSid, MessageStatus or SmsStatus. APR_EINVAL as above. */
apr_status_t twc_inbound_read_status(twc_ctx_t *ctx, const twc_form_t *form, const twc_call_t *call,
                                     twc_status_t **status);

#endif
