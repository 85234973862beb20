/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * box.h - the words every part of the sandbox uses: what is configured, and the
 * one box of state that lives in the one child process.
 *
 * Locks: box->lock guards store, faults, timers and the settings of numbers.
 * Journals, events and the postman's letter box have locks of their own, which
 * are taken last and never held while waiting for box->lock.
 */
#ifndef SB_BOX_H
#define SB_BOX_H

#include <apr_hash.h>
#include <apr_tables.h>
#include <apr_thread_mutex.h>

#include "twc.h"

#define SB_SID_LEN 34

/* ---- what is configured --------------------------------------------------- */

typedef struct sb_key_t {
    const char *sid, *secret;           /* SK... */
} sb_key_t;

/** A sender of an account. Its URLs can be changed through the API. */
typedef struct sb_number_t {
    const char *address;                /* "+15550100", "whatsapp:+1...", short code, alphanumeric */
    const char *sid;                    /* PN..., made from account and address */
    const char *name;                   /* friendly name */
    const char *sms_url, *sms_method;   /* "" = none; "POST" or "GET" */
    const char *sms_fallback_url, *sms_fallback_method;
    const char *status_callback, *status_callback_method;
    apr_time_t updated;
    apr_time_t next_slot;               /* throughput: when the sender is free again */
} sb_number_t;

/** A messaging service: a pool of senders. */
typedef struct sb_service_t {
    const char *sid;                    /* MG... */
    apr_array_header_t *addresses;      /* const char *, of numbers of the same account */
    const char *status_callback;        /* "" = none */
    const char *inbound_url;            /* "" = the number's own */
    bool advanced_opt_out;
} sb_service_t;

/** A content template: HX..., text with {{1}}. */
typedef struct sb_content_t {
    const char *sid, *text;
} sb_content_t;

/** One Twilio account. */
typedef struct sb_account_t {
    const char *sid, *token;
    apr_array_header_t *keys;           /* sb_key_t */
    apr_array_header_t *numbers;        /* sb_number_t *; replaced whole when one is added, so read it once */
    apr_array_header_t *services;       /* sb_service_t */
    apr_array_header_t *contents;       /* sb_content_t */
    apr_time_t created;
    /* owned by store.c */
    struct sb_ledger_t *ledger;
} sb_account_t;

/** A handset of the page that exists before its first message. */
typedef struct sb_handset_t {
    const char *number, *name;
} sb_handset_t;

typedef struct sb_conf_t {
    int enabled;
    apr_array_header_t *accounts;       /* sb_account_t * */
    apr_array_header_t *handsets;       /* sb_handset_t */
    const char *url;                    /* how others reach the sandbox; NULL: as the request did */
    const char *state_path;             /* NULL: memory only */
    const char *htdocs;                 /* the page's files; NULL: no page */
    const char *ca_file;                /* trusted instead of the system's for webhooks */
    int keep;                           /* messages kept, the oldest go first */
    int log;                            /* requests and webhooks remembered */
    int connections;                    /* webhooks in flight at once */
    int queued_ms, sent_ms, delivered_ms, read_ms; /* the walk; read 0 = only when asked */
    int whatsapp_window;                /* enforce 63016 */
    int fetch_media;                    /* fetch MediaUrl of outgoing messages */
} sb_conf_t;

/* ---- what lives ------------------------------------------------------------ */

typedef struct sb_store_t sb_store_t;       /* store.h */
typedef struct sb_state_t sb_state_t;       /* state.h */
typedef struct sb_journal_t sb_journal_t;   /* journal.h */
typedef struct sb_events_t sb_events_t;     /* event.h */
typedef struct sb_postman_t sb_postman_t;   /* postman.h */
typedef struct sb_faults_t sb_faults_t;     /* fault.h */

typedef struct sb_box_t {
    apr_pool_t *pool;                   /* the child's */
    const sb_conf_t *conf;
    apr_thread_mutex_t *lock;
    sb_store_t *store;
    sb_state_t *state;                  /* NULL: memory only */
    sb_faults_t *faults;
    sb_journal_t *requests;             /* what was asked of us */
    sb_journal_t *webhooks;             /* what we called, and the answers */
    sb_events_t *events;
    sb_postman_t *postman;
    struct sb_walk_t *walk;             /* walk.h */
    volatile apr_uint32_t in_flight;    /* API requests being served */
    volatile apr_uint32_t stopping;
} sb_box_t;

/** The account of that SID, or NULL. */
sb_account_t *sb_account_find(const sb_conf_t *conf, const char *sid);

/** The service of that SID, or NULL. */
const sb_service_t *sb_service_find(const sb_account_t *account, const char *sid);

/** The first service whose pool holds the address, or NULL. */
const sb_service_t *sb_service_of(const sb_account_t *account, const char *address);

/** A sub-pool with an allocator of its own, for one thread or one lock; NULL without memory. */
apr_pool_t *sb_pool_create(apr_pool_t *parent);

/** A SID: two letters and 32 hex digits into out[SB_SID_LEN + 1]. */
void sb_sid_make(char *out, const char *prefix);

/** True for prefix and 32 hex digits, nothing else. */
bool sb_sid_is(const char *s, const char *prefix);

#endif
