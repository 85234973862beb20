/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * flask_chat.c - the JSON interface of flask-chat (its webhooks and pages are elsewhere).
 * Must never ask Twilio in a list route: what Twilio knows arrives in the background.
 * Called by the router.
 */
#include "api/remote.h"
#include "api/send.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "store/list.h"
#include "store/setting.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"

#define AUTO_REPLY_MAX_CHARS 640

/* ---- sending ------------------------------------------------------------------ */

/* {"sid","status"} as ever; our id where there is no SID yet, and for our own pages. */
static const char *sent(twc_req_t *q, const twc_msg_t *msg)
{
    apr_pool_t *pool = q->r->pool;
    const char *id = !msg->sid || twc_send_from_page(q) ? apr_psprintf(pool, ",\"id\":%" APR_INT64_T_FMT, msg->id) : "";

    return apr_pstrcat(pool, "{\"sid\":", twc_text_json(pool, msg->sid), ",\"status\":",
                       twc_text_json(pool, msg->status), id, "}", NULL);
}

/* A string, or an array of strings; one beyond the limit is kept so that the core can say "too many". */
static apr_status_t read_media(twc_req_t *q, twc_draft_t *draft)
{
    json_t *given = json_object_get(q->json, "media_urls"), *one;
    size_t i;

    if (!given || json_is_null(given))
        return APR_SUCCESS;
    if (json_is_string(given)) {
        TWC_TRY(twc_req_text(q, "media_urls", &draft->media_urls[0]));
        draft->num_media = !twc_text_blank(draft->media_urls[0]);
        return APR_SUCCESS;
    }
    if (!json_is_array(given))
        return twc_problem_field(q->ctx, "media_urls", "type_invalid",
                                 "Field 'media_urls' must be a string or an array of strings.");
    json_array_foreach(given, i, one) {
        if (!json_is_string(one))
            return twc_problem_field(q->ctx, "media_urls", "type_invalid",
                                     "Field 'media_urls' must be a string or an array of strings.");
        if (draft->num_media == TWC_MEDIA_MAX)
            return twc_problem_field(q->ctx, "media_urls", "media_too_many",
                                     "A message takes at most %d media.", TWC_MEDIA_MAX);
        draft->media_urls[draft->num_media++] =
            twc_text_clean(q->r->pool, apr_pstrmemdup(q->r->pool, json_string_value(one), json_string_length(one)),
                           json_string_length(one));
    }
    return APR_SUCCESS;
}

/* An object, or the text of one; one without variables is as if it were not there. */
static apr_status_t read_variables(twc_req_t *q, twc_draft_t *draft)
{
    json_t *given = json_object_get(q->json, "content_variables");
    char *text;

    if (json_is_array(given) || json_is_boolean(given))
        return twc_problem_field(q->ctx, "content_variables", "type_invalid",
                                 "Field 'content_variables' must be an object, or a string that holds one.");
    if (!json_is_object(given)) {
        TWC_TRY(twc_req_text(q, "content_variables", &draft->content_variables));
        if (draft->content_variables && twc_text_blank(draft->content_variables))
            draft->content_variables = NULL;
        return APR_SUCCESS;
    }
    if (json_object_size(given) == 0)
        return APR_SUCCESS;
    text = json_dumps(given, JSON_COMPACT);
    draft->content_variables = text ? apr_pstrdup(q->r->pool, text) : NULL;
    free(text);
    return APR_SUCCESS;
}

static apr_status_t read_service(twc_req_t *q, twc_draft_t *draft)
{
    json_t *use = json_object_get(q->json, "use_messaging_service");

    TWC_TRY(twc_req_text(q, "messaging_service_sid", &draft->service_sid));
    if (draft->service_sid && twc_text_blank(draft->service_sid))
        draft->service_sid = NULL;
    if (use && !json_is_null(use) && !json_is_boolean(use))
        return twc_problem_field(q->ctx, "use_messaging_service", "type_invalid",
                                 "Field 'use_messaging_service' must be true or false.");
    draft->no_service = json_is_false(use);
    return APR_SUCCESS;
}

