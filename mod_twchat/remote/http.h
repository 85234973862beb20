/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * http.h - the one curl wrapper: easy handles set up alike for every peer, and a
 * plain call that can be interrupted.
 */
#ifndef TWC_REMOTE_HTTP_H
#define TWC_REMOTE_HTTP_H

#include <curl/curl.h>

#include "twc.h"
#include "util/clock.h"

typedef struct twc_http_request_t {
    const char *method;                 /* "GET", "POST", "DELETE" */
    const char *url;
    const char *user, *password;        /* Basic, or NULL */
    const char *body;                   /* form body of a POST, or NULL; must outlive the transfer */
    apr_interval_time_t timeout;        /* whole request; 0: half a minute */
    twc_since_t since;                  /* not begun to be written later than `within` after this: ... */
    apr_interval_time_t within;         /* ... the exchange ends instead, unsent; 0: at any time */
    apr_size_t answer_max;              /* more bytes than this: APR_ENOSPC; 0: 1 MiB */
} twc_http_request_t;

typedef struct twc_http_answer_t {
    int status;                         /* 0: none; kept when the connection broke in mid-body */
    bool sent;                          /* false: nothing of the request was ever written */
    bool too_long;                      /* answer_max was reached, data holds the beginning */
    const char *content_type;           /* or NULL */
    const char *location;               /* of a redirect, absolute; or NULL */
    apr_interval_time_t retry_after;    /* 0 none; seconds or date form, an hour at most */
    apr_time_t date;                    /* of the Date header, after twc_http_call; 0: none, or a libcurl before 7.83 */
    char *data;                         /* NUL-terminated, "" when nothing came */
    apr_size_t len;
    const char *error;                  /* curl's words when the exchange did not complete; else NULL */
    struct twc_exchange_t *exchange;    /* private to http.c */
} twc_http_answer_t;

/** Once per process, before threads; more calls do nothing. Undone when pool is destroyed. */
apr_status_t twc_http_init(apr_pool_t *pool);

/**
 * One request, on a kept connection where there is one. No redirects are followed, TLS is verified,
 * no signals, no netrc; a proxy only where libcurl's own variables (https_proxy, no_proxy) name one.
 * A POST is never written a second time, not even when a kept connection turned out dead: libcurl would
 * repeat it, and Twilio would send the message twice.
 * @param stop  may be NULL; polled about once a second: true aborts with APR_EINTR
 * @return APR_SUCCESS for any HTTP answer | APR_TIMEUP | APR_ECONNREFUSED | APR_ENOSPC | APR_EINTR | APR_EGENERAL
 */
apr_status_t twc_http_call(apr_pool_t *pool, const twc_http_request_t *request,
                           bool (*stop)(void *baton), void *stop_baton, twc_http_answer_t *answer);

/**
 * Set an easy handle up for request, collecting into answer (both and pool must outlive the transfer).
 * For multi loops; CURLOPT_PRIVATE is left to them.
 */
void twc_http_prepare(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request, twc_http_answer_t *answer);
/** The same for a handle whose last request differed in its body only; CURLOPT_PRIVATE stays. */
void twc_http_repeat(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request, twc_http_answer_t *answer);
/** After the transfer: fill in status, sent, error. */
void twc_http_finish(CURL *easy, CURLcode result, twc_http_answer_t *answer);

#endif
