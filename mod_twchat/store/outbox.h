/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * outbox.h - the queue of what is to be sent. Everything about a message on its way
 * is in the database: any process may die at any line. docs/sending.md explains.
 *
 * A row is "scheduled" until its time comes, "queued", "sending" while a request is under way (a lease
 * says how long that may last), or "unknown" when nobody knows whether Twilio took it. It leaves the
 * table with the message's SID or its failure.
 */
#ifndef TWC_STORE_OUTBOX_H
#define TWC_STORE_OUTBOX_H

#include "twc.h"

/* ---- asking ----------------------------------------------------------------- */

/** One message to send, checked and canonical. */
typedef struct twc_outgoing_t {
    const char *to;
    const char *from;                   /* NULL: the service picks */
    const char *service_sid;            /* or NULL */
    const char *body;                   /* "" for none */
    const char *content_sid, *content_variables;    /* or NULL */
    const char *const *media_urls;
    int num_media;
    const char *source;
    int priority;                       /* 0..9, lower goes first */
    int segments;                       /* what it costs its sender */
    apr_time_t send_at;                 /* 0: now */
    apr_int64_t reply_to;               /* inbound message it answers, 0 none */
    bool confirmation;                  /* goes out although the peer has opted out */
    bool keep_refused;                  /* to a peer who has opted out: store it as failed, instead of nothing */
    /* result */
    apr_int64_t id;
    const char *uuid;                   /* twchat_uuid of id */
    const char *status;                 /* "queued", "scheduled", or "failed" where it was refused and kept */
} twc_outgoing_t;

/**
 * Store message, conversation, contact, media, queue row, bucket, counters and event in one statement. What is refused and kept
 * has no queue row; its error code is 21610.
 * @return APR_SUCCESS (ctx->wake is set) | APR_EACCES opted out | APR_EEXIST reply_to was answered already; problem filled
 */
apr_status_t twc_outbox_insert(twc_ctx_t *ctx, twc_outgoing_t *msg);

/** Take a message back that no request was made for yet. APR_ENOENT no such message | APR_EEXIST too late */
apr_status_t twc_outbox_cancel(twc_ctx_t *ctx, apr_int64_t id);

/** What a failed message was made of; results of msg unset. APR_ENOENT | APR_EEXIST it has not failed */
apr_status_t twc_outbox_again(twc_ctx_t *ctx, apr_int64_t id, twc_outgoing_t *msg);

/** Is the message still in the queue? */
apr_status_t twc_outbox_pending(twc_ctx_t *ctx, apr_int64_t id, bool *pending);

/* ---- sending ------------------------------------------------------------------ */

/** A message in a sender's hands. */
typedef struct twc_claim_t {
    apr_int64_t id;
    const char *uuid;                   /* twchat_uuid of id */
    int attempt;                        /* this one included; every result names it. 0: it was given in TwiML */
    const char *to, *from, *service_sid, *body, *content_sid, *content_variables;
    const char *const *media_urls;
    int num_media;
    bool opted_out;                     /* must not be sent (any more) */
    bool confirmation;                  /* goes out although the peer has opted out */
    int priority;                       /* TWC_PRIORITY_* */
    apr_time_t due_at;
    apr_time_t attempted_at;            /* start of the latest attempt, by the database's clock */
    apr_interval_time_t age;            /* since attempted_at, by the same clock */
    int checks;                         /* unknown ones: searches done so far */
    const char *sid;                    /* unknown ones: a callback told it meanwhile; else NULL */
} twc_claim_t;

/**
 * Take up to `limit` due messages: each sender within its rate (conf->rate), better priority first, at most one per
 * conversation and none before an earlier one of it. They are "sending" when this returns, for `lease`.
 * @param cli     0: all; or the id of a message: it and what else of its conversation twchatctl send was asked for, and nothing else
 * @param claims  out, in ctx->pool
 */
apr_status_t twc_outbox_claim(twc_ctx_t *ctx, int limit, apr_int64_t cli, apr_interval_time_t lease,
                              twc_claim_t **claims, int *count);

/**
 * Consent may have changed since the claim: look again. Sets opted_out of each.
 * @param claims  such that are neither settled nor sent yet
 */
apr_status_t twc_outbox_consent_again(twc_ctx_t *ctx, twc_claim_t *const *claims, int count);

/** When a sender could have something to send again: 0 now, else time to wait; `most` when nothing is queued. */
apr_status_t twc_outbox_outlook(twc_ctx_t *ctx, apr_interval_time_t most, apr_interval_time_t *wait);

/** Queue scheduled messages whose time has come, TWC_PROMOTE_MAX at most: as many means that there may be more. */
#define TWC_PROMOTE_MAX 500
apr_status_t twc_outbox_promote(twc_ctx_t *ctx, int *count);

/** Take up to `limit` messages whose outcome is unknown, or whose lease ran out, and that are to be looked for now; cli as above. */
apr_status_t twc_outbox_take_unknown(twc_ctx_t *ctx, int limit, apr_int64_t cli, apr_interval_time_t lease,
                                     twc_claim_t **claims, int *count);

/** Of these SIDs, which belong to a message already? known[i] is set for each. */
apr_status_t twc_outbox_known_sids(twc_ctx_t *ctx, const char *const *sids, int count, bool *known);

typedef enum {
    TWC_SETTLE_ACCEPTED,                /* Twilio has it: sid, status */
    TWC_SETTLE_FAILED,                  /* final: code, reason */
    TWC_SETTLE_LATER,                   /* certainly not taken: queued again after delay */
    TWC_SETTLE_UNKNOWN                  /* perhaps taken: looked for after delay */
} twc_settle_e;

/** How an attempt ended. */
typedef struct twc_settle_t {
    apr_int64_t id;
    int attempt;
    twc_settle_e verdict;
    const char *sid, *status, *from;
    int segments;                       /* 0 unknown */
    int code;                           /* 0 none */
    const char *reason;                 /* for people; or NULL */
    apr_interval_time_t delay;
    bool checked;                       /* unknown: one more search found nothing */
    bool found;                         /* accepted: the SID is from Twilio's list; where it is another's by then, unknown after delay */
    apr_interval_time_t park;           /* keep this sender still for so long; 0 no */
    bool opt_out;                       /* close the pair: Twilio says the peer opted out */
} twc_settle_t;

/**
 * Write down how attempts ended, all in one statement; writing the same twice does no harm. A result of an attempt
 * that is no longer the latest only binds its SID. Statuses only move forward; callbacks that were quicker are applied.
 */
apr_status_t twc_outbox_settle(twc_ctx_t *ctx, const twc_settle_t *const *items, int count);

/** For store/ only: a JSON array of texts, as PostgreSQL writes it, copied into pool. @return how many */
int twc_outbox_read_urls(apr_pool_t *pool, twc_str_t json, const char *const **urls);

/** Apply callbacks that were stored in the very moment when their message's SID was written down. */
apr_status_t twc_outbox_early(twc_ctx_t *ctx);

#endif