/* What our own pages add: another sender, a later time. */
static apr_status_t read_extras(twc_req_t *q, twc_draft_t *draft)
{
    const char *when;

    TWC_TRY(twc_req_text(q, "from", &draft->from));
    if (draft->from && twc_text_blank(draft->from))
        draft->from = NULL;
    TWC_TRY(twc_req_text(q, "send_at", &when));
    if (when && *when && twc_clock_parse_iso(when, &draft->send_at, NULL) != APR_SUCCESS)
        return twc_problem_field(q->ctx, "send_at", "send_at_invalid",
                                 "Field 'send_at' must be a time like 2025-01-31T09:00:00Z.");
    return APR_SUCCESS;
}

static apr_status_t read_draft(twc_req_t *q, twc_draft_t *draft)
{
    TWC_TRY(twc_req_text(q, "to", &draft->to));
    if (!draft->to || twc_text_blank(draft->to))
        return twc_problem_field(q->ctx, "to", "to_missing", "Field 'to' is required.");
    TWC_TRY(twc_req_text(q, "body", &draft->body));
    if (draft->body && twc_text_blank(draft->body))
        draft->body = NULL;
    TWC_TRY(twc_req_text(q, "content_sid", &draft->content_sid));
    if (draft->content_sid && twc_text_blank(draft->content_sid))
        draft->content_sid = NULL;
    TWC_TRY(read_media(q, draft));
    if (!draft->body && !draft->content_sid && !draft->num_media)
        return twc_problem(q->ctx, APR_EINVAL, "content_missing",
                           "Provide at least one of: 'body', 'content_sid', or 'media_urls'.");
    TWC_TRY(read_variables(q, draft));
    TWC_TRY(read_service(q, draft));
    return read_extras(q, draft);
}

apr_status_t twc_flask_send(twc_req_t *q)
{
    twc_draft_t draft = { NULL };

    TWC_TRY(read_draft(q, &draft));
    return twc_send(q, &draft, sent);
}

/* ---- what is stored ------------------------------------------------------------- */

