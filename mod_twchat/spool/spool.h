/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spool.h - records that wait on this host's disk, in order, for a database that is away.
 *
 * One directory per tenant and host, shared by all its processes:
 *   NNNNNNNNNNNNNNNNNNNN.spool   a segment; its name is the position of its first byte
 *   state                        positions, mapped by every process; made again from the segments when it is lost
 *   append.lock, replay.lock     who writes, who reads (the locks end with their process); replay-N.lock after a
 *                                reader that was stopped had to be left behind
 *   damaged-NN...                a segment in which something was no record any more, kept for people
 *
 * A position counts the bytes ever appended: `written` is the end of what is safe, `replayed` the end of
 * what is done with. What lies between them is pending. docs/reliability.md explains.
 */
#ifndef TWC_SPOOL_SPOOL_H
#define TWC_SPOOL_SPOOL_H

#include "spool/record.h"

typedef struct twc_spool_t twc_spool_t;

/**
 * Open dir, which is made when it is not there. Takes care of what a crash left behind.
 * @param max_bytes  pending bytes beyond which twc_spool_append refuses
 * @param reason     out on failure: a sentence with the path in it
 */
apr_status_t twc_spool_open(twc_spool_t **spool, apr_pool_t *pool, const char *dir, apr_uint64_t max_bytes,
                            const char **reason);

/**
 * Look at dir as it is at this moment and change nothing there: for twc_spool_read, twc_spool_stat and the positions alone.
 * @param reason  out on failure: a sentence with the path in it
 */
apr_status_t twc_spool_look(twc_spool_t **spool, apr_pool_t *pool, const char *dir, const char **reason);

/** Is there a spool in dir, with or without its state? */
bool twc_spool_exists(apr_pool_t *scratch, const char *dir);

/** Is there anything that was not replayed? Costs nothing; from any thread. */
bool twc_spool_pending(const twc_spool_t *spool);

/** Positions, as of now; from any thread. */
apr_uint64_t twc_spool_written(const twc_spool_t *spool);
apr_uint64_t twc_spool_replayed(const twc_spool_t *spool);

/**
 * Append payloads, all or none, and see them safe on the disk. From any thread.
 * @param end  out: the position behind the last one
 * @return APR_SUCCESS: written and synced | APR_ENOSPC the spool or the disk is full | APR_EINVAL a payload
 *         is too large | APR_TIMEUP another process did not let anybody write for two seconds | other: it cannot be written
 */
apr_status_t twc_spool_append(twc_spool_t *spool, const twc_str_t *payloads, int count, apr_uint64_t *end);

/** Let go of a file that others have removed: an idle process would keep its bytes on the disk. Now and then, from any thread. */
void twc_spool_tidy(twc_spool_t *spool);

/* ---- reading: one process of all at a time, one thread of it ------------------------------ */

/**
 * A reader that has not advanced for TWC_CLAIM_LEASE is passed by: it may be stopped, and would hold up this host for as long. When it
 * goes on it does some records a second time, which must do no harm, and finds by twc_spool_holds that it is not the one any more.
 * @return APR_SUCCESS | APR_EAGAIN: another process reads | APR_TIMEUP as twc_spool_append
 */
#define TWC_CLAIM_LEASE apr_time_from_sec(30)
apr_status_t twc_spool_claim(twc_spool_t *spool);
bool twc_spool_holds(const twc_spool_t *spool);
void twc_spool_release(twc_spool_t *spool);

typedef struct twc_spooled_t {
    apr_uint64_t at;                    /* position of the record */
    apr_uint64_t end;                   /* position behind it */
    twc_str_t payload;                  /* NUL-terminated too; data NULL: damaged, nothing can be read here */
} twc_spooled_t;

/**
 * Up to max records from position `at` on, oldest first.
 * @param records  room for max; payloads in pool
 * @return APR_SUCCESS, count 0 when there is nothing | APR_ENOENT bytes that should be there are not | I/O error
 */
apr_status_t twc_spool_read(twc_spool_t *spool, apr_pool_t *pool, apr_uint64_t at, twc_spooled_t *records, int max,
                            int *count);

/**
 * Keep what is left of a damaged stretch: its segment stays as damaged-* when it is done with. Cannot fail, whatever the
 * disk is like. The claim is held; call it before twc_spool_advance passes the stretch.
 */
void twc_spool_set_aside(twc_spool_t *spool, const twc_spooled_t *damaged);

/** All before `to` is done with: files that are not needed any more go. The claim is held. */
apr_status_t twc_spool_advance(twc_spool_t *spool, apr_uint64_t to, int records);

/* ---- for people ------------------------------------------------------------------------------ */

typedef struct twc_spool_stat_t {
    apr_uint64_t written, replayed;     /* positions */
    apr_uint64_t appended, done;        /* records, since the state was made */
    apr_uint64_t max_bytes;             /* as the server that wrote last was told; 0: not known */
    int segments;
    apr_uint64_t disk_bytes;            /* of all segments */
    int damaged;                        /* files set aside */
} twc_spool_stat_t;

apr_status_t twc_spool_stat(twc_spool_t *spool, apr_pool_t *scratch, twc_spool_stat_t *stat);

#endif
