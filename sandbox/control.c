/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * control.c - the control resource: faults, journals, numbers, reset.
 * Must never be reachable from outside: it asks for no credentials.
 * Called by the module's handler; used by tests and by the page.
 */
#include <string.h>

#include <http_core.h>
#include <http_protocol.h>

#include "control.h"
#include "event.h"
#include "fault.h"
#include "journal.h"
#include "state.h"
#include "store.h"

/* A picture of 16 MB in base64, inside JSON. */
#define BODY_MAX (24u * 1024 * 1024)

const char *sb_control_base(request_rec *r, const sb_box_t *box)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    if (box->conf->url)
        return box->conf->url;
    if (!host || !*host)
        host = apr_psprintf(r->pool, "127.0.0.1:%u", (unsigned)ap_get_server_port(r));
    return apr_pstrcat(r->pool, ap_http_scheme(r), "://", host, NULL);
}

static void refuse(sb_req_t *q, const char *why)
{
    sb_reply_json(q, HTTP_BAD_REQUEST, json_pack("{s:s}", "error", why));
}

/* ---- input: JSON and forms alike ----------------------------------------------------- */

static const char *scalar(apr_pool_t *pool, const json_t *value)
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value))
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    return json_is_real(value) ? apr_psprintf(pool, "%.15g", json_real_value(value)) : NULL;
}

static void push(sb_req_t *q, apr_array_header_t *pairs, const char *name, const json_t *value)
{
    const char *text = scalar(q->pool, value);

    if (!text)
        return;
    name = apr_pstrdup(q->pool, name);
    text = apr_pstrdup(q->pool, text);
    APR_ARRAY_PUSH(pairs, twc_pair_t) = (twc_pair_t){ { name, strlen(name) }, { text, strlen(text) } };
}

/* {"A":"x","B":["y","z"]} as the form A=x&B=y&B=z; what is no text is left out. */
static const twc_form_t *form_of(sb_req_t *q, json_t *object)
{
    apr_array_header_t *pairs = apr_array_make(q->pool, 8, sizeof(twc_pair_t));
    twc_form_t *form = apr_pcalloc(q->pool, sizeof(*form));
    const char *name;
    json_t *value, *item;
    size_t i;

    json_object_foreach(object, name, value) {
        push(q, pairs, name, value);
        json_array_foreach(value, i, item)
            push(q, pairs, name, item);
    }
    form->pairs = (const twc_pair_t *)pairs->elts;
    form->count = pairs->nelts;
    return form;
}

json_t *sb_control_json(sb_req_t *q)
{
    json_t *object;

    if (q->form->count || !q->body.len)
        return NULL;
    object = json_loadb(q->body.data, q->body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    q->form = form_of(q, object);
    return object;
}

/* ---- faults ------------------------------------------------------------------------ */

static void reply_faults(sb_req_t *q)
{
    json_t *json;

    apr_thread_mutex_lock(q->box->lock);
    json = sb_faults_json(q->pool, q->box->faults);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json);
}