apr_status_t twc_flask_messages(twc_req_t *q)
{
    const char *direction = twc_req_query(q, "direction"), *json;

    if (direction && strcmp(direction, "inbound") != 0 && strcmp(direction, "outbound") != 0)
        direction = NULL;
    TWC_TRY(twc_list_flask_messages(q->ctx, direction, twc_req_limit(q, "limit", 50, 500), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_flask_conversations(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_list_flask_conversations(q->ctx, twc_req_limit(q, "limit", 30, 200), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_flask_thread(twc_req_t *q)
{
    const char *participant = twc_req_param(q, "participant"), *peer, *json;

    if (twc_text_blank(participant))
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Participant is required.");
    peer = twc_phone_canonical(q->r->pool, participant, true);
    TWC_TRY(twc_list_flask_thread(q->ctx, peer ? peer : participant, participant,
                                  twc_req_limit(q, "limit", 200, 500), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_flask_stats(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_list_flask_stats(q->ctx, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

/* ---- what Twilio has --------------------------------------------------------------- */

static json_t *time_json(apr_pool_t *pool, apr_time_t t)
{
    return t ? json_string(twc_clock_iso(pool, t)) : json_null();
}

static json_t *remote_json(apr_pool_t *pool, const twc_remote_msg_t *m)
{
    json_t *json = json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}",
                             "sid", m->sid, "status", m->status, "direction", m->direction, "from", m->from,
                             "to", m->to, "body", m->body, "num_media", m->num_media,
                             "num_segments", m->num_segments, "error_message", m->error_message,
                             "messaging_service_sid", m->service_sid, "price", m->price, "price_unit", m->price_unit);

    json_object_set_new(json, "error_code", m->has_error ? json_integer(m->error_code) : json_null());
    json_object_set_new(json, "date_created", time_json(pool, m->date_created));
    json_object_set_new(json, "date_updated", time_json(pool, m->date_updated));
    json_object_set_new(json, "date_sent", time_json(pool, m->date_sent));
    return json;
}

static const char *address_filter(twc_req_t *q, const char *name)
{
    const char *text = twc_req_query(q, name), *address;

    if (!text || twc_text_blank(text))
        return NULL;
    address = twc_phone_canonical(q->r->pool, text, true);
    return address ? address : text;    /* no address at all: Twilio has nothing of it */
}

/* Unreadable times are as if they were not there. */
static apr_time_t time_filter(twc_req_t *q, const char *name)
{
    const char *text = twc_req_query(q, name);
    apr_time_t t = 0;

    return text && twc_clock_parse_iso(twc_text_trim(q->r->pool, text), &t, NULL) == APR_SUCCESS ? t : 0;
}

apr_status_t twc_flask_remote(twc_req_t *q)
{
    twc_remote_filter_t filter = {
        .to = address_filter(q, "to"), .from = address_filter(q, "from"), .sent_on = time_filter(q, "date_sent"),
        .sent_before = time_filter(q, "date_sent_before"), .sent_after = time_filter(q, "date_sent_after"),
        .limit = twc_req_limit(q, "limit", 20, 100) };
    const twc_remote_msg_t **msgs;
    json_t *items;
    int count;
    apr_status_t rv = twc_remote_list(q, &filter, &msgs, &count);

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, HTTP_INTERNAL_SERVER_ERROR);
    items = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(items, remote_json(q->r->pool, msgs[i]));
    return twc_reply_object(q, HTTP_OK, json_pack("{s:o, s:i}", "items", items, "count", count));
}

apr_status_t twc_flask_fetch(twc_req_t *q)
{
    twc_remote_msg_t msg;
    apr_status_t rv = twc_remote_fetch(q, twc_req_param(q, "sid"), &msg);

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, HTTP_NOT_FOUND);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:o}", "item", remote_json(q->r->pool, &msg)));
}

apr_status_t twc_flask_redact(twc_req_t *q)
{
    const char *sid = twc_req_param(q, "sid"), *status;
    apr_status_t rv = twc_remote_redact(q, sid, &status);

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, HTTP_BAD_REQUEST);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:s, s:s, s:s?}", "sid", sid, "body", "", "status", status));
}

apr_status_t twc_flask_delete(twc_req_t *q)
{
    const char *sid = twc_req_param(q, "sid");
    apr_status_t rv = twc_remote_delete(q, sid);

    if (rv != APR_SUCCESS)
        return twc_remote_failed(q, rv, HTTP_BAD_REQUEST);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:s, s:b}", "sid", sid, "deleted", 1));
}

/* ---- automatic reply ------------------------------------------------------------------ */

static apr_status_t answer_auto_reply(twc_req_t *q, bool enabled, const char *message)
{
    return twc_reply_object(q, HTTP_OK, json_pack("{s:b, s:s}", "enabled", enabled, "message", message));
}

apr_status_t twc_flask_auto_reply_get(twc_req_t *q)
{
    const char *message;
    bool enabled;

    TWC_TRY(twc_autoreply_get(q->ctx, &enabled, &message));
    return answer_auto_reply(q, enabled, message);
}

static apr_status_t read_auto_reply(twc_req_t *q, bool *enabled, const char **message)
{
    json_t *flag = json_object_get(q->json, "enabled");
    const char *text;

    if (flag && !json_is_boolean(flag) && !json_is_integer(flag))
        return twc_problem_field(q->ctx, "enabled", "type_invalid", "Field 'enabled' must be true or false.");
    if (flag)
        *enabled = json_is_true(flag) || json_integer_value(flag) != 0;
    TWC_TRY(twc_req_text(q, "message", &text));
    if (text)
        *message = text;
    if (twc_text_chars(*message) > AUTO_REPLY_MAX_CHARS)
        return twc_problem_field(q->ctx, "message", "too_long", "The message has %" APR_SIZE_T_FMT
                                 " characters; %d are the most.", twc_text_chars(*message), AUTO_REPLY_MAX_CHARS);
    if (*enabled && twc_text_blank(*message))
        return twc_problem_field(q->ctx, "message", "missing", "An automatic reply needs a text.");
    return APR_SUCCESS;
}

/* What is not given stays as it is. */
apr_status_t twc_flask_auto_reply_set(twc_req_t *q)
{
    const char *message;
    bool enabled;

    TWC_TRY(twc_autoreply_get(q->ctx, &enabled, &message));
    TWC_TRY(read_auto_reply(q, &enabled, &message));
    TWC_TRY(twc_autoreply_set(q->ctx, enabled, message));
    return answer_auto_reply(q, enabled, message);
}
