/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * request.c - reading a request: body, JSON, parameters, and the URL it was made to.
 * Must never answer, nor trust a forwarded header that no trusted proxy wrote.
 * Called by the router and the endpoints.
 */
#include <httpd.h>
#include <apr_buckets.h>
#include <http_core.h>
#include <http_protocol.h>

#include "glue/module.h"
#include "glue/request.h"
#include "util/text.h"

/* ---- body ----------------------------------------------------------------- */

/* Length as announced, -1 when it is not (chunked or nothing), -2 when it is nonsense. */
static apr_off_t announced(request_rec *r)
{
    const char *given = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t len;

    if (!given)
        return -1;
    return ap_parse_strict_length(&len, given) ? len : -2;
}

typedef struct buffer_t {
    char *data;
    apr_size_t len, room;
} buffer_t;

static void append(apr_pool_t *pool, buffer_t *buf, const char *data, apr_size_t len)
{
    if (len > buf->room - buf->len) {
        apr_size_t room = buf->room * 2 > buf->len + len ? buf->room * 2 : buf->len + len;
        char *larger = apr_palloc(pool, room);
        memcpy(larger, buf->data, buf->len);
        buf->data = larger;
        buf->room = room;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

static int collect(twc_req_t *q, apr_bucket_brigade *bb, apr_size_t max, buffer_t *buf, bool *eos)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_EOS(b)) {
            *eos = true;
            return OK;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &data, &len, APR_BLOCK_READ) != APR_SUCCESS)
            return HTTP_BAD_REQUEST;
        if (len > max - buf->len)
            return HTTP_REQUEST_ENTITY_TOO_LARGE;
        append(q->r->pool, buf, data, len);
    }
    return OK;
}

static int read_all(twc_req_t *q, apr_size_t max, buffer_t *buf)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    bool eos = false;
    int rc = OK;

    while (!eos && rc == OK) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);
        rc = rv == APR_SUCCESS ? collect(q, bb, max, buf, &eos) : ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    return rc;
}

int twc_req_read(twc_req_t *q, apr_size_t max)
{
    apr_off_t len = announced(q->r);
    buffer_t buf;
    int rc;

    q->body = (twc_str_t){ "", 0 };
    if (len == -2)
        return HTTP_BAD_REQUEST;
    if (len > (apr_off_t)max)
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    if (len == 0 || (len < 0 && !apr_table_get(q->r->headers_in, "Transfer-Encoding")))
        return OK;
    buf = (buffer_t){ .room = len > 0 ? (apr_size_t)len : 8192 };
    buf.data = apr_palloc(q->r->pool, buf.room);
    rc = read_all(q, max, &buf);
    if (rc == OK)
        q->body = (twc_str_t){ buf.data, buf.len };
    return rc;
}

/* ---- JSON ------------------------------------------------------------------- */

static apr_status_t release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

apr_status_t twc_req_json(twc_req_t *q)
{
    const char *twice = NULL;
    json_t *json = q->body.len ? twc_json_object(q->r->pool, q->body, &twice) : NULL;

    /* Lenient is what takes a body for {} that is no JSON; one that says two things at once is somebody's mistake. */
    if (!json && !twice && (q->route->body == TWC_BODY_LENIENT || (q->route->body == TWC_BODY_OPTIONAL && !q->body.len)))
        json = json_object();
    if (!json)
        return twc_json_refused(q->ctx, twice);
    apr_pool_cleanup_register(q->r->pool, json, release, apr_pool_cleanup_null);
    q->json = json;
    return APR_SUCCESS;
}

