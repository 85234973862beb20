/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * files.h - the segments of a spool directory, by name.
 */
#ifndef TWC_SPOOL_FILES_H
#define TWC_SPOOL_FILES_H

#include <apr_file_io.h>
#include <apr_tables.h>

#include "twc.h"

#define TWC_SEGMENT_NONE ((apr_uint64_t)-1)

/** One segment: where it begins, and the bytes in its file. */
typedef struct twc_segment_t {
    apr_uint64_t start;
    apr_uint64_t size;
} twc_segment_t;

/** DIR/NNNNNNNNNNNNNNNNNNNN.spool */
const char *twc_segment_path(apr_pool_t *pool, const char *dir, apr_uint64_t start);

/** All segments, oldest first. @param damaged  out, may be NULL: files set aside */
apr_status_t twc_segment_list(apr_pool_t *pool, const char *dir, apr_array_header_t **segments, int *damaged);

/** Make what was created or removed in dir survive a loss of power. */
apr_status_t twc_dir_sync(const char *dir);

#endif
