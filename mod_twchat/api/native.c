/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * native.c - what our own pages ask for beyond flask-chat's routes; docs/page-api.md is the contract.
 * Must never hand out an attachment in a form a browser would run.
 * Called by the router.
 */
#include <httpd.h>
#include <http_protocol.h>

#include "api/figures.h"
#include "domain/message.h"
#include "glue/idempotency.h"
#include "glue/module.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "store/follow.h"
#include "store/list.h"
#include "store/message.h"
#include "util/phone.h"

/* ---- the site ------------------------------------------------------------------ */

static const char *mode_name(twc_chat_mode_e mode)
{
    return mode == TWC_CHAT_ECHO ? "echo" : mode == TWC_CHAT_KEYWORDS ? "keywords" : "off";
}

apr_status_t twc_native_session(twc_req_t *q)
{
    const twc_conf_t *conf = q->tenant->conf;

    return twc_reply_object(q, HTTP_OK, json_pack(
        "{s:s?, s:s, s:b, s:b, s:s?, s:s, s:s?, s:s?, s:s?, s:s, s:s, s:i}", "user", q->who->name, "role", twc_role_name(q->who->role),
        "account", q->who->kind == TWC_WHO_USER && !q->who->key, "must_enroll", q->who->must_enroll, "csrf", q->who->csrf, "tenant", conf->tenant,
        "default_from", conf->default_sender, "whatsapp_from", conf->whatsapp_sender,
        "messaging_service", conf->messaging_service_sid, "chat_mode", mode_name(conf->chat_mode),
        "version", TWC_VERSION, "max_chars", 1600));
}