apr_status_t twc_req_text(twc_req_t *q, const char *name, const char **text)
{
    json_t *value = json_object_get(q->json, name);

    *text = NULL;
    if (!value || json_is_null(value))
        return APR_SUCCESS;
    if (json_is_string(value))
        *text = twc_text_clean(q->r->pool, apr_pstrmemdup(q->r->pool, json_string_value(value),
                                                          json_string_length(value)), json_string_length(value));
    else if (json_is_integer(value))
        *text = apr_psprintf(q->r->pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    else if (json_is_real(value))
        *text = apr_psprintf(q->r->pool, "%.15g", json_real_value(value));
    else
        return twc_problem_field(q->ctx, name, "type_invalid", "Field '%s' must be a string.", name);
    return APR_SUCCESS;
}

/* ---- parameters --------------------------------------------------------------- */

const char *twc_req_param(twc_req_t *q, const char *name)
{
    const char *value = twc_match_param(q->match, name);

    return value ? twc_text_clean(q->r->pool, value, strlen(value)) : "";
}

apr_int64_t twc_req_id(twc_req_t *q, const char *name)
{
    const char *text = twc_req_param(q, name);
    size_t len = strlen(text);

    return len && len <= 18 && strspn(text, "0123456789") == len ? apr_atoi64(text) : 0;
}

const char *twc_req_query(twc_req_t *q, const char *name)
{
    return twc_form_text(q->r->pool, q->query, name);
}

int twc_req_limit(twc_req_t *q, const char *name, int def, int max)
{
    const char *text = twc_req_query(q, name);
    apr_int64_t value;
    char *end;

    if (!text)
        return def < max ? def : max;
    errno = 0;
    value = apr_strtoi64(text, &end, 10);
    while (*end == ' ')
        end++;
    if (end == text || *end)
        return def < max ? def : max;
    return value < 1 ? 1 : value > max ? max : (int)value;
}

const char *twc_req_header(twc_req_t *q, const char *name)
{
    return apr_table_get(q->r->headers_in, name);
}

/* ---- URL ------------------------------------------------------------------------- */

static bool from_trusted_proxy(const twc_req_t *q)
{
    const apr_array_header_t *proxies = q->tenant->server_conf->proxies;

    for (int i = 0; i < proxies->nelts; i++)
        if (apr_ipsubnet_test(APR_ARRAY_IDX(proxies, i, apr_ipsubnet_t *), q->r->connection->client_addr))
            return true;
    return false;
}

/* Of "a, b" the first: what the outermost proxy saw. NULL when it could not stand in a URL. */
static const char *forwarded(twc_req_t *q, const char *name)
{
    const char *value = twc_req_header(q, name);
    const char *first = value ? ap_get_token(q->r->pool, &value, 1) : NULL;

    return first && *first && strspn(first, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")
        == strlen(first) ? first : NULL;
}

static bool has_port(const char *host)
{
    const char *colon = strrchr(host, ':');

    return colon && !strchr(colon, ']') && (*host == '[' || strchr(host, ':') == colon);
}

static const char *derived_base(twc_req_t *q)
{
    const char *scheme = ap_http_scheme(q->r), *host = twc_req_header(q, "Host"), *port = NULL, *given;

    if (from_trusted_proxy(q)) {
        if ((given = forwarded(q, "X-Forwarded-Proto")))
            scheme = given;
        if ((given = forwarded(q, "X-Forwarded-Host")))
            host = given;
        port = forwarded(q, "X-Forwarded-Port");
    }
    if (!host || !*host)
        host = ap_get_server_name_for_url(q->r);
    if (port && !has_port(host) && strcmp(port, strcmp(scheme, "https") == 0 ? "443" : "80") != 0)
        return apr_pstrcat(q->r->pool, scheme, "://", host, ":", port, NULL);
    return apr_pstrcat(q->r->pool, scheme, "://", host, NULL);
}

const char *twc_req_base(twc_req_t *q)
{
    return q->tenant->conf->public_url ? q->tenant->conf->public_url : derived_base(q);
}

const char *twc_req_url(twc_req_t *q)
{
    const char *target = q->r->unparsed_uri;

    if (*target != '/') {               /* absolute form, as for a proxy */
        const char *host = strstr(target, "://");
        target = host ? strchr(host + 3, '/') : NULL;
        if (!target)
            target = "/";
    }
    return apr_pstrcat(q->r->pool, twc_req_base(q), target, NULL);
}
