/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sms_store.c - the interface of sms-store (its webhooks are elsewhere).
 * Must never place a call: voice is answered 501.
 * Called by the router.
 */
#include "api/balance.h"
#include "api/remote.h"
#include "api/send.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "store/list.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"

#define NOT_FOUND_TEXT "SMS message not found"

/* ---- account ------------------------------------------------------------------ */

apr_status_t twc_store_status(twc_req_t *q)
{
    const twc_conf_t *conf = q->tenant->conf;
    const char *amount, *currency;

    if (!conf->account_sid)
        return twc_reply_json(q, HTTP_OK,
                              "{\"configured\":false,\"message\":\"Twilio credentials not configured\"}");
    if (twc_balance_get(q, &amount, &currency) != APR_SUCCESS)
        return twc_reply_error(q, HTTP_INTERNAL_SERVER_ERROR, q->ctx->problem->detail);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:b, s:s?, s:s?, s:s?}", "configured", 1, "phoneNumber",
                                                  conf->default_sender, "balance", amount, "currency", currency));
}

/* ---- sending -------------------------------------------------------------------- */

static const char *sent(twc_req_t *q, const twc_msg_t *msg)
{
    apr_pool_t *pool = q->r->pool;
    const char *id = msg->sid ? "" : apr_psprintf(pool, ",\"id\":%s", twc_text_json(pool, msg->uuid));

    return apr_pstrcat(pool, "{\"sid\":", twc_text_json(pool, msg->sid), ",\"status\":",
                       twc_text_json(pool, msg->status), ",\"to\":", twc_text_json(pool, msg->to), ",\"from\":",
                       twc_text_json(pool, msg->from), id, "}", NULL);
}

/* Absent, null and empty are the same to this interface. */
static apr_status_t read_field(twc_req_t *q, const char *name, const char **text)
{
    TWC_TRY(twc_req_text(q, name, text));
    if (*text && twc_text_blank(*text))
        *text = NULL;
    return APR_SUCCESS;
}

apr_status_t twc_store_send_sms(twc_req_t *q)
{
    twc_draft_t draft = { NULL };

    TWC_TRY(read_field(q, "to", &draft.to));
    TWC_TRY(read_field(q, "body", &draft.body));
    if (!draft.to || !draft.body)
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Missing 'to' or 'body' field");
    return twc_send(q, &draft, sent);
}

apr_status_t twc_store_send_mms(twc_req_t *q)
{
    twc_draft_t draft = { NULL };

    TWC_TRY(read_field(q, "to", &draft.to));
    TWC_TRY(read_field(q, "body", &draft.body));
    TWC_TRY(read_field(q, "mediaUrl", &draft.media_urls[0]));
    if (!draft.to || !draft.body || !draft.media_urls[0])
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Missing 'to', 'body', or 'mediaUrl' field");
    draft.num_media = 1;
    return twc_send(q, &draft, sent);
}

/* ---- what Twilio has ---------------------------------------------------------------- */

static json_t *remote_json(apr_pool_t *pool, const twc_remote_msg_t *m)
{
    return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "sid", m->sid, "from", m->from, "to", m->to,
                     "body", m->body, "status", m->status, "direction", m->direction,
                     "dateSent", m->date_sent ? twc_clock_iso_ms(pool, m->date_sent) : NULL);
}

apr_status_t twc_store_remote(twc_req_t *q)
{
    int most = q->tenant->conf->list_max < 1000 ? q->tenant->conf->list_max : 1000;
    twc_remote_filter_t filter = { .limit = twc_req_limit(q, "limit", 20, most) };
    const twc_remote_msg_t **msgs;
    json_t *list;
    int count;
    apr_status_t rv = twc_remote_list(q, &filter, &msgs, &count);

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, HTTP_INTERNAL_SERVER_ERROR);
    list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, remote_json(q->r->pool, msgs[i]));
    return twc_reply_object(q, HTTP_OK, list);
}

apr_status_t twc_store_fetch(twc_req_t *q)
{
    twc_remote_msg_t msg;
    apr_status_t rv = twc_remote_fetch(q, twc_req_param(q, "sid"), &msg);
    json_t *json;

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, APR_STATUS_IS_ENOENT(rv) ? HTTP_NOT_FOUND : HTTP_INTERNAL_SERVER_ERROR);
    json = remote_json(q->r->pool, &msg);
    json_object_set_new(json, "errorCode", msg.has_error ? json_integer(msg.error_code) : json_null());
    json_object_set_new(json, "errorMessage", msg.error_message ? json_string(msg.error_message) : json_null());
    return twc_reply_object(q, HTTP_OK, json);
}

/* ---- what is stored ------------------------------------------------------------------- */

static int processed_filter(const char *text)
{
    if (text && strcmp(text, "true") == 0)
        return 1;
    return text && strcmp(text, "false") == 0 ? 0 : -1;
}

apr_status_t twc_store_stored(twc_req_t *q)
{
    const char *direction = twc_req_query(q, "direction"), *phone = twc_req_query(q, "phoneNumber"), *json;
    twc_stored_filter_t filter = { .processed = processed_filter(twc_req_query(q, "processed")),
                                   .limit = twc_req_limit(q, "limit", 50, q->tenant->conf->list_max) };

    if (direction && (strcmp(direction, "inbound") == 0 || strcmp(direction, "outbound") == 0))
        filter.direction = direction;
    if (phone && !twc_text_blank(phone)) {
        filter.phone = twc_phone_canonical(q->r->pool, phone, true);
        if (!filter.phone)              /* no address at all: it is nobody's */
            filter.phone = phone;
    }
    TWC_TRY(twc_list_stored(q->ctx, &filter, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_store_stored_one(twc_req_t *q)
{
    const char *json;
    apr_status_t rv = twc_list_stored_one(q->ctx, twc_req_param(q, "id"), &json);

    if (APR_STATUS_IS_ENOENT(rv))
        return twc_reply_error(q, HTTP_NOT_FOUND, NOT_FOUND_TEXT);
    return rv == APR_SUCCESS ? twc_reply_json(q, HTTP_OK, json) : rv;
}

apr_status_t twc_store_mark_processed(twc_req_t *q)
{
    const char *chat, *response;
    apr_status_t rv;

    TWC_TRY(read_field(q, "chatId", &chat));
    TWC_TRY(read_field(q, "responseMessageSid", &response));
    rv = twc_msg_mark_processed(q->ctx, twc_req_param(q, "id"), chat, response);
    if (APR_STATUS_IS_ENOENT(rv))
        return twc_reply_error(q, HTTP_NOT_FOUND, NOT_FOUND_TEXT);
    TWC_TRY(rv);
    return twc_reply_json(q, HTTP_OK, "{\"success\":true,\"message\":\"SMS marked as processed\"}");
}

/* ---- voice ------------------------------------------------------------------------------ */

static apr_status_t no_voice(twc_req_t *q)
{
    return twc_reply_error(q, HTTP_NOT_IMPLEMENTED, "Voice is not enabled on this server.");
}

apr_status_t twc_store_call(twc_req_t *q)
{
    const char *to, *message;

    TWC_TRY(read_field(q, "to", &to));
    TWC_TRY(read_field(q, "message", &message));
    if (!to || !message)
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Missing 'to' or 'message' field");
    return no_voice(q);
}

apr_status_t twc_store_calls(twc_req_t *q)
{
    return no_voice(q);
}
