/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * answer.h - what the application's answer to an inbound message leads to:
 * replies, a redirect, or a call of the fallback URL.
 */
#ifndef SB_ANSWER_H
#define SB_ANSWER_H

#include "postman.h"

/** The `done` of inbound, fallback and redirect calls; the postman's thread, box->lock not held. */
void sb_answer_read(sb_box_t *box, sb_call_t *call);

#endif
