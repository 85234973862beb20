/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * optout.h - STOP, START and HELP as Twilio handles them on long codes and
 * toll-free numbers, and on any sender of a service with Advanced Opt-Out.
 */
#ifndef SB_OPTOUT_H
#define SB_OPTOUT_H

#include "store.h"

/** "STOP", "START", "HELP" when the whole text is such a word, else NULL. */
const char *sb_optout_word(const char *text, bool tollfree);

/**
 * Obey an inbound message, and confirm to the handset as the carrier would.
 * Needs box->lock.
 * @return the OptOutType the webhook gets, or NULL
 */
const char *sb_optout_apply(sb_box_t *box, sb_msg_t *msg);

/** 0; 21610 when a create from this sender must be refused; never for Advanced Opt-Out. Needs box->lock. */
int sb_optout_check(sb_box_t *box, sb_account_t *account, const char *to, const char *from);

#endif
