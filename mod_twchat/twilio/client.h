/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * client.h - Twilio's REST API: requests built, answers read. The sender drives
 * create requests through its own multi loop; everything else is a plain call.
 * Source: Twilio API 2010-04-01, Messages, Media, Balance, Accounts.
 */
#ifndef TWC_TWILIO_CLIENT_H
#define TWC_TWILIO_CLIENT_H

#include <apr_tables.h>

#include "store/message.h"

/** What a create request needs. */
typedef struct twc_create_t {
    const char *to, *from, *service_sid, *body, *content_sid, *content_variables;
    const char *const *media_urls;
    int num_media;
    const char *status_callback;        /* with our id and connection overrides; NULL: none */
} twc_create_t;

/** URL and form body of a create. */
void twc_client_create_request(apr_pool_t *pool, const twc_conf_t *conf, const twc_create_t *create,
                               const char **url, const char **form);

/** User and password of every request; NULL when no account is configured. */
void twc_client_credentials(const twc_conf_t *conf, const char **user, const char **password);

/** How a request ended. */
typedef struct twc_outcome_t {
    int http_status;                    /* 0: no answer */
    bool sent;                          /* false: certainly nothing reached Twilio (no connection, TLS failure) */
    const char *sid, *status, *from;    /* from a success answer; NULL when absent */
    int num_segments;                   /* 0 unknown */
    int code;                           /* Twilio's error number, 0 none */
    const char *message;                /* Twilio's words, or curl's when there was no answer; cleaned, may be NULL */
    apr_interval_time_t retry_after;    /* 0 none */
} twc_outcome_t;

/**
 * Read the answer of a create (any status, any bytes). A SID is only believed from a 2xx answer and when it
 * looks like one. Leaves sent and retry_after alone.
 */
void twc_client_read_create(apr_pool_t *pool, int http_status, const char *data, apr_size_t len,
                            twc_outcome_t *outcome);

/**
 * The plain calls below wait for Twilio, at most conf->send_timeout.
 * @return APR_SUCCESS | APR_ENOENT 404 | APR_EINVAL Twilio refuses (problem->twilio_code) | APR_EACCES credentials
 *         | APR_EAGAIN 429 or 5xx | APR_TIMEUP, APR_ECONNREFUSED no answer | APR_EGENERAL not configured
 */
typedef struct twc_remote_filter_t {
    const char *to, *from;              /* canonical, or NULL */
    apr_time_t sent_on, sent_before, sent_after;   /* 0: no filter; sent_on: that UTC day */
    int limit;
} twc_remote_filter_t;
/** URL of the first page of a list, of at most page_size entries. For the sender's multi loop. */
const char *twc_client_list_url(apr_pool_t *pool, const twc_conf_t *conf, const twc_remote_filter_t *filter,
                                int page_size);
/**
 * Read one page: appends to msgs (of const twc_remote_msg_t *).
 * @param next  out: URL of the next page, or NULL
 * @return APR_SUCCESS | APR_EGENERAL this is no list
 */
apr_status_t twc_client_read_list(apr_pool_t *pool, const twc_conf_t *conf, const char *data, apr_size_t len,
                                  apr_array_header_t *msgs, const char **next);

apr_status_t twc_client_list(twc_ctx_t *ctx, const twc_remote_filter_t *filter,
                             const twc_remote_msg_t ***msgs, int *count);
apr_status_t twc_client_fetch(twc_ctx_t *ctx, const char *sid, twc_remote_msg_t *msg);
apr_status_t twc_client_redact(twc_ctx_t *ctx, const char *sid, twc_remote_msg_t *msg);
apr_status_t twc_client_delete(twc_ctx_t *ctx, const char *sid);
apr_status_t twc_client_balance(twc_ctx_t *ctx, const char **balance, const char **currency);
/** Credentials are right and the account is active (problem says what else). */
apr_status_t twc_client_account(twc_ctx_t *ctx, const char **status, const char **type);

/** Numbers of the account, for doctor: [{"sid","number","sms_url","sms_method","status_callback"}...] as structs. */
typedef struct twc_number_t { const char *sid, *number, *sms_url, *sms_method, *status_callback; } twc_number_t;
apr_status_t twc_client_numbers(twc_ctx_t *ctx, const twc_number_t **numbers, int *count);
apr_status_t twc_client_number_update(twc_ctx_t *ctx, const char *number_sid, const char *sms_url,
                                      const char *status_callback);

/**
 * Fetch one attachment: only from hosts Twilio serves media from (or conf->api_base's host); redirects are followed
 * by hand, https only (api_base's scheme aside), never with credentials to another host; size and type limited.
 * @return APR_SUCCESS | APR_EACCES host or type refused | APR_ENOSPC too large | APR_ENOENT | APR_EAGAIN try later
 */
apr_status_t twc_client_media(twc_ctx_t *ctx, const char *url, const char **content_type, twc_str_t *bytes);

/** Is fetching from this URL allowed at all? */
bool twc_client_media_allowed(const twc_conf_t *conf, const char *url);

#endif