apr_status_t twc_native_stats(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_figures_get(q, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

/* ---- lists -------------------------------------------------------------------------- */

static int page_length(twc_req_t *q)
{
    return twc_req_limit(q, "limit", 50, q->tenant->conf->list_max);
}

/* An entry id; anything else begins at the newest. */
static apr_int64_t before_id(twc_req_t *q)
{
    const char *text = twc_req_query(q, "before");
    size_t len = text ? strlen(text) : 0;

    return len && len <= 18 && strspn(text, "0123456789") == len ? apr_atoi64(text) : 0;
}

static apr_status_t read_peer(twc_req_t *q, const char **peer)
{
    *peer = twc_phone_canonical(q->r->pool, twc_req_param(q, "peer"), true);
    return *peer ? APR_SUCCESS : twc_problem(q->ctx, APR_ENOENT, "peer_unknown", "There is no such conversation.");
}

apr_status_t twc_native_entries(twc_req_t *q)
{
    const char *direction = twc_req_query(q, "direction"), *json;

    if (direction && strcmp(direction, "inbound") != 0 && strcmp(direction, "outbound") != 0)
        direction = NULL;
    TWC_TRY(twc_list_entries(q->ctx, direction, before_id(q), page_length(q), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_native_threads(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_list_threads(q->ctx, twc_req_query(q, "search"), twc_req_query(q, "before"), page_length(q), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_native_thread(twc_req_t *q)
{
    const char *peer, *json;

    TWC_TRY(read_peer(q, &peer));
    TWC_TRY(twc_list_thread(q->ctx, peer, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_native_thread_entries(twc_req_t *q)
{
    const char *peer, *json;

    TWC_TRY(read_peer(q, &peer));
    TWC_TRY(twc_list_thread_entries(q->ctx, peer, before_id(q), page_length(q), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_native_stuck(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_follow_stuck(q->ctx, page_length(q), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

/* ---- changes -------------------------------------------------------------------------- */

apr_status_t twc_native_read(twc_req_t *q)
{
    const char *peer;

    TWC_TRY(read_peer(q, &peer));
    TWC_TRY(twc_conv_mark_read(q->ctx, peer));
    return twc_reply_json(q, HTTP_OK, "{\"ok\":true}");
}

static const char *id_json(twc_req_t *q, apr_int64_t id, const char *status)
{
    return apr_psprintf(q->r->pool, "{\"id\":%" APR_INT64_T_FMT ",\"status\":\"%s\"}", id, status);
}

static apr_status_t read_id(twc_req_t *q, apr_int64_t *id)
{
    *id = twc_req_id(q, "id");
    return *id ? APR_SUCCESS : twc_problem(q->ctx, APR_ENOENT, "message_unknown", "There is no such message.");
}

apr_status_t twc_native_cancel(twc_req_t *q)
{
    apr_int64_t id;

    TWC_TRY(read_id(q, &id));
    TWC_TRY(twc_message_cancel(q->ctx, id));
    return twc_reply_json(q, HTTP_OK, id_json(q, id, "canceled"));
}

typedef struct retry_t {
    apr_int64_t id;
    twc_queued_t queued;
} retry_t;

static apr_status_t retry(twc_ctx_t *ctx, void *baton, apr_int64_t *message_id)
{
    retry_t *job = baton;

    TWC_TRY(twc_message_retry(ctx, job->id, &job->queued));
    *message_id = job->queued.id;
    return APR_SUCCESS;
}

apr_status_t twc_native_retry(twc_req_t *q)
{
    twc_once_t once;
    retry_t job = { .queued = { .status = "queued" } };
    const char *json;

    TWC_TRY(read_id(q, &job.id));
    TWC_TRY(twc_once_run(q, &once, retry, &job));
    if (once.answered)
        return APR_SUCCESS;
    json = id_json(q, once.message_id, job.queued.status);
    twc_once_finish(q, &once, HTTP_OK, json);
    return twc_reply_json(q, HTTP_OK, json);
}

/* ---- attachments ------------------------------------------------------------------------ */

/* What a browser shows without running anything; SVG and HTML are documents with code. */
static bool shown_inline(const char *type)
{
    return strcmp(type, "application/pdf") == 0 || strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0
        || (strncmp(type, "image/", 6) == 0 && strncmp(type, "image/svg", 9) != 0);
}

/* The type came from outside: one token, a slash, one token, or it is just bytes. */
static const char *safe_type(const char *type)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+";
    size_t head = type ? strspn(type, token) : 0;

    if (!head || type[head] != '/' || !type[head + 1] || type[head + 1 + strspn(type + head + 1, token)] != '\0')
        return "application/octet-stream";
    return type;
}

/* One brigade that ends in EOS, so that httpd can cut ranges out of it. */
static apr_status_t send_bytes(twc_req_t *q, const char *type, twc_str_t bytes)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    q->replied = true;
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)bytes.len);
    if (bytes.len)
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(bytes.data, bytes.len, r->pool,
                                                           r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    (void)ap_pass_brigade(r->output_filters, bb);   /* a client that left is no failure of ours */
    return APR_SUCCESS;
}

apr_status_t twc_native_media(twc_req_t *q)
{
    const char *index = twc_req_param(q, "index"), *type;
    twc_media_t media;
    apr_int64_t id;

    TWC_TRY(read_id(q, &id));
    if (strlen(index) != 1 || !strchr("0123456789", *index))
        return twc_problem(q->ctx, APR_ENOENT, "media_unknown", "There is no such attachment.");
    TWC_TRY(twc_msg_media(q->ctx, id, *index - '0', &media));
    if (strcmp(media.state, "stored") != 0)
        return twc_problem(q->ctx, APR_ENOENT, "media_not_stored", "The attachment is not here: %s.",
                           media.reason ? media.reason : media.state);
    type = safe_type(media.content_type);
    apr_table_setn(q->r->headers_out, "Content-Disposition", shown_inline(type) ? "inline" : "attachment");
    apr_table_setn(q->r->headers_out, "Content-Security-Policy", strcmp(type, "application/pdf") == 0
                   ? "default-src 'self'; object-src 'self'" : "default-src 'none'; sandbox");
    apr_table_setn(q->r->headers_out, "Cache-Control", "private, max-age=86400, immutable");
    twc_reply_header(q, "X-Content-Type-Options", "nosniff");
    return send_bytes(q, type, media.bytes);
}
