/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * media.h - attachments of outgoing messages: what type they are, and getting
 * hold of their bytes as Twilio would.
 */
#ifndef SB_MEDIA_H
#define SB_MEDIA_H

#include "store.h"

/** A content type by the URL's extension; "application/octet-stream" else. */
const char *sb_media_guess(const char *url);

/** Fetch what a message links to, unless configured not to. Needs box->lock. */
void sb_media_fetch(sb_box_t *box, const sb_msg_t *msg);

#endif
