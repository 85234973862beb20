/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * message.h - asking for a message to be sent.
 */
#ifndef TWC_DOMAIN_MESSAGE_H
#define TWC_DOMAIN_MESSAGE_H

#include "twc.h"

#define TWC_MEDIA_MAX 10

enum { TWC_PRIORITY_REPLY = 0, TWC_PRIORITY_NORMAL = 1, TWC_PRIORITY_BULK = 5 };

/** What is to be sent. Strings as the caller got them; validation and canonical forms happen in twc_message_queue. */
typedef struct twc_draft_t {
    const char *to;                     /* any spelling of a recipient */
    const char *from;                   /* sender; NULL: service or default sender as below */
    const char *service_sid;            /* MG...; overrides the configured one */
    bool no_service;                    /* do not use the configured messaging service */
    const char *body;                   /* may be NULL when media or content_sid is there */
    const char *media_urls[TWC_MEDIA_MAX];
    int num_media;
    const char *content_sid;            /* HX... */
    const char *content_variables;      /* JSON object text */
    apr_time_t send_at;                 /* 0: now */
    const char *source;                 /* "api", "page", "auto-reply", "bot", "keyword", "cli" */
    int priority;                       /* TWC_PRIORITY_* */
    apr_int64_t reply_to;               /* inbound message answered automatically, 0 none: at most one answer each */
    bool opt_out_confirmation;          /* the one message an opted-out peer may get */
    bool keep_refused;                  /* to a peer who has opted out: store it as failed (21610), instead of APR_EACCES */
} twc_draft_t;

/** The queued message. */
typedef struct twc_queued_t {
    apr_int64_t id;
    const char *uuid;                   /* what clients see of the id */
    const char *from;                   /* NULL when the service picks */
    const char *to;
    const char *status;                 /* "queued", "scheduled", or "failed" where it was refused and kept */
} twc_queued_t;

/**
 * Check the draft, store the message with its outbox row, conversation and event, in the open transaction or one of its own.
 * @return APR_SUCCESS (ctx->wake has TWC_WAKE_SENDER | TWC_WAKE_EVENTS)
 *         | APR_EINVAL a field is wrong: to_missing, to_invalid, content_missing, body_too_long (with the count), media_too_many,
 *           media_invalid, content_sid_invalid, content_variables_invalid, from_invalid, service_invalid, send_at_invalid
 *         | APR_EACCES opted_out (problem->twilio_code 21610) | APR_EEXIST this inbound message was answered already
 *         | APR_EGENERAL not_configured: no account or no sender
 */
apr_status_t twc_message_queue(twc_ctx_t *ctx, const twc_draft_t *draft, twc_queued_t *queued);

/**
 * MG... of the service that an address of ours answers by. Twilio need not name it in a webhook; then it is the one that
 * what we send from there goes through.
 * @param named  by Twilio; NULL: not
 * @return NULL: none
 */
const char *twc_message_service(twc_ctx_t *ctx, const char *named, const char *ours);

/** Take a queued or scheduled message back. APR_ENOENT | APR_EEXIST it is not queued any more */
apr_status_t twc_message_cancel(twc_ctx_t *ctx, apr_int64_t id);

/** Queue a failed message's content again as a new message. APR_ENOENT | APR_EEXIST it has not failed */
apr_status_t twc_message_retry(twc_ctx_t *ctx, apr_int64_t id, twc_queued_t *queued);

#endif
