/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * request.h - one HTTP request being served: what came, and what will be answered.
 * Handlers only fill in the answer; who dispatched them sends it, maybe later,
 * maybe not at all.
 */
#ifndef SB_REQUEST_H
#define SB_REQUEST_H

#include <httpd.h>
#include <jansson.h>

#include "box.h"
#include "util/form.h"

#define SB_ARGS_MAX 6

typedef struct sb_req_t {
    request_rec *r;
    apr_pool_t *pool;
    sb_box_t *box;
    sb_account_t *account;              /* API: whose credentials came */
    const char *user;                   /* API: the name that signed in, or NULL */
    const char *args[SB_ARGS_MAX];      /* what stands for :name in the route's pattern */
    twc_str_t body;
    const twc_form_t *form;             /* of a form body; else empty */
    const twc_form_t *query;
    /* the answer */
    int status;
    const char *type;                   /* content type */
    const char *out;                    /* body, out_len bytes */
    apr_size_t out_len;
    const char *sid;                    /* for the journal: the message it was about */
    const char *note;                   /* for the journal: the fault that was injected */
} sb_req_t;

typedef void (*sb_handler_t)(sb_req_t *q);

typedef struct sb_route_t {
    int method;                         /* M_GET, M_POST, M_PUT, M_DELETE */
    const char *pattern;                /* "/Accounts/:account/Messages"; a final ".json" in requests is cut */
    sb_handler_t run;
} sb_route_t;

/** Set up q; reads query and, up to body_max bytes, the body. @return 0, or 400, 413 */
int sb_req_read(sb_req_t *q, request_rec *r, sb_box_t *box, apr_size_t body_max);

/**
 * The row for path and method; fills q->args.
 * @param allowed  out: the path is known with another method
 */
const sb_route_t *sb_route_find(sb_req_t *q, const sb_route_t *routes, const char *path, bool *allowed);

/** First value of a form or query field as clean text, NULL when absent. */
const char *sb_req_field(const sb_req_t *q, const char *name);
const char *sb_req_query(const sb_req_t *q, const char *name);

/** A number from the query within bounds; otherwise when absent or out of them. */
apr_int64_t sb_req_number(const sb_req_t *q, const char *name, apr_int64_t min, apr_int64_t max,
                          apr_int64_t otherwise);

/** Fill in the answer: JSON text that stands in q->pool; a json_t, which is released; nothing. */
void sb_reply_text(sb_req_t *q, int status, const char *json);
void sb_reply_json(sb_req_t *q, int status, json_t *object);
void sb_reply_empty(sb_req_t *q, int status);
void sb_reply_bytes(sb_req_t *q, const char *type, const char *data, apr_size_t len);

/** Twilio's error object; message NULL: the usual words of the code. */
void sb_reply_error(sb_req_t *q, int status, int code, const char *message);

/** Send what was filled in. @return for httpd */
int sb_req_send(sb_req_t *q);

/** End the connection with a TCP reset; nothing is sent. @return for httpd */
int sb_req_reset(sb_req_t *q);

/** Wait; ends early when the child stops. */
void sb_req_pause(sb_req_t *q, int ms);

#endif
