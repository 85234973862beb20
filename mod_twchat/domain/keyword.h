/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keyword.h - the words that carriers and Twilio reserve: STOP, START, HELP families.
 * Only a message that is nothing but the word counts (trimmed, any case).
 */
#ifndef TWC_DOMAIN_KEYWORD_H
#define TWC_DOMAIN_KEYWORD_H

#include "twc.h"

typedef enum { TWC_KEYWORD_NONE, TWC_KEYWORD_STOP, TWC_KEYWORD_START, TWC_KEYWORD_HELP } twc_keyword_e;

/**
 * STOP STOPALL UNSUBSCRIBE END QUIT REVOKE OPTOUT | START YES UNSTOP | HELP INFO.
 * CANCEL is not among them: it concerns appointments here (Twilio's own reply to it
 * arrives as OptOutType or error 21610 and is taken over from there).
 */
twc_keyword_e twc_keyword_of(const char *body);

/** What Twilio says in OptOutType ("STOP", "START", "HELP", any case); NONE for NULL and others. */
twc_keyword_e twc_keyword_of_opt_out_type(const char *value);

/** The confirmation to send, at most 480 characters; "" for NONE. Names that are not configured are left out. */
const char *twc_keyword_text(apr_pool_t *pool, const twc_conf_t *conf, twc_keyword_e keyword);

/**
 * May we confirm a keyword ourselves on this sender? Never when OptOutType came along: Twilio has done it. Else conf->confirm says,
 * for the address, for the service, for all, in this order. Where it is silent or off for all, not where Twilio does it by default:
 * long codes, toll-free, messaging services, and RCS, whose opt-outs are one with those of SMS.
 * @param service  the messaging service the message came through or its answer goes through; may be NULL
 */
bool twc_keyword_confirm(const twc_conf_t *conf, const char *our_address, const char *service, const char *opt_out_type);

#endif
