/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * hub.h - one thread per child and tenant that knows what is new and writes it to
 * every live page. It reads the events table, woken in process by this child's own
 * commits and by one debounced NOTIFY from others. docs/events.md explains.
 */
#ifndef TWC_WORK_HUB_H
#define TWC_WORK_HUB_H

#include "store/db.h"
#include "work/thread.h"

typedef struct twc_hub_t twc_hub_t;

apr_status_t twc_hub_create(twc_hub_t **hub, apr_pool_t *pool, const twc_thread_env_t *env);
/** How many live pages there may be at once; none before this is called. */
void twc_hub_limit(twc_hub_t *hub, int streams_max);
apr_status_t twc_hub_start(twc_hub_t *hub);
/** This child has committed something a page shows; any thread. */
void twc_hub_wake(twc_hub_t *hub);
/** No more streams, pollers return; the thread ends them all. */
void twc_hub_stop(twc_hub_t *hub);
twc_thread_t *twc_hub_thread(twc_hub_t *hub);

/** Writes bytes to one live page without blocking. */
typedef struct twc_stream_io_t {
    /** @return APR_SUCCESS all written | APR_EAGAIN the reader is too slow | other: gone */
    apr_status_t (*write)(void *baton, const char *data, apr_size_t len);
    void (*close)(void *baton);         /* called once, on the hub's thread */
    void *baton;
} twc_stream_io_t;

/** A place for one more live page. @return APR_SUCCESS | APR_ENOSPC too many | APR_EGENERAL stopping */
apr_status_t twc_hub_reserve(twc_hub_t *hub);
/** The place is not needed after all. */
void twc_hub_unreserve(twc_hub_t *hub);

/**
 * Give the hub a live page, on a place that was reserved. It owns it from now on and closes it when the reader is slow or gone,
 * at `until` (0: never) or when the child stops.
 * @param cursor  Last-Event-ID the reader had, or NULL: from now on
 * @return APR_SUCCESS | other: stopping or no memory; the caller still owns io, and no place any more
 */
apr_status_t twc_hub_add(twc_hub_t *hub, const twc_stream_io_t *io, const char *cursor, apr_time_t until);

/**
 * What is newer than cursor, at once, as {"events":[{"event","data"},...],"cursor":text}; waits up to
 * `patience` for something when there is nothing. For polling readers and bounded streams.
 */
apr_status_t twc_hub_poll(twc_hub_t *hub, twc_ctx_t *ctx, const char *cursor, apr_interval_time_t patience,
                          const char **json);

/** The same as SSE frames ("" when nothing came), with the new cursor. */
apr_status_t twc_hub_frames(twc_hub_t *hub, twc_ctx_t *ctx, const char **cursor, apr_interval_time_t patience,
                            const char **frames);

#endif
