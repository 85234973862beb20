/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooling.h - a spool in a directory of its own for each test, on a disk that can have a bad block.
 */
#ifndef TESTS_UNIT_SPOOLING_H
#define TESTS_UNIT_SPOOLING_H

#include "spool/private.h"

#define BATCH 16                        /* records that are read at once */

extern apr_pool_t *pool;                /* of the test */
extern char dir[64];                    /* of its spool */

/** What touches [bad_from, bad_to) of any file cannot be read. */
extern off_t bad_from, bad_to;

/** A test with a directory of its own; nothing is left of it. */
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, cleared)
int fresh(void **state);
int cleared(void **state);

/** The test's spool as a process opens it; max: bytes, 0 for no limit. */
twc_spool_t *opened(apr_uint64_t max);
apr_status_t put(twc_spool_t *spool, const char *text);
/** All payloads that wait, joined by blanks; "!" for a damaged stretch. Does with them what the replay does. */
const char *drained(twc_spool_t *spool);
/** The path of a segment, the oldest is 0; it must be there. */
const char *segment(int which);

#endif
