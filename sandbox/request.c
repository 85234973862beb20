/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * request.c - reading requests, finding their route, sending answers.
 * Must never know what a resource means.
 * Called by api.c, control.c and the module's handler.
 */
#include <string.h>
#include <sys/socket.h>

#include <httpd.h>
#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include <apr_atomic.h>
#include <apr_portable.h>

#include "errors.h"
#include "request.h"
#include "util/text.h"

/* ---- reading --------------------------------------------------------------------- */

static int append_bucket(apr_bucket *bucket, char **data, apr_size_t *len, apr_size_t max)
{
    const char *bytes;
    apr_size_t n;

    if (apr_bucket_read(bucket, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
        return HTTP_BAD_REQUEST;
    if (n > max - *len)
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    memcpy(*data + *len, bytes, n);
    *len += n;
    return 0;
}

static int read_brigade(request_rec *r, apr_bucket_brigade *bb, char **data, apr_size_t *len, apr_size_t max,
                        bool *done)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
        int status;
        if (APR_BUCKET_IS_EOS(b)) {
            *done = true;
            return 0;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if ((status = append_bucket(b, data, len, max)))
            return status;
    }
    return 0;
}

/* A declared length is allocated at once, an undeclared one as large as allowed. */
static int read_body(sb_req_t *q, apr_size_t max)
{
    request_rec *r = q->r;
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t length = declared ? apr_atoi64(declared) : (apr_off_t)max;
    apr_bucket_brigade *bb;
    bool done = false;
    char *data;
    apr_size_t len = 0;
    int status = 0;

    if (!declared && !apr_table_get(r->headers_in, "Transfer-Encoding"))
        return 0;
    if (length < 0 || length > (apr_off_t)max)
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    data = apr_palloc(q->pool, length + 1);
    bb = apr_brigade_create(q->pool, r->connection->bucket_alloc);
    while (!done && !status) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);
        if (rv != APR_SUCCESS)
            return ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
        status = read_brigade(r, bb, &data, &len, length, &done);
        apr_brigade_cleanup(bb);
    }
    data[len] = '\0';
    q->body = (twc_str_t){ data, len };
    return status;
}

static bool is_form(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return !type || !strncasecmp(type, "application/x-www-form-urlencoded", 33);
}

int sb_req_read(sb_req_t *q, request_rec *r, sb_box_t *box, apr_size_t body_max)
{
    static const twc_form_t nothing;
    const char *query = r->args ? r->args : "";
    int status;

    *q = (sb_req_t){ .r = r, .pool = r->pool, .box = box, .status = HTTP_OK, .form = &nothing, .query = &nothing,
                     .out = "" };
    if ((status = read_body(q, body_max)))
        return status;
    if (twc_form_parse(q->pool, query, strlen(query), &q->query) != APR_SUCCESS)
        return HTTP_BAD_REQUEST;
    if (q->body.len && is_form(r) && twc_form_parse(q->pool, q->body.data, q->body.len, &q->form) != APR_SUCCESS)
        return HTTP_BAD_REQUEST;
    return 0;
}

const char *sb_req_field(const sb_req_t *q, const char *name)
{
    return twc_form_text(q->pool, q->form, name);
}

const char *sb_req_query(const sb_req_t *q, const char *name)
{
    return twc_form_text(q->pool, q->query, name);
}

apr_int64_t sb_req_number(const sb_req_t *q, const char *name, apr_int64_t min, apr_int64_t max,
                          apr_int64_t otherwise)
{
    const char *text = sb_req_query(q, name);
    apr_int64_t number;
    char *end;

    if (!text || !*text)
        return otherwise;
    number = apr_strtoi64(text, &end, 10);
    return *end || number < min || number > max ? otherwise : number;
}

/* ---- routes ----------------------------------------------------------------------- */

