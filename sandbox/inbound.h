/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.h - a customer writes: the message is kept, opt-out words are obeyed,
 * the number's webhook is called.
 */
#ifndef SB_INBOUND_H
#define SB_INBOUND_H

#include "store.h"

typedef struct sb_inbound_t {
    sb_account_t *account;
    const char *from, *to, *body;       /* canonical addresses; to is a number of the account */
    const sb_media_t *media;
    int num_media;
    const char *extra;                  /* further webhook parameters, form-encoded; "" = none */
    const char *base;                   /* of attachment URLs */
    const char *sid;                    /* a SID to use (a repeated delivery), or NULL */
} sb_inbound_t;

/** Take it in. Needs box->lock. @param called  out: a webhook is on its way. NULL: the SID is another message's */
sb_msg_t *sb_inbound_take(sb_box_t *box, const sb_inbound_t *in, bool *called);

#endif
