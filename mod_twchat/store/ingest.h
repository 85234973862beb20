/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ingest.h - what Twilio tells us, made durable: one statement for a whole batch
 * of inbound messages, one for a batch of status callbacks. docs/ingest.md explains.
 */
#ifndef TWC_STORE_INGEST_H
#define TWC_STORE_INGEST_H

#include "twc.h"

/** How the call arrived; goes into the webhook journal with its verdict. */
typedef struct twc_call_t {
    const char *interface;              /* "flask-chat" */
    const char *kind;                   /* "message", "status", "voice" */
    const char *method;
    const char *url;                    /* as signed */
    const char *remote_addr;
    const char *content_type;
    const char *raw;                    /* body, or the query string of a GET; clean text */
    const char *note;                   /* report-only mode: what would have been refused; else NULL */
    apr_time_t received_at;
} twc_call_t;

/** answer_arg: a job only if the automatic reply is on at that moment; nothing else would answer. */
#define TWC_ANSWER_IF_AUTO_REPLY "auto-reply"
/** answer_arg: the acknowledgement, as a message of its own, because nobody waits for the TwiML any more. */
#define TWC_ANSWER_ACK "ack"

/** STOP or START: what a person wants of the address they wrote to, and of the service it belongs to. */
typedef struct twc_wish_t {
    const char *source;                 /* "keyword", "opt-out-type"; NULL: the message says nothing of it */
    const char *evidence;               /* the word */
    const char *service;                /* MG..., or NULL */
    bool opted_out;
} twc_wish_t;

/** One inbound message. All text is clean UTF-8; filled by domain/inbound.h. */
typedef struct twc_inbound_t {
    const char *sid;
    const char *account_sid;            /* may be NULL */
    const char *service_sid;            /* may be NULL */
    const char *from;                   /* canonical where it parses, see util/phone.h */
    const char *to;
    const char *body;
    const char *profile_name;           /* may be NULL */
    const char *media_json;             /* [{"url","type"},...] or NULL */
    const char *extra_json;             /* object, or NULL */
    int num_media;                      /* entries in media_json */
    const char *answer_arg;             /* queue an "answer" job with this argument; NULL: none */
    bool ack;                           /* the caller answers by TwiML itself: counts as an automatic answer */
    twc_wish_t wish;
    const twc_call_t *call;
    /* result */
    bool duplicate;
    apr_int64_t message_id;             /* of the stored row, the first one's for a duplicate */
    bool ack_allowed;                   /* ack asked for and within the peer's limit; for a duplicate only when it is the same call, repeated */
    bool spooled;                       /* safe in the spool; the rest is not known yet */
} twc_inbound_t;

/** One status callback. */
typedef struct twc_status_t {
    const char *sid;
    const char *uuid;                   /* our id in the callback URL, lower-case UUID form; NULL: none */
    apr_int64_t reply_to;               /* callback of a TwiML answer to this inbound message; 0 none */
    const char *status;                 /* the word as given, lower case */
    int error_code;                     /* 0: none */
    const char *error_message;          /* may be NULL */
    const twc_call_t *call;
    /* result */
    bool applied;
    apr_int64_t message_id;             /* the message it belongs to; 0: not known (yet) */
    bool spooled;                       /* safe in the spool; the rest is not known yet */
} twc_status_t;

/** Store count (1..64) messages with distinct SIDs in one statement, and what they want with it; sets each item's result. */
apr_status_t twc_ingest_messages(twc_ctx_t *ctx, twc_inbound_t *const *items, int count);

/** Store and apply count (1..64) status callbacks in one statement. */
apr_status_t twc_ingest_statuses(twc_ctx_t *ctx, twc_status_t *const *items, int count);

#endif
