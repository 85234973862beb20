/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * phone.h - addresses of people and senders: E.164 numbers, short codes,
 * alphanumeric senders, WhatsApp and RCS addresses.
 *
 * The canonical form is what is stored and compared: "+14155550123",
 * "whatsapp:+14155550123", "whatsapp:CO.4fG9x" (a user who hides the number),
 * "rcs:agent", "12345" (short code), "ACME" (alphanumeric). Anything Twilio hands us that
 * fits none of these is kept as it is.
 */
#ifndef TWC_UTIL_PHONE_H
#define TWC_UTIL_PHONE_H

#include "twc.h"

/**
 * Canonical form of an address written by a person, a client or a URL:
 * blanks (U+00A0 too), dashes, dots, brackets removed from numbers; "00" is not
 * rewritten; a leading '+' is added to 7..15 digits when there is none and
 * assume_plus; the '+' that form decoding turned into a blank is restored; "%2B" likewise;
 * the channel prefix is matched in any case and written in lower case. What follows it is a number
 * on whatsapp and rcs only: "messenger:1234567890" is an id and stays one.
 * @return canonical address in pool, or NULL when text is no address at all
 *         (empty, control characters, over 100 bytes)
 */
const char *twc_phone_canonical(apr_pool_t *pool, const char *text, bool assume_plus);

/** What Twilio sent as From or To: canonical when it parses, else cleaned and trimmed as it is. */
const char *twc_phone_received(apr_pool_t *pool, const char *text);

/** "+" and 7..15 digits, first not 0, nothing else (no channel prefix). */
bool twc_phone_is_e164(const char *s);

/** True for "whatsapp:+E164" or "whatsapp:CC.id". */
bool twc_phone_is_whatsapp(const char *s);

/** May a message be addressed to it: E.164, whatsapp:..., rcs:... (not short codes, not alphanumeric). */
bool twc_phone_is_recipient(const char *s);

/** The channel: "sms", "whatsapp", "rcs", "messenger"... (the prefix before ':', "sms" without one). */
const char *twc_phone_channel(apr_pool_t *pool, const char *address);

/** The address without its channel prefix (points into address). */
const char *twc_phone_bare(const char *address);

/** Digits only, without channel and '+': "573001234567". */
const char *twc_phone_digits(apr_pool_t *pool, const char *address);

/** Kind of a sender address or messaging service SID; toll-free by NANP prefix. */
twc_sender_kind_e twc_phone_sender_kind(const char *sender);

/** Name of a kind as directives write it: "longcode-us", "longcode", "tollfree", ... */
const char *twc_sender_kind_name(twc_sender_kind_e kind);

/** The kind of that name, or -1. */
int twc_sender_kind_parse(const char *name);

#endif
