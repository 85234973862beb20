/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api_message.c - the Messages resource: create, list, fetch, redact, cancel, delete.
 * Must never answer while box->lock is held.
 * Called by the dispatcher in api.c.
 */
#include <string.h>

#include "api.h"
#include "create.h"
#include "errors.h"
#include "event.h"
#include "state.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"
#include "walk.h"

#define PAGE_MAX 1000
#define PAGE_DEFAULT 50
#define DAY apr_time_from_sec(86400)

/* ---- a message as JSON --------------------------------------------------------------- */

static const char *quoted_time(apr_pool_t *pool, apr_time_t t)
{
    return t ? apr_pstrcat(pool, "\"", twc_clock_rfc2822(pool, t), "\"", NULL) : "null";
}

static const char *error_fields(apr_pool_t *pool, int code)
{
    if (!code)
        return "\"error_code\":null,\"error_message\":null";
    return apr_psprintf(pool, "\"error_code\":%d,\"error_message\":%s", code,
                        twc_text_json(pool, sb_error_text(code)));
}

/* Written by hand: it is the hot path of every benchmark, and a tree of 25 nodes costs ten times as much. */
const char *sb_msg_json(apr_pool_t *pool, const sb_msg_t *msg)
{
    const char *uri = apr_pstrcat(pool, "/2010-04-01/Accounts/", msg->account->sid, "/Messages/", msg->sid, NULL);
    bool undecided = !msg->from;

    return apr_pstrcat(pool,
        "{\"sid\":\"", msg->sid, "\",\"account_sid\":\"", msg->account->sid, "\",\"api_version\":\"2010-04-01\""
        ",\"body\":", twc_text_json(pool, msg->body),
        ",\"from\":", undecided ? "null" : twc_text_json(pool, msg->from->addr),
        ",\"to\":", twc_text_json(pool, msg->to->addr),
        ",\"direction\":\"", sb_direction_name(msg->direction), "\",\"status\":\"", sb_status_name(msg->status),
        "\",\"num_segments\":\"", undecided ? "0" : apr_itoa(pool, msg->segments),
        "\",\"num_media\":\"", apr_itoa(pool, msg->num_media),
        "\",\"price\":null,\"price_unit\":\"USD\",", error_fields(pool, msg->error_code),
        ",\"messaging_service_sid\":", msg->service[0] ? twc_text_json(pool, msg->service) : "null",
        ",\"date_created\":", quoted_time(pool, msg->created), ",\"date_updated\":", quoted_time(pool, msg->updated),
        ",\"date_sent\":", quoted_time(pool, msg->sent),
        ",\"subresource_uris\":{\"media\":\"", uri, "/Media.json\",\"feedback\":\"", uri, "/Feedback.json\"}"
        ",\"uri\":\"", uri, ".json\"}", NULL);
}

/* ---- create ---------------------------------------------------------------------------- */

static void refuse(sb_req_t *q, sb_refusal_t refusal)
{
    int status = refusal.code == 21611 ? HTTP_TOO_MANY_REQUESTS : HTTP_BAD_REQUEST;

    sb_reply_error(q, status, refusal.code, refusal.message);
}

void sb_api_message_create(sb_req_t *q)
{
    sb_media_t media[SB_MEDIA_MAX];
    sb_draft_t draft;
    sb_refusal_t refusal = sb_create_read(q, &draft, media);
    const char *json = NULL;

    if (!refusal.code) {
        apr_thread_mutex_lock(q->box->lock);
        refusal = sb_create_check(q->box, &draft);
        if (!refusal.code) {
            const sb_msg_t *msg = sb_walk_launch(q->box, &draft);
            json = sb_msg_json(q->pool, msg);
            q->sid = apr_pstrdup(q->pool, msg->sid);
        }
        apr_thread_mutex_unlock(q->box->lock);
    }
    if (refusal.code)
        refuse(q, refusal);
    else
        sb_reply_text(q, HTTP_CREATED, json);
}

/* ---- one message ------------------------------------------------------------------------- */

/* The message of the path with box->lock held, or NULL without it and 404 filled in. */
static sb_msg_t *lock_message(sb_req_t *q)
{
    sb_msg_t *msg;

    q->sid = q->args[1];
    apr_thread_mutex_lock(q->box->lock);
    msg = sb_msg_find(q->box->store, q->account, q->args[1]);
    if (msg && !msg->hidden)
        return msg;
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_empty(q, HTTP_NOT_FOUND);
    return NULL;
}

