/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * private.h - what writing and reading a spool share.
 */
#ifndef TWC_SPOOL_PRIVATE_H
#define TWC_SPOOL_PRIVATE_H

#include <apr_file_io.h>
#include <apr_thread_mutex.h>

#include "spool/files.h"
#include "spool/spool.h"

#define SEGMENT_BYTES (16 * 1024 * 1024)    /* a segment that has grown beyond is followed by another */

/* The file "state", mapped: changed under the append lock, `replayed`, `done` and `claimed_at` by the reader. */
typedef struct state_t {
    char magic[8];
    volatile apr_uint64_t written, replayed;
    volatile apr_uint64_t segment;      /* start of the one being written; TWC_SEGMENT_NONE */
    volatile apr_uint64_t appended, done;
    volatile apr_uint64_t max_bytes;
    volatile apr_uint64_t keep;         /* segments that begin before it have damage in them: kept when they are done with */
    volatile apr_uint64_t claim;        /* number of the lock file whose holder reads */
    volatile apr_uint64_t claimed_at;   /* ticks when that reader last showed that it lives */
} state_t;

struct twc_spool_t {
    apr_pool_t *pool;
    const char *dir;
    apr_uint64_t max_bytes;
    bool looking;                       /* nothing is changed: state is a copy, there are no locks */
    int append_fd, replay_fd;           /* lock files */
    apr_uint64_t claim;                 /* number of the one that replay_fd is */
    apr_thread_mutex_t *mutex;          /* of the append lock: the file keeps processes apart, not threads */
    state_t *state;
    apr_file_t *file;                   /* the segment this process wrote last, or NULL */
    apr_pool_t *file_pool;
    apr_uint64_t file_start;
};

/** Wait for the append lock, two seconds at most (APR_TIMEUP), and give it back: one thread of one process has it. */
apr_status_t twc_spool_lock(twc_spool_t *spool);
void twc_spool_unlock(twc_spool_t *spool);

#endif
