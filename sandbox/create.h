/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * create.h - the rules of creating a message: which parameters are right, in the
 * order and with the numbers Twilio answers.
 */
#ifndef SB_CREATE_H
#define SB_CREATE_H

#include "request.h"
#include "store.h"

/** A refusal. */
typedef struct sb_refusal_t {
    int code;                           /* 0: none */
    const char *message;                /* NULL: the usual words */
} sb_refusal_t;

/** Check the form and make a draft of it; everything but what the store knows. */
sb_refusal_t sb_create_read(sb_req_t *q, sb_draft_t *draft, sb_media_t *media);

/** The checks that need the store: opt-outs, full queues. Needs box->lock. */
sb_refusal_t sb_create_check(sb_box_t *box, const sb_draft_t *draft);

#endif
