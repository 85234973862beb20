/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * consent.h - who may be written to, per (sender, recipient). A sender is one of
 * our addresses, a messaging service, or "*" for all of them. The events are the
 * evidence and are never changed; the newest one of a pair is its state.
 */
#ifndef TWC_STORE_CONSENT_H
#define TWC_STORE_CONSENT_H

#include "twc.h"

/**
 * For files of store/: is `peer` closed to a message from `sender` or by `service`? SQL expressions, NULL allowed
 * for the latter two. Any of the rows that says so is enough: STOP to one number of a service covers the service.
 */
#define TWC_SQL_OPTED_OUT(peer, sender, service)                              \
    "EXISTS (SELECT 1 FROM consents k_ WHERE k_.peer = " peer " AND k_.state = 'opted_out'" \
    " AND k_.sender IN (" sender ", " service ", '*'))"

/**
 * Is peer closed to messages from sender or by service?
 * @param sender   our canonical address, or NULL when the service picks one
 * @param service  MG..., or NULL
 * @param peer     canonical address with channel
 */
apr_status_t twc_consent_state(twc_ctx_t *ctx, const char *sender, const char *service, const char *peer,
                               bool *opted_out);

/**
 * Note what a person wants: one event, the pair's state, and the contact's opt_in_status. An opt-in to one
 * sender also ends an opt-out from all ("*"); opt-outs from other senders stay. What came with an older message of theirs
 * than the state did is noted and changes nothing.
 * Joins an open transaction.
 * @param source      "keyword", "opt-out-type", "error-21610", "operator", "import"
 * @param evidence    their words, or what Twilio said; may be NULL
 * @param message_id  the message it came with, 0 none
 */
apr_status_t twc_consent_record(twc_ctx_t *ctx, const char *sender, const char *peer, bool opted_out,
                                const char *source, const char *evidence, apr_int64_t message_id);

#endif
