/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api_media.c - the Media subresource: what hangs on a message, and its bytes.
 * Must never hand out bytes of another account's message.
 * Called by the dispatcher in api.c.
 */
#include <string.h>

#include <http_core.h>

#include "api.h"
#include "control.h"
#include "fault.h"
#include "state.h"
#include "util/clock.h"

static json_t *media_json(apr_pool_t *pool, const sb_msg_t *msg, const sb_media_t *media)
{
    const char *date = twc_clock_rfc2822(pool, media->created);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "sid", media->sid, "account_sid", msg->account->sid,
                     "parent_sid", msg->sid, "content_type", media->type, "date_created", date,
                     "date_updated", date, "uri",
                     apr_psprintf(pool, "/2010-04-01/Accounts/%s/Messages/%s/Media/%s.json", msg->account->sid,
                                  msg->sid, media->sid));
}

/* DateCreated, DateCreated<, DateCreated>, as with messages. */
static bool in_range(sb_req_t *q, const sb_media_t *media)
{
    const char *on = sb_req_query(q, "DateCreated"), *before = sb_req_query(q, "DateCreated<");
    const char *after = sb_req_query(q, "DateCreated>");
    const apr_time_t day = apr_time_from_sec(86400);
    apr_time_t t;

    if (on && twc_clock_parse_iso(on, &t, NULL) == APR_SUCCESS && media->created / day != t / day)
        return false;
    if (before && twc_clock_parse_iso(before, &t, NULL) == APR_SUCCESS && media->created > t)
        return false;
    return !after || twc_clock_parse_iso(after, &t, NULL) != APR_SUCCESS || media->created >= t;
}

void sb_api_media_list(sb_req_t *q)
{
    const sb_msg_t *msg;
    const char *uri = apr_psprintf(q->pool, "/2010-04-01/Accounts/%s/Messages/%s/Media.json", q->account->sid,
                                   q->args[1]);
    const char *first = apr_pstrcat(q->pool, uri, "?PageSize=50&Page=0", NULL);
    json_t *list = json_array();

    q->sid = q->args[1];
    apr_thread_mutex_lock(q->box->lock);
    msg = sb_msg_find(q->box->store, q->account, q->args[1]);
    for (int i = 0; msg && i < msg->num_media; i++)
        if (!msg->media[i].deleted && in_range(q, &msg->media[i]))
            json_array_append_new(list, media_json(q->pool, msg, &msg->media[i]));
    apr_thread_mutex_unlock(q->box->lock);
    if (!msg) {
        json_decref(list);
        sb_reply_empty(q, HTTP_NOT_FOUND);
        return;
    }
    sb_reply_json(q, HTTP_OK, json_pack("{s:o, s:s, s:s, s:n, s:n, s:i, s:i, s:i, s:i}", "media_list", list,
                                        "uri", uri, "first_page_uri", first, "next_page_uri", "previous_page_uri",
                                        "page", 0, "page_size", 50, "start", 0,
                                        "end", json_array_size(list) ? (int)json_array_size(list) - 1 : 0));
}

/* The attachment of the path with box->lock held; else NULL, unlocked, 404 filled in. */
static sb_media_t *lock_media(sb_req_t *q, sb_msg_t **msg)
{
    sb_media_t *media;

    q->sid = q->args[1];
    apr_thread_mutex_lock(q->box->lock);
    media = sb_media_find(q->box->store, q->args[2], msg);
    if (media && (*msg)->account == q->account && !strcmp((*msg)->sid, q->args[1]))
        return media;
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_empty(q, HTTP_NOT_FOUND);
    return NULL;
}

static bool wants_metadata(const sb_req_t *q)
{
    const char *uri = q->r->uri;
    apr_size_t len = strlen(uri);

    return len > 5 && !strcmp(uri + len - 5, ".json");
}

/* As Twilio sends people on to its file servers. */
static void redirect(sb_req_t *q, const char *sid)
{
    apr_table_setn(q->r->err_headers_out, "Location",
                   apr_pstrcat(q->pool, sb_control_base(q->r, q->box), "/sandbox/media/", sid, NULL));
    sb_reply_empty(q, HTTP_TEMPORARY_REDIRECT);
}

static void reply_bytes(sb_req_t *q, const sb_media_t *media)
{
    sb_faults_t *faults = q->box->faults;

    if (!media->bytes || sb_fault_draw(faults, SB_FAULT_MEDIA_404))
        sb_reply_empty(q, HTTP_NOT_FOUND);
    else if (faults->media_redirect)
        redirect(q, q->args[2]);
    else
        sb_reply_bytes(q, apr_pstrdup(q->pool, media->type), apr_pmemdup(q->pool, media->bytes, media->len),
                       media->len);
}

void sb_api_media_fetch(sb_req_t *q)
{
    sb_msg_t *msg;
    const sb_media_t *media = lock_media(q, &msg);
    json_t *json = NULL;

    if (!media)
        return;
    if (wants_metadata(q))
        json = media_json(q->pool, msg, media);
    else
        reply_bytes(q, media);
    apr_thread_mutex_unlock(q->box->lock);
    if (json)
        sb_reply_json(q, HTTP_OK, json);
}

void sb_api_media_delete(sb_req_t *q)
{
    sb_msg_t *msg;
    sb_media_t *media = lock_media(q, &msg);

    if (!media)
        return;
    media->deleted = true;
    sb_state_media_delete(q->box->state, media->sid);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_empty(q, HTTP_NO_CONTENT);
}
