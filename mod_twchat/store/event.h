/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * event.h - what live pages are told, read from the events table without gap or
 * repeat. A cursor is "xid.id": the position of the last event a reader has seen;
 * "xid.0" stands before all events of that transaction. docs/events.md explains.
 */
#ifndef TWC_STORE_EVENT_H
#define TWC_STORE_EVENT_H

#include "store/db.h"

/** One thing to tell. */
typedef struct twc_event_t {
    const char *name;                   /* "message", "conversation", "reset" */
    const char *cursor;                 /* whoever was told all up to it can go on from here; NULL: from no new place */
    const char *data;                   /* JSON object */
} twc_event_t;

typedef struct twc_events_t {
    const twc_event_t *items;
    int count;
    const char *cursor;                 /* where to go on */
    bool more;                          /* there is more already: read again at once */
    bool pending;                       /* something newer waits for an older transaction to end: look again soon */
} twc_events_t;

/** The position of now: everything committed from here on is newer. */
apr_status_t twc_event_head(twc_ctx_t *ctx, const char **cursor);

/**
 * What is newer than cursor, each message and conversation once, at its latest: conversations first, so that who is cut off
 * has no place behind one it was not told of.
 * @param cursor  one that was handed out before
 * @param until   not beyond this place; NULL: as far as there is something
 */
apr_status_t twc_event_read(twc_ctx_t *ctx, const char *cursor, const char *until, twc_events_t *events);

/**
 * Can a reader go on from this cursor of an earlier connection? False when the event it names is gone
 * (too old, a crash of the database, another database) or the text is no cursor: it has to load anew.
 */
apr_status_t twc_event_known(twc_ctx_t *ctx, const char *cursor, bool *known);

#endif
