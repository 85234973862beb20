/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * send.h - what every route that sends does: honour Idempotency-Key, queue, wait for Twilio within
 * TwchatSendWait, answer with what is known by then.
 */
#ifndef TWC_API_SEND_H
#define TWC_API_SEND_H

#include "domain/message.h"
#include "glue/request.h"
#include "store/message.h"

/** The body of a success in the words of an interface. msg->sid is NULL while Twilio has not answered. */
typedef const char *(*twc_sent_fn)(twc_req_t *q, const twc_msg_t *msg);

/**
 * Send and answer. draft->source is set here.
 * Answers 200 by sent(); 400 a wrong field; 409 and 422 about the key; 500 not sent, with the reason and Twilio's number.
 */
apr_status_t twc_send(twc_req_t *q, twc_draft_t *draft, twc_sent_fn sent);

/** Is the caller one of our own pages? */
bool twc_send_from_page(twc_req_t *q);

#endif
