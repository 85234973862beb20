/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - what tests of the queue ask of it: messages in, claims out, results back. For programs with a database.
 */
#ifndef TESTS_UNIT_QUEUE_H
#define TESTS_UNIT_QUEUE_H

#include "database.h"
#include "store/outbox.h"

#define OURS "+15005550006"
#define LEASE apr_time_from_sec(30)

/** A test that begins with an empty queue, and rates that stop nobody. */
#define TEST(f) cmocka_unit_test_setup(f, clean)
int clean(void **state);

/** Ask for a message, with a full bucket for its sender. @return its id */
apr_int64_t ask_as(const char *to, const char *body, int priority);
apr_int64_t ask(const char *to);

/** @return how many were to be had */
int claim(twc_claim_t **claims, int limit);
/** The next one; there must be one. */
twc_claim_t claim_one(void);

/** The result of a claim: RESULT(claim, .verdict = TWC_SETTLE_FAILED, ...). */
#define RESULT(claim, ...) ((twc_settle_t){ .id = (claim).id, .attempt = (claim).attempt, __VA_ARGS__ })
void settle(twc_settle_t s);

/** A column of a message; NULL for SQL NULL. */
const char *of(apr_int64_t id, const char *column);
/** Where in the queue a message stands: "queued", "sending", ..., "gone". */
const char *state_of(apr_int64_t id);

#endif
