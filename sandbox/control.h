/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * control.h - what people and tests do to the sandbox: everything below /sandbox/.
 * No credentials: the sandbox belongs on a loopback address.
 */
#ifndef SB_CONTROL_H
#define SB_CONTROL_H

#include "request.h"

/** Serve a request below /sandbox; path is what follows that. @return for httpd */
int sb_control_run(request_rec *r, sb_box_t *box, const char *path);

/** "http://127.0.0.1:8081": as configured, else as this request came. */
const char *sb_control_base(request_rec *r, const sb_box_t *box);

/**
 * The body as JSON object (new reference), q->form made from its texts and lists of texts; NULL when the
 * body is no JSON object. Lets a resource take JSON and forms alike.
 */
json_t *sb_control_json(sb_req_t *q);

/* control_number.c */
void sb_control_numbers(sb_req_t *q);
void sb_control_number_set(sb_req_t *q);
void sb_control_add_numbers(const sb_account_t *account, json_t *list); /* needs box->lock */
/* control_handset.c */
void sb_control_inbound(sb_req_t *q);
void sb_control_handsets(sb_req_t *q);
void sb_control_handset_add(sb_req_t *q);
void sb_control_messages(sb_req_t *q);
void sb_control_read(sb_req_t *q);
void sb_control_events(sb_req_t *q);
void sb_control_media(sb_req_t *q);

#endif
