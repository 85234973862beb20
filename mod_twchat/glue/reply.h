/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * reply.h - answering: whole bodies with their length, errors in the words of each interface.
 * Nothing answered is kept by caches unless the endpoint says so.
 */
#ifndef TWC_GLUE_REPLY_H
#define TWC_GLUE_REPLY_H

#include "glue/request.h"

#define TWC_TYPE_JSON "application/json"
#define TWC_TYPE_XML  "application/xml"
#define TWC_TYPE_TEXT "text/plain; charset=utf-8"

/** What a browser may load for a page of ours: nothing from elsewhere, no inline code. */
#define TWC_CSP "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

/** Answer with these bytes. Every other reply ends here. Returns APR_SUCCESS. */
apr_status_t twc_reply(twc_req_t *q, int status, const char *type, const char *data, apr_size_t len);

/** JSON text, built here or by PostgreSQL. */
apr_status_t twc_reply_json(twc_req_t *q, int status, const char *json);

/** A jansson value, released here. */
apr_status_t twc_reply_object(twc_req_t *q, int status, json_t *json);

apr_status_t twc_reply_text(twc_req_t *q, int status, const char *text);

/** An error in the style of the route's interface, in the words of ctx->problem where that has any; a page where a person wanted one. */
apr_status_t twc_reply_error(twc_req_t *q, int status, const char *text);

/** ctx->problem as an answer: status by kind, 503 and 429 with Retry-After. */
apr_status_t twc_reply_problem(twc_req_t *q, apr_status_t rv);

/** HTTP status for a failure of the core. */
int twc_reply_status_of(apr_status_t rv);

/** Words for an HTTP status: "Not Found". */
const char *twc_reply_reason(int status);

/**
 * The body of an error, as JSON.
 * @param code   machine word, may be NULL; number: Twilio's, or 0; field: may be NULL
 */
const char *twc_reply_error_body(apr_pool_t *pool, twc_style_e style, const char *text, const char *code,
                                 int number, const char *field);

/** Say when it makes sense to come again. */
void twc_reply_retry_after(request_rec *r, apr_interval_time_t wait);

/** Name and value added also to errors. */
void twc_reply_header(twc_req_t *q, const char *name, const char *value);

#endif
