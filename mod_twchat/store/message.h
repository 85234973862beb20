/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * message.h - single messages and conversations: look up, change, take away.
 */
#ifndef TWC_STORE_MESSAGE_H
#define TWC_STORE_MESSAGE_H

#include "twc.h"

typedef struct twc_msg_t {
    apr_int64_t id;
    const char *uuid;                   /* the same id as clients of sms-store see it */
    const char *sid;                    /* NULL until Twilio answered */
    const char *direction;
    const char *from, *to;              /* from NULL while a service has not chosen */
    const char *body;
    const char *status;
    int error_code;
    const char *error_message;
} twc_msg_t;

/** APR_ENOENT */
apr_status_t twc_msg_load(twc_ctx_t *ctx, apr_int64_t id, twc_msg_t *msg);
/** APR_ENOENT */
apr_status_t twc_msg_load_sid(twc_ctx_t *ctx, const char *sid, twc_msg_t *msg);

/** Empty the body and the media of the message with this SID, where we have it. Audited, as Twilio's copy is empty already. */
apr_status_t twc_msg_redact(twc_ctx_t *ctx, const char *sid);
/** Remove it, with media, counters and conversation summary, where we have it. Audited. */
apr_status_t twc_msg_delete(twc_ctx_t *ctx, const char *sid);

/** A message seen at Twilio (list, fetch, reconciliation): stored when unknown, its status applied when known. */
typedef struct twc_remote_msg_t {
    const char *sid, *status, *direction, *from, *to, *body;
    const char *num_media, *num_segments;   /* strings, as Twilio has them */
    int error_code;                         /* 0: null */
    bool has_error;
    const char *error_message, *service_sid, *price, *price_unit;
    apr_time_t date_created, date_updated, date_sent;   /* 0: null */
} twc_remote_msg_t;
apr_status_t twc_msg_seen(twc_ctx_t *ctx, const twc_remote_msg_t *const *msgs, int count);

/** mark-processed of sms-store; NULL links leave what is there. APR_ENOENT */
apr_status_t twc_msg_mark_processed(twc_ctx_t *ctx, const char *uuid, const char *chat_id, const char *response_sid);

/** Unread becomes 0, the loop guard is lifted. APR_ENOENT */
apr_status_t twc_conv_mark_read(twc_ctx_t *ctx, const char *peer);

/** Media of one message. APR_ENOENT */
typedef struct twc_media_t {
    const char *state, *url, *content_type, *reason;
    twc_str_t bytes;                    /* when state is "stored" */
} twc_media_t;
apr_status_t twc_msg_media(twc_ctx_t *ctx, apr_int64_t id, int index, twc_media_t *media);

#endif