static void faults_set(sb_req_t *q)
{
    json_t *object = json_loadb(q->body.data ? q->body.data : "", q->body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *why;

    apr_thread_mutex_lock(q->box->lock);
    why = sb_faults_set(q->pool, q->box->faults, object);
    apr_thread_mutex_unlock(q->box->lock);
    json_decref(object);
    if (why)
        refuse(q, why);
    else
        reply_faults(q);
}

static void faults_clear(sb_req_t *q)
{
    apr_thread_mutex_lock(q->box->lock);
    sb_faults_clear(q->box->faults, q->box->conf);
    apr_thread_mutex_unlock(q->box->lock);
    reply_faults(q);
}

/* ---- journals ------------------------------------------------------------------------ */

static void reply_journal(sb_req_t *q, sb_journal_t *journal, const char *key)
{
    sb_look_t look = { .sid = sb_req_query(q, "sid"), .kind = sb_req_query(q, "kind"),
                       .method = sb_req_query(q, "method"), .path = sb_req_query(q, "path") };

    look.after = (apr_uint64_t)sb_req_number(q, "after", 0, APR_INT64_MAX, 0);
    look.limit = (int)sb_req_number(q, "limit", 1, 100000, 100);
    sb_reply_json(q, HTTP_OK, json_pack("{s:o}", key, sb_journal_json(q->pool, journal, &look)));
}

static void requests(sb_req_t *q)
{
    reply_journal(q, q->box->requests, "requests");
}

static void requests_clear(sb_req_t *q)
{
    sb_journal_clear(q->box->requests);
    sb_reply_empty(q, HTTP_NO_CONTENT);
}

static void webhooks(sb_req_t *q)
{
    reply_journal(q, q->box->webhooks, "webhooks");
}

static void webhooks_clear(sb_req_t *q)
{
    sb_journal_clear(q->box->webhooks);
    sb_reply_empty(q, HTTP_NO_CONTENT);
}

/* ---- everything ------------------------------------------------------------------------ */

/* Handsets of the configuration are there again after a reset. */
static void reset(sb_req_t *q)
{
    sb_box_t *box = q->box;

    apr_thread_mutex_lock(box->lock);
    sb_store_reset(box->store);
    sb_faults_clear(box->faults, box->conf);
    sb_store_pin_handsets(box->store);
    sb_state_rewrite(box);
    apr_thread_mutex_unlock(box->lock);
    sb_journal_clear(box->requests);
    sb_journal_clear(box->webhooks);
    sb_events_push(box->events, SB_EVENT_RESET, "");
    sb_reply_empty(q, HTTP_NO_CONTENT);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static const sb_route_t ROUTES[] = {
    { M_GET, "/faults", reply_faults },
    { M_PUT, "/faults", faults_set },
    { M_POST, "/faults", faults_set },
    { M_DELETE, "/faults", faults_clear },
    { M_GET, "/requests", requests },
    { M_DELETE, "/requests", requests_clear },
    { M_GET, "/webhooks", webhooks },
    { M_DELETE, "/webhooks", webhooks_clear },
    { M_POST, "/inbound", sb_control_inbound },
    { M_GET, "/handsets", sb_control_handsets },
    { M_POST, "/handsets", sb_control_handset_add },
    { M_GET, "/handsets/:number/messages", sb_control_messages },
    { M_POST, "/handsets/:number/read", sb_control_read },
    { M_GET, "/numbers", sb_control_numbers },
    { M_POST, "/numbers", sb_control_number_set },
    { M_GET, "/events", sb_control_events },
    { M_GET, "/media/:sid", sb_control_media },
    { M_POST, "/reset", reset },
    { 0 }
};

/* A page somewhere on the net must not text through a sandbox on the reader's machine. */
static bool foreign_origin(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin"), *host = apr_table_get(r->headers_in, "Host");
    const char *from = origin ? strstr(origin, "://") : NULL;

    return r->method_number != M_GET && origin && (!from || !host || strcmp(from + 3, host));
}

int sb_control_run(request_rec *r, sb_box_t *box, const char *path)
{
    const sb_route_t *route;
    bool known;
    sb_req_t q;
    int status = sb_req_read(&q, r, box, BODY_MAX);

    if (status)
        sb_reply_json(&q, status, json_pack("{s:s}", "error", "the request could not be read"));
    else if (foreign_origin(r))
        sb_reply_json(&q, HTTP_FORBIDDEN, json_pack("{s:s}", "error", "another site may not do this"));
    else if (!(route = sb_route_find(&q, ROUTES, path, &known)))
        sb_reply_json(&q, known ? HTTP_METHOD_NOT_ALLOWED : HTTP_NOT_FOUND,
                      json_pack("{s:s}", "error", known ? "wrong method" : "no such resource"));
    else
        route->run(&q);
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    return sb_req_send(&q);
}
