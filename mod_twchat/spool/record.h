/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * record.h - how one record lies in a spool file: a head of fixed length, the payload, a newline.
 *
 *   TWC1 <length, 8 hex digits> <SHA-256 of the payload, 64 hex digits>\n<payload>\n
 *
 * A record that was cut off by a crash, or that the disk changed, is told from a whole one.
 */
#ifndef TWC_SPOOL_RECORD_H
#define TWC_SPOOL_RECORD_H

#include "twc.h"

#define TWC_RECORD_HEAD 79                  /* bytes before the payload */
#define TWC_RECORD_MAX  (8 * 1024 * 1024)   /* bytes of a payload */

typedef enum {
    TWC_RECORD_GOOD,
    TWC_RECORD_SHORT,                   /* begins like one, and the data ends before it does */
    TWC_RECORD_BAD
} twc_record_e;

/** Bytes a payload of len takes in the file. */
#define TWC_RECORD_SIZE(len) (TWC_RECORD_HEAD + (len) + 1)

/** Append the record of a payload to out, which has TWC_RECORD_SIZE bytes of room. */
void twc_record_write(char *out, twc_str_t payload);

/**
 * Look at the record that begins at data.
 * @param payload  out when good: points into data
 */
twc_record_e twc_record_read(const char *data, apr_size_t len, twc_str_t *payload);

/** Offset of the next good record at or after `from`; len when there is none. */
apr_size_t twc_record_find(const char *data, apr_size_t len, apr_size_t from);

#endif
