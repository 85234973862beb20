/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api.h - Twilio's REST API, version 2010-04-01, as far as messaging goes.
 * api.c dispatches; each resource has a file of its own.
 */
#ifndef SB_API_H
#define SB_API_H

#include "request.h"
#include "store.h"

/** Serve a request below /2010-04-01; path is what follows that. @return for httpd */
int sb_api_run(request_rec *r, sb_box_t *box, const char *path);

/* api_message.c */
void sb_api_message_create(sb_req_t *q);
void sb_api_message_list(sb_req_t *q);
void sb_api_message_fetch(sb_req_t *q);
void sb_api_message_update(sb_req_t *q);
void sb_api_message_delete(sb_req_t *q);
void sb_api_message_feedback(sb_req_t *q);
/* api_media.c */
void sb_api_media_list(sb_req_t *q);
void sb_api_media_fetch(sb_req_t *q);
void sb_api_media_delete(sb_req_t *q);
/* api_account.c */
void sb_api_account_fetch(sb_req_t *q);
void sb_api_account_list(sb_req_t *q);
void sb_api_balance(sb_req_t *q);
void sb_api_number_list(sb_req_t *q);
void sb_api_number_fetch(sb_req_t *q);
void sb_api_number_update(sb_req_t *q);

/** A message as Twilio shows it. Needs box->lock. */
const char *sb_msg_json(apr_pool_t *pool, const sb_msg_t *msg);

#endif
