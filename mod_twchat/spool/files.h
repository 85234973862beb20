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

/**
 * Bytes of a segment from offset on, in pool. A block that the disk does not give back any more reads as zeros, so that
 * the record in it is a damaged one and its neighbours are not.
 * @return APR_SUCCESS | APR_EOF the file is shorter | other: it cannot be read at all
 */
apr_status_t twc_segment_read(apr_pool_t *pool, const char *path, apr_uint64_t offset, apr_size_t len, twc_str_t *bytes);

/**
 * Done with: a segment goes, or with keep stays under the name damaged-START-TIME for people to look at, which needs no room
 * on the disk.
 */
void twc_segment_dispose(apr_pool_t *scratch, const char *dir, apr_uint64_t start, bool keep);

/** Make what was created or removed in dir survive a loss of power. */
apr_status_t twc_dir_sync(const char *dir);

#endif
