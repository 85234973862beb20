/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * postman.h - the one thread that makes outgoing calls (webhooks, attachments)
 * and lets time pass for messages. Calls run side by side on kept-alive
 * connections; what their answers mean is decided by their `done` function.
 */
#ifndef SB_POSTMAN_H
#define SB_POSTMAN_H

#include <curl/curl.h>

#include "box.h"
#include "util/form.h"

typedef enum { SB_CALL_STATUS, SB_CALL_INBOUND, SB_CALL_FALLBACK, SB_CALL_REDIRECT, SB_CALL_MEDIA } sb_call_e;

/** "status", "inbound", ... */
const char *sb_call_name(sb_call_e kind);

/* When a failed call is tried again: the #rp= connection override. */
#define SB_RETRY_CONNECT 1u
#define SB_RETRY_READ    2u
#define SB_RETRY_4XX     4u
#define SB_RETRY_5XX     8u

/** Connection overrides of a webhook URL's fragment, or Twilio's defaults. */
typedef struct sb_override_t {
    int connect_ms, read_ms, total_ms, retries;
    unsigned retry_on;
} sb_override_t;

/** Read a fragment ("rc=2&rp=all"); unknown keys and bad values keep the default. */
void sb_override_parse(apr_pool_t *pool, const char *fragment, sb_override_t *override);

typedef struct sb_call_t sb_call_t;
typedef void (*sb_call_done_t)(sb_box_t *box, sb_call_t *call);

/** One call; it lives in its own pool and is destroyed after done. */
struct sb_call_t {
    apr_pool_t *pool;
    sb_call_e kind;
    sb_call_done_t done;                /* on the postman's thread, box->lock not held; NULL: nothing */
    sb_account_t *account;
    const char *sid;                    /* the message it is about */
    const char *sender;                 /* inbound: our number; else NULL */
    const char *method;                 /* "POST" or "GET" */
    const char *url;                    /* as called and signed: no fragment, no userinfo */
    const char *user, *password;        /* from the URL, decoded; NULL: none */
    const twc_form_t *form;             /* parameters */
    const char *body;                   /* them encoded; POST only, NULL otherwise */
    sb_override_t override;
    apr_size_t answer_max;
    apr_time_t due;
    int hops, replies;                  /* TwiML: redirects followed, messages made */
    const char *media_sid;              /* SB_CALL_MEDIA */
    /* filled by the postman */
    int attempt;
    apr_time_t first, started, heard;
    int http_status;                    /* 0: no answer */
    CURLcode code;
    int error_code;                     /* as Twilio would record it, 0 = fine */
    const char *content_type;
    char *answer;                       /* NUL-terminated */
    apr_size_t answer_len;
    bool overflow;
    /* private to the postman */
    CURL *easy;
    struct curl_slist *headers;
    char token[40];
    sb_call_t *next;
};

/**
 * A call with everything but done, sid, sender and due set; send it with sb_postman_post.
 * @param target  URL with optional userinfo and overriding fragment
 * @param form    copied into the call; for GET it goes into the query
 * @return NULL when target is no http(s) URL
 */
sb_call_t *sb_call_make(sb_call_e kind, sb_account_t *account, const char *target, const char *method,
                        const twc_form_t *form);

/** Hand a call over; any thread. The postman owns it from here on. */
void sb_postman_post(sb_postman_t *postman, sb_call_t *call);

/** The thread must look at the walk at `due` at the latest; any thread. */
void sb_postman_wake_by(sb_postman_t *postman, apr_time_t due);

/** Start the thread; call in child_init. A pre-cleanup of pool joins it. */
apr_status_t sb_postman_start(sb_box_t *box, apr_pool_t *pool);

/** Tell the thread to end; never blocks. */
void sb_postman_stop(sb_postman_t *postman);

#endif
