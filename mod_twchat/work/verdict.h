/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * verdict.h - the rules of sending: what an answer of Twilio's, or its absence, means for
 * the message, its sender and its peer. docs/sending.md tells them to people.
 */
#ifndef TWC_WORK_VERDICT_H
#define TWC_WORK_VERDICT_H

#include "store/outbox.h"
#include "twilio/client.h"

/** A message that could not be sent for so long after its time is given up, once it was tried often enough. */
#define TWC_GIVE_UP apr_time_from_sec(86400)

/** Waiting before try `attempt` + 1: full jitter below a bound that doubles from 1 s to 60 s. */
apr_interval_time_t twc_backoff(int attempt);

/**
 * Judge the outcome of a create request. Fills settle (strings point into outcome, claim or static text).
 * @param late  how long after its time the message is
 */
void twc_verdict_create(const twc_claim_t *claim, const twc_outcome_t *outcome, apr_interval_time_t late,
                        const twc_conf_t *conf, twc_settle_t *settle);

/** A message whose peer opted out before it was its turn: failed, without a request. */
void twc_verdict_opted_out(const twc_claim_t *claim, twc_settle_t *settle);

/** A request that never left us (stopping, no memory): to be sent by somebody else at once. */
void twc_verdict_unsent(const twc_claim_t *claim, twc_settle_t *settle);

/** A request that was cut off: to be looked for soon. */
void twc_verdict_cut(const twc_claim_t *claim, twc_settle_t *settle);

/**
 * Is this entry of Twilio's list the message of an attempt without an answer? Same recipient, sender (or service),
 * text and number of attachments, made by the API, and not older than the attempt, with a margin for clocks that differ.
 */
bool twc_verdict_is_it(const twc_claim_t *claim, const twc_remote_msg_t *remote);

/** How far back Twilio's list is to be read for this attempt. */
apr_time_t twc_verdict_since(const twc_claim_t *claim);

/** It was found: remote is the message. */
void twc_verdict_found(const twc_claim_t *claim, const twc_remote_msg_t *remote, twc_settle_t *settle);

/** It was not found: look again, or, after conf->grace and the second look, send it again. */
void twc_verdict_missing(const twc_claim_t *claim, const twc_conf_t *conf, twc_settle_t *settle);

/** Twilio's list could not be read: nothing is learnt, look again. */
void twc_verdict_unread(const twc_claim_t *claim, const twc_outcome_t *outcome, twc_settle_t *settle);

#endif
