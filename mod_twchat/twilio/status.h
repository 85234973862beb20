/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.h - the life of a message at Twilio. Ranks only rise.
 */
#ifndef TWC_TWILIO_STATUS_H
#define TWC_TWILIO_STATUS_H

#include "twc.h"

/**
 * Rank of a status word: accepted, scheduled 10; queued 20; sending 30; sent 40;
 * partially_delivered 50; delivered, undelivered, failed, canceled 60; read 70.
 * receiving and received (inbound only) 0; unknown words -1.
 */
int twc_status_rank(const char *status);

/** delivered, undelivered, failed, canceled, read: nothing is to be expected any more (read after delivered aside). */
bool twc_status_is_final(const char *status);

/**
 * May `next` replace `current`? Ranks must rise; after delivered only read; after
 * another final status nothing. twchat_status_may_follow() says the same in SQL; test_sql.c compares them.
 */
bool twc_status_may_follow(const char *current, const char *next);

/** Two different final statuses of one message (delivered then read is none): ask Twilio once. */
bool twc_status_contradicts(const char *current, const char *next);

#endif