void sb_api_message_fetch(sb_req_t *q)
{
    const sb_msg_t *msg = lock_message(q);
    const char *json;

    if (!msg)
        return;
    json = sb_msg_json(q->pool, msg);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_text(q, HTTP_OK, json);
}

static int redact(sb_box_t *box, sb_msg_t *msg)
{
    if (sb_status_in_progress(msg->status))
        return 20009;
    sb_msg_set_body(msg, "");
    sb_state_body(box->state, msg);
    sb_events_push(box->events, SB_EVENT_STATUS, msg->sid);
    return 0;
}

static int cancel(sb_box_t *box, sb_msg_t *msg)
{
    if (msg->status != SB_SCHEDULED)
        return 30409;
    sb_walk_to(box, msg, SB_CANCELED, 0);
    return 0;
}

/* Exactly one of Body= (empty) and Status=canceled. */
static int update(sb_box_t *box, sb_msg_t *msg, const char *body, const char *status)
{
    if (body && !status && !*body)
        return redact(box, msg);
    if (status && !body && !strcmp(status, "canceled"))
        return cancel(box, msg);
    return 30400;
}

void sb_api_message_update(sb_req_t *q)
{
    sb_msg_t *msg = lock_message(q);
    const char *json;
    int code;

    if (!msg)
        return;
    code = update(q->box, msg, sb_req_field(q, "Body"), sb_req_field(q, "Status"));
    json = sb_msg_json(q->pool, msg);
    apr_thread_mutex_unlock(q->box->lock);
    if (code)
        sb_reply_error(q, code == 30400 ? HTTP_BAD_REQUEST : HTTP_CONFLICT, code, NULL);
    else
        sb_reply_text(q, HTTP_OK, json);
}

void sb_api_message_delete(sb_req_t *q)
{
    sb_msg_t *msg = lock_message(q);
    bool busy;

    if (!msg)
        return;
    busy = sb_status_in_progress(msg->status);
    if (!busy) {
        sb_msg_delete(q->box->store, msg);
        sb_state_delete(q->box->state, q->args[1]);
        sb_events_push(q->box->events, SB_EVENT_DELETED, q->args[1]);
    }
    apr_thread_mutex_unlock(q->box->lock);
    if (busy)
        sb_reply_error(q, HTTP_CONFLICT, 20009, NULL);
    else
        sb_reply_empty(q, HTTP_NO_CONTENT);
}

void sb_api_message_feedback(sb_req_t *q)
{
    const char *outcome = sb_req_field(q, "Outcome");
    const sb_msg_t *msg = lock_message(q);
    const char *now = twc_clock_rfc2822(q->pool, apr_time_now());

    if (!msg)
        return;
    apr_thread_mutex_unlock(q->box->lock);
    if (!outcome)
        outcome = "confirmed";
    if (strcmp(outcome, "confirmed") && strcmp(outcome, "unconfirmed"))
        sb_reply_error(q, HTTP_BAD_REQUEST, 20001, "Outcome must be confirmed or unconfirmed");
    else
        sb_reply_json(q, HTTP_CREATED, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "account_sid", q->account->sid,
                                                 "message_sid", q->args[1], "outcome", outcome, "date_created", now,
                                                 "date_updated", now, "uri", q->r->uri));
}

/* ---- the list --------------------------------------------------------------------------------- */

typedef struct page_t {
    sb_query_t query;
    int size, number;
    bool back;                          /* the token points at the page before */
} page_t;

static bool read_instant(const char *text, apr_time_t *t, bool *day)
{
    return twc_clock_parse_iso(text, t, day) == APR_SUCCESS;
}

/* DateSent is a whole day; < and > are instants, inclusive. */
static bool read_dates(sb_req_t *q, sb_query_t *query)
{
    const char *on = sb_req_query(q, "DateSent"), *before = sb_req_query(q, "DateSent<");
    const char *after = sb_req_query(q, "DateSent>");
    apr_time_t t;

    if (on && *on) {
        if (!read_instant(on, &t, NULL))
            return false;
        query->not_before = t - t % DAY;
        query->not_after = query->not_before + DAY - 1;
    }
    if (before && *before) {
        if (!read_instant(before, &t, NULL))
            return false;
        query->not_after = t;
    }
    if (after && *after) {
        if (!read_instant(after, &t, NULL))
            return false;
        query->not_before = t;
    }
    return true;
}

