/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * http.h - the one curl wrapper: easy handles set up alike for every peer, and a
 * plain call that can be interrupted.
 */
#ifndef TWC_REMOTE_HTTP_H
#define TWC_REMOTE_HTTP_H

#include <curl/curl.h>

#include "twc.h"

typedef struct twc_http_request_t {
    const char *method;                 /* "GET", "POST", "DELETE" */
    const char *url;
    const char *user, *password;        /* Basic, or NULL */
    const char *body;                   /* form body of a POST, or NULL */
    apr_interval_time_t timeout;        /* whole request */
    apr_size_t answer_max;              /* more bytes than this: APR_ENOSPC */
} twc_http_request_t;

typedef struct twc_http_answer_t {
    int status;                         /* 0: none */
    bool sent;                          /* false: the request certainly did not reach the peer */
    const char *content_type;           /* or NULL */
    const char *location;               /* or NULL */
    apr_interval_time_t retry_after;    /* 0 none; seconds or date form */
    char *data;                         /* NUL-terminated */
    apr_size_t len;
    const char *error;                  /* curl's words when there was no answer */
} twc_http_answer_t;

/** Once per process, before threads. */
apr_status_t twc_http_init(apr_pool_t *pool);

/**
 * One request on a connection kept per thread. No redirects are followed, TLS is verified,
 * no signals, no netrc, no proxies from the environment unless configured by libcurl's own variables.
 * @param stop  may be NULL; polled: true aborts with APR_EINTR
 * @return APR_SUCCESS for any HTTP answer | APR_TIMEUP | APR_ECONNREFUSED | APR_ENOSPC | APR_EINTR | APR_EGENERAL
 */
apr_status_t twc_http_call(apr_pool_t *pool, const twc_http_request_t *request,
                           bool (*stop)(void *baton), void *stop_baton, twc_http_answer_t *answer);

/** Set an easy handle up for request, collecting into answer (both must outlive the transfer). For multi loops. */
apr_status_t twc_http_prepare(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request,
                              twc_http_answer_t *answer);
/** After the transfer: fill in status, sent, error. */
void twc_http_finish(CURL *easy, CURLcode result, twc_http_answer_t *answer);

#endif
