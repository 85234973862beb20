/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * job.h - work that a webhook left for later. A job done inside one transaction
 * (an answer) is taken away by that transaction; one that talks to somebody else
 * (media, refetch) is leased, repeated after a crash, and harmless to repeat.
 */
#ifndef TWC_STORE_JOB_H
#define TWC_STORE_JOB_H

#include "domain/bot.h"
#include "store/db.h"

/** What an answer needs to know, read together with its job. */
typedef struct twc_answer_t {
    apr_int64_t job_id;
    int attempts;
    const char *arg;                    /* the interface that got it, or TWC_ANSWER_IF_AUTO_REPLY */
    twc_turn_t turn;
    const char *service_sid;            /* the message came through this service, or NULL */
    const char *opt_out_type;           /* Twilio's word, or NULL */
    bool stop_bot;                      /* an operator silenced the bot here */
    bool opted_out;                     /* any of our addresses they wrote to is closed to them */
    bool auto_reply;                    /* auto_reply_config is on ... */
    const char *auto_reply_text;        /* ... and says this */
} twc_answer_t;

/** Take the next due answer job away, in the open transaction; turn.message_id 0: its message is gone. APR_ENOENT: nothing is due. */
apr_status_t twc_job_take_answer(twc_ctx_t *ctx, twc_answer_t *answer);

/**
 * Count one automatic answer to this conversation, in the open transaction.
 * @param allowed  out: false when the peer had its share; the conversation is marked then
 * @param first    out: true when the mark is new, so that it is told once
 */
apr_status_t twc_job_count_answer(twc_ctx_t *ctx, apr_int64_t conv_id, bool *allowed, bool *first);

/** A leased job. */
typedef struct twc_job_t {
    apr_int64_t id;
    const char *kind;                   /* media, refetch, follow, opt-out */
    apr_int64_t message_id;
    int attempts;                       /* this one included */
} twc_job_t;

/** Lease the next due job of the other kinds for `lease`. APR_ENOENT: nothing is due. */
apr_status_t twc_job_lease(twc_ctx_t *ctx, apr_interval_time_t lease, twc_job_t *job);
apr_status_t twc_job_done(twc_ctx_t *ctx, apr_int64_t id);
/** Try again after `delay`; why is kept for doctor and the log. */
apr_status_t twc_job_later(twc_ctx_t *ctx, apr_int64_t id, apr_interval_time_t delay, const char *why);

/** Attachments of a message that are still to be fetched: count in out, at most max (10). */
typedef struct twc_pending_media_t {
    int idx;
    const char *url;
} twc_pending_media_t;
apr_status_t twc_job_media(twc_ctx_t *ctx, apr_int64_t message_id, twc_pending_media_t *out, int max, int *count);
/** Keep the bytes (state "stored"), or say why not (state "refused" or "failed"; bytes NULL). */
apr_status_t twc_job_media_kept(twc_ctx_t *ctx, apr_int64_t message_id, int idx, const char *state,
                                const char *reason, const char *content_type, const twc_str_t *bytes);

/** Sender and peer of a message, for an opt-out that Twilio reported. */
apr_status_t twc_job_pair(twc_ctx_t *ctx, apr_int64_t message_id, const char **sender, const char **service,
                          const char **peer);

#endif
