/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * remote.h - routes that ask Twilio and keep what they saw, alike for all interfaces.
 * All wait for Twilio, at most TwchatSendTimeout. Errors as twilio/client.h; a SID that is none is APR_ENOENT.
 */
#ifndef TWC_API_REMOTE_H
#define TWC_API_REMOTE_H

#include "glue/request.h"
#include "twilio/client.h"

apr_status_t twc_remote_list(twc_req_t *q, const twc_remote_filter_t *filter,
                             const twc_remote_msg_t ***msgs, int *count);
apr_status_t twc_remote_fetch(twc_req_t *q, const char *sid, twc_remote_msg_t *msg);

/**
 * Tell the caller why it did not work: with this HTTP status and Twilio's reason; what our own database could not do is
 * returned, to be answered as everywhere else.
 */
apr_status_t twc_remote_failed(twc_req_t *q, apr_status_t rv, int status);

/**
 * At Twilio and here; one that Twilio has no more is emptied here.
 * @param status  out: Twilio's word for how the message is, or ours where Twilio has none
 */
apr_status_t twc_remote_redact(twc_req_t *q, const char *sid, const char **status);
/** At Twilio and here; one that Twilio has no more is removed here. */
apr_status_t twc_remote_delete(twc_req_t *q, const char *sid);

#endif
