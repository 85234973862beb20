/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * event.h - what just happened, for pages that look on. Only ids are kept;
 * a reader looks the message up when it is told. Thread-safe by itself.
 */
#ifndef SB_EVENT_H
#define SB_EVENT_H

#include "box.h"

typedef enum { SB_EVENT_MESSAGE, SB_EVENT_STATUS, SB_EVENT_MEDIA, SB_EVENT_DELETED, SB_EVENT_RESET } sb_event_e;

typedef struct sb_event_t {
    apr_uint64_t id;
    sb_event_e type;
    char sid[SB_SID_LEN + 1];
} sb_event_t;

sb_events_t *sb_events_create(apr_pool_t *pool);
void sb_events_push(sb_events_t *events, sb_event_e type, const char *sid);

/** Wake every waiter; they answer with what they have. */
void sb_events_stop(sb_events_t *events);

/**
 * What came after `after`, oldest first, waiting at most `wait` for the first. Only so many
 * threads may wait at once; beyond that the answer comes at once.
 * @param last  out: id of the newest event there is
 * @param lost  out: events after `after` are already forgotten
 * @return number of events written to out[max]
 */
int sb_events_read(sb_events_t *events, apr_uint64_t after, apr_interval_time_t wait,
                   sb_event_t *out, int max, apr_uint64_t *last, bool *lost);

#endif