/* "PA" + hex: older than; "PB" + hex: newer than. */
static bool read_token(sb_req_t *q, page_t *page)
{
    const char *token = sb_req_query(q, "PageToken");
    apr_uint64_t seq;
    char *end;

    if (!token || !*token)
        return true;
    if (token[0] != 'P' || (token[1] != 'A' && token[1] != 'B'))
        return false;
    seq = (apr_uint64_t)apr_strtoi64(token + 2, &end, 16);
    if (*end || !seq || end == token + 2)
        return false;
    page->back = token[1] == 'B';
    if (page->back)
        page->query.above = seq;
    else
        page->query.below = seq;
    return true;
}

static const char *read_address(sb_req_t *q, const char *name)
{
    const char *given = sb_req_query(q, name);
    const char *address = given && *given ? twc_phone_canonical(q->pool, given, true) : NULL;

    return given && *given ? (address ? address : given) : NULL;
}

/* 0, or the number of the refusal. */
static int read_page(sb_req_t *q, page_t *page)
{
    *page = (page_t){ .size = PAGE_DEFAULT };
    page->size = (int)sb_req_number(q, "PageSize", 1, PAGE_MAX, sb_req_query(q, "PageSize") ? 0 : PAGE_DEFAULT);
    page->number = (int)sb_req_number(q, "Page", 0, 1000000000, 0);
    if (!page->size)
        return 20007;
    if (!read_token(q, page))
        return 21481;
    page->query.to = read_address(q, "To");
    page->query.from = read_address(q, "From");
    page->query.limit = page->size + 1;
    return read_dates(q, &page->query) ? 0 : 20001;
}

/* The filters again, with another page; JSON text or "null". */
static const char *page_uri(sb_req_t *q, const page_t *page, int number, const char *token)
{
    const char *uri = apr_psprintf(q->pool, "/2010-04-01/Accounts/%s/Messages.json?PageSize=%d&Page=%d",
                                   q->account->sid, page->size, number);

    for (int i = 0; i < q->query->count; i++) {
        const twc_pair_t *pair = &q->query->pairs[i];
        if (!strncmp(pair->name.data, "Page", 4))
            continue;
        uri = apr_pstrcat(q->pool, uri, "&", twc_url_escape(q->pool, pair->name.data), "=",
                          twc_url_escape(q->pool, pair->value.data), NULL);
    }
    return twc_text_json(q->pool, apr_pstrcat(q->pool, uri, *token ? "&PageToken=" : "", token, NULL));
}

/* A page read backwards holds one too many at its newer end, not at its older one. */
static const char *list_json(sb_req_t *q, const page_t *page, sb_msg_t **found, int count)
{
    bool more = count > page->size;
    int first = page->back && more ? 1 : 0, shown = more ? page->size : count, number = page->number;
    bool has_next = page->back ? count > 0 : more, has_previous = page->back ? more : number > 0 && count > 0;
    apr_array_header_t *parts = apr_array_make(q->pool, shown + 1, sizeof(const char *));
    const char *next = "", *previous = "";

    for (int i = first; i < first + shown; i++)
        APR_ARRAY_PUSH(parts, const char *) = sb_msg_json(q->pool, found[i]);
    if (has_next)
        next = apr_psprintf(q->pool, "PA%" APR_UINT64_T_HEX_FMT, found[first + shown - 1]->seq);
    if (has_previous)
        previous = apr_psprintf(q->pool, "PB%" APR_UINT64_T_HEX_FMT, found[first]->seq);
    return apr_pstrcat(q->pool, "{\"first_page_uri\":", page_uri(q, page, 0, ""),
        ",\"end\":", apr_itoa(q->pool, number * page->size + (shown ? shown - 1 : 0)),
        ",\"previous_page_uri\":", has_previous && number > 0 ? page_uri(q, page, number - 1, previous) : "null",
        ",\"messages\":[", apr_array_pstrcat(q->pool, parts, ','), "]"
        ",\"uri\":", page_uri(q, page, number, ""), ",\"page_size\":", apr_itoa(q->pool, page->size),
        ",\"start\":", apr_itoa(q->pool, number * page->size),
        ",\"next_page_uri\":", has_next ? page_uri(q, page, number + 1, next) : "null",
        ",\"page\":", apr_itoa(q->pool, number), "}", NULL);
}

void sb_api_message_list(sb_req_t *q)
{
    page_t page;
    int code = read_page(q, &page), count;
    sb_msg_t **found;
    const char *json;

    if (code) {
        sb_reply_error(q, HTTP_BAD_REQUEST, code, NULL);
        return;
    }
    found = apr_palloc(q->pool, sizeof(*found) * page.query.limit);
    apr_thread_mutex_lock(q->box->lock);
    count = sb_msg_query(q->box->store, q->account, &page.query, found);
    json = list_json(q, &page, found, count);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_text(q, HTTP_OK, json);
}
