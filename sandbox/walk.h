/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - time passes for outgoing messages: accepted, queued, sent, delivered,
 * read, each with its callback; scheduled ones wait for their hour.
 */
#ifndef SB_WALK_H
#define SB_WALK_H

#include "store.h"

typedef struct sb_walk_t sb_walk_t;

sb_walk_t *sb_walk_create(apr_pool_t *pool);

/** Set a new (or replayed) message on its way. Needs box->lock. */
void sb_walk_start(sb_box_t *box, sb_msg_t *msg);

/** The next state now, with event, record and callback. Needs box->lock. */
void sb_walk_to(sb_box_t *box, sb_msg_t *msg, sb_status_e status, int error_code);

/** Keep a new outgoing message and set it on its way: fate, record, event, pictures. Needs box->lock. */
sb_msg_t *sb_walk_launch(sb_box_t *box, sb_draft_t *draft);

/** Do what is due; the postman's thread, takes box->lock. @return when to come again, 0 = whenever */
apr_time_t sb_walk_run(sb_box_t *box, apr_time_t now);

#endif
