/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * reply.c - writing answers.
 * Must never let httpd put its own error page in place of ours, nor tell internals.
 * Called by the router and the endpoints.
 */
#include <httpd.h>
#include <apr_lib.h>
#include <http_core.h>
#include <http_protocol.h>

#include "glue/fields.h"
#include "glue/module.h"
#include "glue/reply.h"
#include "page/problem.h"
#include "util/text.h"

#define RETRY_AFTER "2"

void twc_reply_header(twc_req_t *q, const char *name, const char *value)
{
    apr_table_set(q->r->err_headers_out, name, value);
}

void twc_reply_retry_after(request_rec *r, apr_interval_time_t wait)
{
    apr_table_setn(r->err_headers_out, "Retry-After", apr_psprintf(r->pool, "%" APR_TIME_T_FMT, apr_time_sec(wait) + 1));
}

/* mod_mime may have read an encoding or a language out of a number that looks like a file name. */
static void forget_file_name(request_rec *r)
{
    r->content_encoding = NULL;
    r->content_languages = NULL;
}

apr_status_t twc_reply(twc_req_t *q, int status, const char *type, const char *data, apr_size_t len)
{
    request_rec *r = q->r;

    q->replied = true;
    forget_file_name(r);
    r->status = status;
    r->status_line = NULL;
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    if (!apr_table_get(r->headers_out, "Cache-Control"))
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    if (len && !r->header_only)
        (void)ap_rwrite(data, (int)len, r);     /* a client that left is no failure of ours */
    return APR_SUCCESS;
}

apr_status_t twc_reply_json(twc_req_t *q, int status, const char *json)
{
    return twc_reply(q, status, TWC_TYPE_JSON, json, strlen(json));
}

static apr_status_t release(void *text)
{
    free(text);
    return APR_SUCCESS;
}

apr_status_t twc_reply_object(twc_req_t *q, int status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return twc_problem(q->ctx, APR_ENOMEM, "no_memory", "The answer could not be made.");
    apr_pool_cleanup_register(q->r->pool, text, release, apr_pool_cleanup_null);
    return twc_reply_json(q, status, text);
}

apr_status_t twc_reply_text(twc_req_t *q, int status, const char *text)
{
    return twc_reply(q, status, TWC_TYPE_TEXT, text, strlen(text));
}

const char *twc_reply_reason(int status)
{
    const char *line = ap_get_status_line(status);

    return strlen(line) > 4 ? line + 4 : "Error";
}

int twc_reply_status_of(apr_status_t rv)
{
    if (rv == APR_SUCCESS)
        return HTTP_OK;
    if (APR_STATUS_IS_ENOENT(rv))
        return HTTP_NOT_FOUND;
    if (APR_STATUS_IS_EEXIST(rv))
        return HTTP_CONFLICT;
    if (APR_STATUS_IS_EACCES(rv))
        return HTTP_FORBIDDEN;
    if (APR_STATUS_IS_EINVAL(rv))
        return HTTP_BAD_REQUEST;
    if (APR_STATUS_IS_EBUSY(rv))
        return HTTP_TOO_MANY_REQUESTS;
    if (APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_TIMEUP(rv))
        return HTTP_SERVICE_UNAVAILABLE;
    return HTTP_INTERNAL_SERVER_ERROR;
}

const char *twc_reply_error_body(apr_pool_t *pool, twc_style_e style, const char *text, const char *code,
                                 int number, const char *field)
{
    const char *words = twc_text_json(pool, text);

    switch (style) {
    case TWC_STYLE_SUCCESS:
        return apr_psprintf(pool, "{\"success\":false,\"error\":%s}", words);
    case TWC_STYLE_DETAIL:
        return apr_psprintf(pool, "{\"detail\":%s}", words);
    case TWC_STYLE_NATIVE:
        return apr_pstrcat(pool, "{\"detail\":", words, ",\"code\":", twc_text_json(pool, code ? code : "error"),
                           field ? ",\"field\":" : "", field ? twc_text_json(pool, field) : "", "}", NULL);
    case TWC_STYLE_SHARED:
        return apr_psprintf(pool, "{\"detail\":%s,\"error\":%s}", words, words);
    default:
        return number ? apr_psprintf(pool, "{\"error\":%s,\"code\":%d}", words, number)
                      : apr_psprintf(pool, "{\"error\":%s}", words);
    }
}

/* "Not Found" -> "not_found": a machine word where the core gave none. */
static const char *code_of(apr_pool_t *pool, int status)
{
    char *code = apr_pstrdup(pool, twc_reply_reason(status));

    for (char *p = code; *p; p++)
        *p = *p == ' ' || *p == '-' ? '_' : (char)apr_tolower(*p);
    return code;
}

apr_status_t twc_reply_error(twc_req_t *q, int status, const char *text)
{
    const twc_problem_t *p = q->ctx->problem;
    const char *code = p->code ? p->code : code_of(q->r->pool, status);

    if (!text)
        text = twc_reply_reason(status);
    if (p->wait > 0)
        twc_reply_retry_after(q->r, p->wait);
    else if (status == HTTP_SERVICE_UNAVAILABLE && !apr_table_get(q->r->err_headers_out, "Retry-After"))
        twc_reply_header(q, "Retry-After", RETRY_AFTER);
    if (twc_page_wanted(q) && twc_page_problem(q, status, code, text))
        return APR_SUCCESS;
    return twc_reply_json(q, status, twc_reply_error_body(q->r->pool, q->match->style, text, code, 0, p->field));
}

static apr_status_t reply_other(twc_req_t *q, apr_status_t rv)
{
    int status = twc_reply_status_of(rv);
    const char *text = q->ctx->problem->detail;

    return twc_reply_error(q, status, text ? text : twc_reply_reason(status));
}

/* Interfaces with this style list what is wrong, and call it 422. */
static apr_status_t reply_invalid(twc_req_t *q)
{
    const twc_problem_t *p = q->ctx->problem;
    bool unreadable = p->code && strncmp(p->code, "json_", 5) == 0;

    if (!q->invalid && unreadable)
        (void)twc_fields_wrong(q, "body", NULL, "json_invalid", strcmp(p->code, "json_invalid") == 0 ? "JSON decode error" : p->detail);
    else if (!q->invalid)
        (void)twc_fields_wrong(q, "body", p->field, "value_error", p->detail ? p->detail : "Value error");
    return twc_reply_object(q, HTTP_UNPROCESSABLE_ENTITY, json_pack("{s:O}", "detail", q->invalid));
}

apr_status_t twc_reply_problem(twc_req_t *q, apr_status_t rv)
{
    if (APR_STATUS_IS_EINVAL(rv) && q->match->style == TWC_STYLE_DETAIL)
        return reply_invalid(q);
    return reply_other(q, rv);
}