/* Segment by segment; ".json" at the very end of the path is no part of it. */
static bool path_matches(sb_req_t *q, const char *pattern, const char *path, apr_size_t path_len)
{
    const char *end = path + path_len;
    int args = 0;

    memset(q->args, 0, sizeof(q->args));
    while (*pattern == '/' && path < end && *path == '/') {
        apr_size_t want = strcspn(++pattern, "/"), have;
        const char *stop;

        path++;
        stop = memchr(path, '/', end - path);
        have = (stop ? stop : end) - path;
        if (*pattern == ':' && have && args < SB_ARGS_MAX)
            q->args[args++] = apr_pstrmemdup(q->pool, path, have);
        else if (want != have || strncmp(pattern, path, want))
            return false;
        pattern += want;
        path += have;
    }
    return !*pattern && path == end;
}

const sb_route_t *sb_route_find(sb_req_t *q, const sb_route_t *routes, const char *path, bool *allowed)
{
    apr_size_t len = strlen(path);
    int method = q->r->method_number;

    if (len > 5 && !strcmp(path + len - 5, ".json"))
        len -= 5;
    *allowed = false;
    for (const sb_route_t *route = routes; route->pattern; route++) {
        if (!path_matches(q, route->pattern, path, len))
            continue;
        if (route->method == method)
            return route;
        *allowed = true;
    }
    return NULL;
}

/* ---- answers ------------------------------------------------------------------------ */

void sb_reply_text(sb_req_t *q, int status, const char *json)
{
    q->status = status;
    q->type = "application/json";
    q->out = json;
    q->out_len = strlen(json);
}

void sb_reply_json(sb_req_t *q, int status, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(object);
    sb_reply_text(q, status, text ? apr_pstrdup(q->pool, text) : "null");
    free(text);
}

void sb_reply_empty(sb_req_t *q, int status)
{
    q->status = status;
    q->type = NULL;
    q->out = "";
    q->out_len = 0;
}

void sb_reply_bytes(sb_req_t *q, const char *type, const char *data, apr_size_t len)
{
    q->status = HTTP_OK;
    q->type = type;
    q->out = data;
    q->out_len = len;
}

void sb_reply_error(sb_req_t *q, int status, int code, const char *message)
{
    sb_reply_text(q, status, apr_psprintf(q->pool, "{\"code\":%d,\"message\":%s,\"more_info\":"
                                          "\"https://www.twilio.com/docs/errors/%d\",\"status\":%d}", code,
                                          twc_text_json(q->pool, message ? message : sb_error_text(code)),
                                          code, status));
}

int sb_req_send(sb_req_t *q)
{
    request_rec *r = q->r;

    r->status = q->status;
    r->status_line = NULL;
    if (q->type)
        ap_set_content_type(r, q->type);
    if (q->status == HTTP_NO_CONTENT)
        return OK;
    ap_set_content_length(r, (apr_off_t)q->out_len);
    if (!r->header_only && q->out_len)
        ap_rwrite(q->out, (int)q->out_len, r);
    return OK;
}

/* Lingering zero makes the kernel send a reset when httpd closes the socket; marking the
 * connection aborted keeps httpd from writing or waiting before it does. */
int sb_req_reset(sb_req_t *q)
{
    conn_rec *c = q->r->connection;
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    apr_os_sock_t fd;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(c)) == APR_SUCCESS)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    c->aborted = 1;
    c->keepalive = AP_CONN_CLOSE;
    q->r->status = HTTP_OK;
    return OK;
}

void sb_req_pause(sb_req_t *q, int ms)
{
    apr_time_t until = apr_time_now() + apr_time_from_msec(ms);
    apr_interval_time_t left;

    /* In slices, so that a stopping child is not held by a stall of minutes. */
    while ((left = until - apr_time_now()) > 0 && !apr_atomic_read32(&q->box->stopping))
        apr_sleep(left < APR_USEC_PER_SEC / 5 ? left : APR_USEC_PER_SEC / 5);
}
