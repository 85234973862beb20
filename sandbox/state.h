/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * state.h - the file that outlives the process: one JSON object per line, only
 * ever appended to while running, read from the start by the next child.
 * Every writer takes NULL for "no file" and needs box->lock.
 */
#ifndef SB_STATE_H
#define SB_STATE_H

#include <apr_file_io.h>

#include "store.h"

/**
 * Open the file (as root, before children exist); the state lives in pool.
 * @return APR_SUCCESS, *state NULL when path is | an error of apr_file_open
 */
apr_status_t sb_state_open(apr_pool_t *pool, const char *path, sb_state_t **state);

/**
 * Read it all into the box; lines that do not parse (a torn last one) are skipped.
 * A file much larger than what it says is written anew.
 * @return number of lines skipped
 */
int sb_state_replay(sb_box_t *box);

void sb_state_message(sb_state_t *state, const sb_msg_t *msg);
void sb_state_status(sb_state_t *state, const sb_msg_t *msg);
void sb_state_body(sb_state_t *state, const sb_msg_t *msg);
void sb_state_delete(sb_state_t *state, const char *sid);
void sb_state_media(sb_state_t *state, const sb_media_t *media);
void sb_state_media_delete(sb_state_t *state, const char *sid);
void sb_state_pair(sb_state_t *state, const sb_account_t *account, const char *customer, const char *sender,
                   const sb_pair_t *pair);
void sb_state_number(sb_state_t *state, const sb_account_t *account, const sb_number_t *number);
void sb_state_handset(sb_state_t *state, const sb_account_t *account, const sb_peer_t *peer);
/** Begin the file anew with what the box holds now. */
void sb_state_rewrite(sb_box_t *box);

#endif
