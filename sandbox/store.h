/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * store.h - the messages of every account, in memory: by SID, in order, and per
 * address. Nothing here locks: every call needs box->lock, and what a call returns
 * is good only while it is held.
 */
#ifndef SB_STORE_H
#define SB_STORE_H

#include "box.h"

typedef enum {
    SB_ACCEPTED, SB_SCHEDULED, SB_QUEUED, SB_SENDING, SB_SENT, SB_DELIVERED, SB_UNDELIVERED,
    SB_FAILED, SB_CANCELED, SB_READ, SB_RECEIVED, SB_STATUSES
} sb_status_e;

typedef enum { SB_INBOUND, SB_OUTBOUND_API, SB_OUTBOUND_REPLY } sb_direction_e;

/** Words as Twilio writes them; sb_status_parse gives -1 for an unknown word. */
const char *sb_status_name(sb_status_e status);
int sb_status_parse(const char *word);
const char *sb_direction_name(sb_direction_e direction);

/** May it still change by itself: accepted, scheduled, queued, sending. */
bool sb_status_in_progress(sb_status_e status);

/** How the application took an inbound message. */
typedef enum { SB_HOOK_NONE, SB_HOOK_CALLED, SB_HOOK_TAKEN, SB_HOOK_FAILED } sb_hook_e;

/** Messages in order of arrival; gaps never, appends at the end. */
typedef struct sb_list_t {
    struct sb_msg_t **v;
    int first, end, size;
} sb_list_t;

/** Everybody who ever sent or got a message in an account. */
typedef struct sb_peer_t {
    char *addr;
    char *name;                         /* of a handset; "" = none */
    bool pinned;                        /* stays without messages */
    sb_list_t to_it, from_it;
    struct sb_peer_t *newer, *older;    /* by last activity */
    apr_time_t active;
} sb_peer_t;

/** What is remembered about a customer and one of our numbers. */
typedef struct sb_pair_t {
    bool opted_out;
    apr_time_t last_inbound;            /* 0: never wrote */
    apr_time_t last_reply;              /* loop guard */
    int replies;                        /* TwiML replies less than 30 s apart */
} sb_pair_t;

/** One attachment; bytes are NULL until they were fetched, or for ever. */
typedef struct sb_media_t {
    char sid[SB_SID_LEN + 1];
    char *url;                          /* where it comes from; "" = handed in */
    char *type;
    char *bytes;
    apr_size_t len;
    bool deleted;
    apr_time_t created;
} sb_media_t;

#define SB_MEDIA_MAX 10

typedef struct sb_msg_t {
    char sid[SB_SID_LEN + 1];
    char service[SB_SID_LEN + 1];       /* "" = none */
    apr_uint64_t seq;
    sb_account_t *account;
    sb_peer_t *to, *from;               /* from NULL: the service has not picked a sender */
    char *body;
    char *callback;                     /* status callback URL; "" = none */
    char callback_method[5];
    char *extra;                        /* inbound: further webhook parameters, form-encoded */
    sb_status_e status;
    sb_direction_e direction;
    int error_code, segments, validity_s;
    bool hidden;                        /* the carrier's own confirmations: only handsets see them */
    bool still;                         /* magic numbers: no walk, no callbacks */
    sb_hook_e hook;                     /* inbound: its webhook */
    int hook_error;                     /* when it failed: what Twilio would record */
    sb_status_e fate;                   /* final status it walks to: delivered, undelivered, failed */
    int fate_code;
    sb_media_t *media;
    int num_media;
    apr_time_t created, updated, sent, send_at;
} sb_msg_t;

/** What a new message is made from; strings are copied. */
typedef struct sb_draft_t {
    sb_account_t *account;
    const char *to, *from;              /* from NULL: a service picks */
    const char *body, *service, *callback, *callback_method, *extra;
    sb_status_e status;
    sb_direction_e direction;
    sb_status_e fate;
    int fate_code, validity_s;
    bool hidden, still;
    const sb_media_t *media;            /* url, type, bytes copied; sid kept when set */
    int num_media;
    apr_time_t send_at;
    const char *sid;                    /* replay only; else NULL: made here */
    apr_time_t created;                 /* replay only; else 0: now */
} sb_draft_t;

/** An empty store for the accounts of conf; memory from pool and malloc (a cleanup frees it). */
sb_store_t *sb_store_create(apr_pool_t *pool, const sb_conf_t *conf);

/** Make the configured handsets of every account. */
void sb_store_pin_handsets(sb_store_t *store);

/** Forget everything. */
void sb_store_reset(sb_store_t *store);

/** Add a message; the oldest goes when there are more than conf->keep. */
sb_msg_t *sb_msg_add(sb_store_t *store, const sb_draft_t *draft);

/** By SID, within one account (NULL: any); NULL when there is none. */
sb_msg_t *sb_msg_find(sb_store_t *store, const sb_account_t *account, const char *sid);

void sb_msg_delete(sb_store_t *store, sb_msg_t *msg);
void sb_msg_set_body(sb_msg_t *msg, const char *body);
/** The sender a service picked. */
void sb_msg_set_from(sb_store_t *store, sb_msg_t *msg, const char *address);
void sb_msg_set_status(sb_msg_t *msg, sb_status_e status, int error_code, apr_time_t when);

/** By SID of the attachment; owner may be NULL. */
sb_media_t *sb_media_find(sb_store_t *store, const char *sid, sb_msg_t **owner);
/** Hand over fetched bytes (copied). */
void sb_media_fill(sb_media_t *media, const char *type, const char *bytes, apr_size_t len);

/** The peer of that address, or NULL; make it when `make`. */
sb_peer_t *sb_peer_find(sb_store_t *store, sb_account_t *account, const char *addr, bool make);
void sb_peer_pin(sb_peer_t *peer, const char *name);
/** The most recently active peer of the account; follow ->older. */
sb_peer_t *sb_peer_newest(const sb_account_t *account);
/** Newest message to or from it, hidden ones too; NULL when none. */
sb_msg_t *sb_peer_last(const sb_peer_t *peer);

/** What is known about customer and sender; NULL when nothing and not `make`. */
sb_pair_t *sb_pair_find(sb_store_t *store, sb_account_t *account, const char *customer,
                        const char *sender, bool make);

/** One page of a list, newest first. */
typedef struct sb_query_t {
    const char *to, *from;              /* exact, or NULL */
    apr_time_t not_before, not_after;   /* of date_sent, inclusive; 0: no bound */
    bool handset;                       /* to or from `to`, hidden ones too */
    apr_uint64_t below;                 /* only older than this seq; 0: from the newest */
    apr_uint64_t above;                 /* only the ones next newer than this seq; 0: no */
    int limit;
} sb_query_t;

/** Fill found[limit] newest first; the number found. */
int sb_msg_query(sb_store_t *store, sb_account_t *account, const sb_query_t *query, sb_msg_t **found);

/** Every message, oldest first: step *cursor from 0 until NULL. */
sb_msg_t *sb_msg_next(sb_store_t *store, int *cursor);
/** Every pair: calls fn(rec, account, customer, sender, pair). */
void sb_pair_each(sb_store_t *store, sb_account_t *account,
                  void (*fn)(void *, sb_account_t *, const char *, const char *, const sb_pair_t *), void *rec);
int sb_msg_count(const sb_store_t *store);

#endif
